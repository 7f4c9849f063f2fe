"""The results of cells: JSON Lines, one file a shard, so that a run that was ended goes on where it was."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec

from faults.seen import Seen

REPOSITORY = Path(__file__).parents[2]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One cell. `complaints`: none in a perfect cell. `not_applicable`: the rule's reason."""

    fault: str
    title: str
    moment: str
    column: str
    commit: str = ""
    not_applicable: str = ""
    complaints: tuple[str, ...] = ()
    bound_failed: int | None = None
    seen: Seen | None = None


def commit() -> str:
    """The commit of the working copy; `+` if files of the project differ from it."""
    git = ("git", "-C", str(REPOSITORY))
    head = subprocess.run(
        (*git, "rev-parse", "--short=12", "HEAD"), capture_output=True, text=True, check=True
    )
    changed = subprocess.run(
        (*git, "status", "--porcelain", "src", "tests/faults"), capture_output=True, text=True, check=True
    )
    return head.stdout.strip() + ("+" if changed.stdout else "")


def load(files: list[Path]) -> list[Result]:
    """Return the results of all files; of a cell that ran twice, the later one."""
    decoder, found = msgspec.json.Decoder(Result), dict[tuple[str, str], Result]()
    for file in files:
        for line in _lines(file):
            result = decoder.decode(line)
            found[result.fault, result.moment] = result
    return list(found.values())


def _lines(file: Path) -> Iterator[bytes]:
    if file.exists():
        yield from (line for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n"))


def add(file: Path, result: Result) -> None:
    with file.open("ab") as out:
        out.write(msgspec.json.encode(result) + b"\n")
