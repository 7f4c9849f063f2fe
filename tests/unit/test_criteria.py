"""The spec's lists: each line says what its invariants say, or what is on record of them."""

from __future__ import annotations

import pytest

from l9.catalogue import Judged, catalogue
from l9.core.verdict import VerdictKind
from l9.criteria import CHECKLIST, DEPLOYED, READINESS, WENT_BACK, Criterion, assess

ONE = Criterion("Group", "Both", "spec 9", ("host.a", "host.b"))


def judged(id: str, verdict: str) -> Judged:
    """`excused fail` is one that closes nothing."""
    excused, kind = verdict.startswith("excused"), VerdictKind(verdict.rsplit(maxsplit=1)[-1])
    return Judged(id=id, why="", verdict=kind, found=verdict, closes=kind.closes and not excused)


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ("pass", "pass", "pass"),
        ("pass", "excused fail", "excused fail"),
        ("excused unknown", "excused fail", "excused fail"),
        ("excused fail", "pending", "pending"),
        ("unknown", "pending", "unknown"),
        ("unknown", "excused fail", "unknown"),
        ("unknown", "fail", "fail"),
    ],
)
def test_the_weightiest_verdict_is_the_lines(first: str, second: str, wanted: str) -> None:
    (line,) = assess((ONE,), (judged("host.a", first), judged("host.b", second)), {}, None)
    assert (line.verdict, line.closes) == (judged("", wanted).verdict, judged("", wanted).closes)
    assert [one.id for one in line.evidence] == ["host.a", "host.b"]


def test_what_only_a_deploy_judges_is_taken_from_its_record() -> None:
    (line,) = assess((ONE,), (judged("host.a", "pass"),), {"host.b": "3 requests"}, "v1.0.0-l9")
    assert line.verdict == "pass"
    assert line.evidence[1].found == "3 requests (on record, when v1.0.0-l9 went live)"


def test_what_was_judged_now_counts_more_than_the_record() -> None:
    (line,) = assess((ONE,), (judged("host.a", "fail"), judged("host.b", "pass")), {"host.a": "ok"}, "v")
    assert line.verdict == "fail"


def test_what_only_the_journal_knows() -> None:
    went = Criterion("Group", "Rollback tried", "spec 8", (WENT_BACK,))
    (line,) = assess((went,), (), {WENT_BACK: "to v1.0.0-l9"}, "v1.1.0-l9")
    assert (line.verdict, line.evidence[0].found) == ("pass", "to v1.0.0-l9")


def test_what_nobody_judged_is_pending() -> None:
    (line,) = assess((ONE,), (), {}, None)
    assert line.verdict == "pending"


@pytest.mark.parametrize("criterion", [*READINESS, *CHECKLIST], ids=lambda criterion: criterion.title)
def test_each_line_names_invariants_that_there_are(criterion: Criterion) -> None:
    assert criterion.needs
    assert set(criterion.needs) <= {need.id for need in catalogue()} | {DEPLOYED, WENT_BACK}


def test_the_spec_has_eight_criteria() -> None:
    assert len(READINESS) == 8
