"""The spec's lists: each line says what its invariants say, or what is on record of them."""

from __future__ import annotations

import pytest

from l9.catalogue import Judged, catalogue
from l9.criteria import CHECKLIST, DEPLOYED, READINESS, WENT_BACK, Criterion, assess

ONE = Criterion("Group", "Both", "spec 9", ("host.a", "host.b"))


def judged(id: str, verdict: str) -> Judged:
    return Judged(id=id, verdict=verdict, found=verdict)


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ("holds", "holds", "holds"),
        ("holds", "advice", "advice"),
        ("advice", "later", "later"),
        ("unknown", "later", "unknown"),
        ("unknown", "fails", "fails"),
    ],
)
def test_the_weightiest_verdict_is_the_lines(first: str, second: str, wanted: str) -> None:
    (line,) = assess((ONE,), (judged("host.a", first), judged("host.b", second)), {}, None)
    assert line.verdict == wanted
    assert [one.id for one in line.evidence] == ["host.a", "host.b"]


def test_what_only_a_deploy_judges_is_taken_from_its_record() -> None:
    (line,) = assess((ONE,), (judged("host.a", "holds"),), {"host.b": "3 requests"}, "v1.0.0-l9")
    assert line.verdict == "holds"
    assert line.evidence[1].found == "3 requests (on record, when v1.0.0-l9 went live)"


def test_what_was_judged_now_counts_more_than_the_record() -> None:
    (line,) = assess((ONE,), (judged("host.a", "fails"), judged("host.b", "holds")), {"host.a": "ok"}, "v")
    assert line.verdict == "fails"


def test_what_only_the_journal_knows() -> None:
    went = Criterion("Group", "Rollback tried", "spec 8", (WENT_BACK,))
    (line,) = assess((went,), (), {WENT_BACK: "to v1.0.0-l9"}, "v1.1.0-l9")
    assert (line.verdict, line.evidence[0].found) == ("holds", "to v1.0.0-l9")


def test_what_nobody_judged_is_judged_later() -> None:
    (line,) = assess((ONE,), (), {}, None)
    assert line.verdict == "later"


@pytest.mark.parametrize("criterion", [*READINESS, *CHECKLIST], ids=lambda criterion: criterion.title)
def test_each_line_names_invariants_that_there_are(criterion: Criterion) -> None:
    assert criterion.needs
    assert set(criterion.needs) <= {need.id for need in catalogue()} | {DEPLOYED, WENT_BACK}


def test_the_spec_has_eight_criteria() -> None:
    assert len(READINESS) == 8
