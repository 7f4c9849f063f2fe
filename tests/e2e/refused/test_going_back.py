"""Going back to what is not there, and journals that tell of something else."""

from __future__ import annotations

import json

import pytest

from e2e.refusals import Desk, kept
from e2e.refusing_stage import LIVE, NEXT
from l9.core.events import SCHEMA

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(120)]


def test_rollback_to_an_unknown_release(desk: Desk) -> None:
    answer = desk.refused("rollback", "v9.9.9-l9", code=2, says=("v9.9.9-l9 is not retained",))
    assert answer.remedies == ["l9 deploy v9.9.9-l9"]


def test_rollback_with_nothing_to_go_back_to(desk: Desk) -> None:
    desk.refused("rollback", code=2, says=("there is no previous good release",))


def test_rollback_to_what_is_live(desk: Desk) -> None:
    desk.refused("rollback", LIVE, code=2, says=(f"{LIVE} is already live",))


@pytest.mark.parametrize("command", [("status",), ("deploy", NEXT), ("rollback",)])
def test_journal_of_a_newer_version(desk: Desk, command: tuple[str, ...]) -> None:
    with kept(desk.stage.layout.journal) as journal:
        lines = journal.read_text(encoding="utf-8").splitlines()
        newer = {**json.loads(lines[-1]), "schema": "l9.journal/9", "body": {"event": "ascended"}}
        journal.write_text("\n".join([*lines, json.dumps(newer)]) + "\n", encoding="utf-8")
        says = ("written by a newer l9", SCHEMA, "l9.journal/9")
        desk.refused(*command, code=2, says=says)


def test_changed_entry_is_found(desk: Desk) -> None:
    with kept(desk.stage.layout.journal) as journal:
        lines = journal.read_bytes().splitlines(keepends=True)
        lines[2] = lines[2].replace(b'"at":1', b'"at":2', 1)
        journal.write_bytes(b"".join(lines))
        desk.refused("history", "--verify", code=5, says=("the journal's chain breaks at entry 3",))


def test_removed_entry_is_found(desk: Desk) -> None:
    with kept(desk.stage.layout.journal) as journal:
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join(lines[:4] + lines[5:]))
        desk.refused("history", "--verify", code=5, says=("the journal's chain breaks at entry 5",))


def test_lines_that_are_no_entries(desk: Desk) -> None:
    """One at the end is left out, and set aside by the next run; more than one is no accident of a crash."""
    with kept(desk.stage.layout.journal) as journal:
        whole = journal.read_bytes()
        journal.write_bytes(whole + b"not an entry\n")
        assert json.loads(desk.l9("status", "--json").stdout)["live"]["release"] == LIVE
        journal.write_bytes(whole + b"not an entry\n" * 2)
        desk.refused("status", code=5, says=("not an entry",))


def test_torn_last_line_is_tolerated(desk: Desk) -> None:
    with kept(desk.stage.layout.journal) as journal:
        whole = journal.read_bytes()
        journal.write_bytes(whole + whole.splitlines()[-1][:40])
        assert json.loads(desk.l9("status", "--json").stdout)["live"]["release"] == LIVE
        assert desk.l9("history").returncode == 0
        assert desk.l9("history", "--verify").returncode == 0
