"""Check the output of `--json` against its schema: no field too many, none too few, none of another type."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from l9.protocol.answers.run_lines import Lines
from l9.protocol.schemas import SCHEMAS


def documents(out: str) -> list[dict[str, Any]]:
    """All documents that a command printed, each of them as documented."""
    found = [json.loads(line) for line in out.splitlines()]
    for document in found:
        lines = "type" in document and document["type"] != "error"
        check(document, Lines if lines else SCHEMAS[document["schema"]])
    return found


def answer_of(document: dict[str, Any]) -> dict[str, Any]:
    """A command's answer: the document itself, or what the last line of a long one holds."""
    answer: dict[str, Any] = document["answer"] if document.get("type") == "result" else document
    return answer


def check(document: dict[str, Any], kind: Any) -> None:
    """Raises AssertionError where the document is not of that kind."""
    read = msgspec.convert(document, kind)
    told = msgspec.json.decode(msgspec.json.encode(read))
    assert told == document, f"not as documented: {sorted(set(document) ^ set(told)) or document}"
