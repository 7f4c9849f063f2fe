"""What `l9 explain` finds: the newest run, a run by its id, the newest run of a release."""

from __future__ import annotations

import pytest

from l9.core.states import Kind
from l9.criteria import DEPLOYED, WENT_BACK
from l9.drivers.files.journal import parse
from l9.errors import UsageError
from l9.host import queries, session
from l9.host.steady_state import on_record
from l9.protocol import requests as ask
from world.host import World

from .conftest import V1, V2


def test_run_is_found_by_its_id_by_its_release_or_as_the_newest(two: World) -> None:
    first, second = queries.history(ask.History(), two.runs()).runs[::-1][:2]
    two.rollback()
    for what, run in ((first.run, first), (V1, None), (second.run, second), (V2, second), (None, None)):
        found = queries.explain(ask.Explain(what=what), two.runs())
        assert found.entries[0].run == found.summary.run
        assert {entry.run for entry in found.entries} == {found.summary.run}
        if run is not None:
            assert found.summary.run == run.run
        else:
            assert (found.summary.kind, found.summary.tag) == (Kind.ROLLBACK, V1)


@pytest.mark.parametrize("what", ["v9.9.9-l9", "no-run", 'run"', "", "SUCCESS"])
def test_what_is_in_no_run_is_refused(two: World, what: str) -> None:
    with pytest.raises(UsageError, match="no such run"):
        queries.explain(ask.Explain(what=what), two.runs())


def test_empty_journal_explains_nothing(empty: World) -> None:
    with pytest.raises(UsageError, match="no such run"):
        queries.explain(ask.Explain(), empty.runs())


def test_what_is_asked_is_read_and_not_the_whole_record(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = queries.history(ask.History(), two.runs()).runs[-1]
    for to in (V1, V2) * 10:
        two.rollback(to)
    read: list[bytes] = []
    monkeypatch.setattr(session, "parse", lambda line, path: read.append(line) or parse(line, path))
    found = queries.explain(ask.Explain(what=first.run), two.runs())
    assert len(read) <= len(found.entries) + 1
    read.clear()
    _, evidence = on_record(two.runs())
    assert {DEPLOYED, WENT_BACK} <= set(evidence)
    seen = len(read)
    runs = len(queries.history(ask.History(most=100), two.runs()).runs)
    assert runs == 22
    assert seen < 100 + 2 * runs < len(list(two.journal.entries()))
