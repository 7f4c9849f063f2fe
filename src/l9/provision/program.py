"""The text that runs on the host: `host/`, as it is installed here, with a request in it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from l9.provision.host.program import program
from l9.provision.host.talk import MARK


@cache
def modules() -> dict[str, str]:
    """Module name to source text; packages are empty."""
    top = Path(__file__).parent / "host"
    found = {"l9": "", "l9.provision": "", "l9.provision.host": ""}
    for file in sorted(top.glob("[!_]*.py")):
        found[f"l9.provision.host.{file.stem}"] = file.read_text(encoding="utf-8")
    return found


def look(question: dict[str, Any]) -> str:
    """The program that looks (`Wanted.question`)."""
    return program({"modules": modules(), "mark": MARK, "mode": "look", "look": question})


def apply(changes: list[dict[str, Any]], wheels: dict[str, str]) -> str:
    """The program that makes changes; `wheels` are base64 by file name."""
    numbered = [{**change, "index": index} for index, change in enumerate(changes)]
    data = {"modules": modules(), "mark": MARK, "mode": "apply", "changes": numbered, "wheels": wheels}
    return program(data)
