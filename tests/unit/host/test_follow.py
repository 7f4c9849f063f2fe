"""Following a run: what is added to its files comes out once, also around fragments and repairs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from l9.config.layout import Layout
from l9.core import events as ev
from l9.core.states import Kind, Slot, State
from l9.drivers.files.journal import JournalFile
from l9.drivers.files.lock import LockFile
from l9.host.follow import follow
from l9.protocol.answers.run_lines import EntryLine, TextLine
from l9.protocol.messages import AnyMessage, encode

STARTED = ev.RunStarted(
    kind=Kind.DEPLOY, tag="v1", commit="c", tag_object="t", new=Slot.BLUE, old=None, previous=None, who="ada"
)
ENTERED = ev.GateEntered(gate=State.HOST_READY)
FINISHED = ev.RunFinished(
    outcome=State.SUCCESS, live="v1", slot=Slot.BLUE, standby=None, exit_code=0, seconds=1.0
)


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """A host where a run is on."""
    found = Layout(tmp_path)
    found.run("run-1").mkdir(parents=True)
    lock = LockFile(found.lock)
    lock.take("ada", "deploy v1")
    yield found
    lock.free()


def journal(layout: Layout) -> JournalFile:
    return JournalFile(layout.journal, lambda: 1.0)


def add(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def bodies(messages: list[AnyMessage]) -> list[object]:
    return [m.entry.body if isinstance(m, EntryLine) else m for m in messages]


def test_entries_and_progress_come_once_and_end_with_the_run(layout: Layout) -> None:
    for event in (STARTED, ENTERED, FINISHED):
        journal(layout).append("run-1", event)
    add(layout.run("run-1") / "progress.jsonl", encode(TextLine(text="one")) + b"\n")
    assert bodies(list(follow(layout, "run-1", 0))) == [TextLine(text="one"), STARTED, ENTERED, FINISHED]


@pytest.mark.parametrize("bad", [b"hello\n", b'{"a":\r1}\n', b"hello\n\n", b"x" * 100_000 + b"\n"])
def test_what_is_no_entry_is_passed_over(layout: Layout, bad: bytes) -> None:
    for event in (STARTED, ENTERED):
        journal(layout).append("run-1", event)
    following = follow(layout, "run-1", 0)
    assert bodies([next(following), next(following)]) == [STARTED, ENTERED]
    add(layout.journal, bad)
    if bad.count(b"\n") == 1:
        journal(layout).append("run-1", FINISHED)  # sets the line aside: the file is shorter than it was
    else:
        other = JournalFile(layout.journal.with_name("other"), lambda: 1.0)
        other.append("run-1", FINISHED)
        add(layout.journal, layout.journal.with_name("other").read_bytes())
    assert bodies(list(following)) == [FINISHED]


def test_journal_that_was_repaired_meanwhile_is_followed_on(layout: Layout) -> None:
    """A line is seen, taken away, and other entries come in its place."""
    journal(layout).append("run-1", STARTED)
    following = follow(layout, "run-1", 0)
    assert bodies([next(following)]) == [STARTED]
    add(layout.journal, b"y" * 50_000 + b"\n")
    add(layout.run("run-1") / "progress.jsonl", encode(TextLine(text="seen")) + b"\n")
    assert next(following) == TextLine(text="seen")  # it has read to the end by now
    for event in (ENTERED, FINISHED):
        journal(layout).append("run-1", event)
    assert bodies(list(following)) == [ENTERED, FINISHED]


def test_fragments_of_progress_end_nothing(layout: Layout) -> None:
    """A disk that filled in the middle of a write leaves half a message, to which the next is appended."""
    journal(layout).append("run-1", STARTED)
    progress, message = layout.run("run-1") / "progress.jsonl", encode(TextLine(text="text")) + b"\n"
    add(progress, message[:9] + message + message)
    journal(layout).append("run-1", FINISHED)
    assert bodies(list(follow(layout, "run-1", 0))) == [TextLine(text="text"), STARTED, FINISHED]
