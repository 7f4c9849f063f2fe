"""When an answer means health, and for how long it has."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l9.checks.host.health import HealthRule, Sample, Streak, expected_fields, judge_answer

SPEC = HealthRule()
HEALTHY = b'{"status": "healthy", "database": "connected"}'


def judged(
    rule: HealthRule, status: int, body: bytes, content_type: str = "application/json"
) -> tuple[bool, str]:
    answer = judge_answer(rule, status, content_type, body)
    assert answer.expected == rule.expected
    return answer.ok, answer.found


def test_the_answer_that_the_spec_asks_for() -> None:
    assert judged(SPEC, 200, HEALTHY) == (True, 'status 200 and status = "healthy"')
    assert SPEC.expected == 'status 200 and JSON with status = "healthy"'


def test_a_503_that_was_sent_as_a_list_is_not_healthy() -> None:
    ok, found = judged(SPEC, 200, b'[{"status": "unhealthy", "error": "no database"}, 503]')
    assert not ok
    assert found == "status 200 with a list that ends in 503: a status that was sent inside the body"


@pytest.mark.parametrize("body", [b"[]", b"[200]", b"[true]", b"[1, 503.0]", b'"healthy"', b"null"])
def test_other_json_than_an_object_is_not_healthy(body: bytes) -> None:
    ok, found = judged(SPEC, 200, body)
    assert not ok
    assert found.endswith(", not a JSON object")


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308])
@pytest.mark.parametrize("rule", [SPEC, HealthRule(field=None), HealthRule(status=(200, 301, 302))])
def test_a_redirect_is_not_healthy(rule: HealthRule, status: int) -> None:
    ok, found = judged(rule, status, HEALTHY)
    assert not ok
    assert found.startswith(f"status {status}: a redirect")


def test_another_status_is_shown_with_what_it_says() -> None:
    ok, found = judged(SPEC, 400, b"Invalid\nHost\x1b[0m header", "text/plain")
    assert not ok
    assert found == "status 400, text/plain, 23 bytes: Invalid Host [0m header"


@pytest.mark.parametrize("body", [b"", b"ok", b"\xff\xfe\x00", b"[" * 100_000, b'{"status": "healthy"'])
def test_what_is_no_json_is_not_healthy_when_a_field_is_asked_for(body: bytes) -> None:
    ok, found = judged(SPEC, 200, body, "")
    assert not ok
    assert found.startswith(f"status 200, no content type, {len(body)} bytes: ")


def test_without_a_field_any_body_will_do() -> None:
    rule = HealthRule(status=(200, 204), field=None)
    assert rule.expected == "status 200 or 204"
    assert judged(rule, 204, b"") == (True, "status 204")
    assert judged(rule, 200, b"<!doctype html>") == (True, "status 200")
    assert not judged(rule, 503, b"")[0]


def test_a_nested_field() -> None:
    rule = HealthRule(field="checks.0.state", equals="up")
    assert judged(rule, 200, b'{"checks": [{"state": "up"}]}')[0]
    assert judged(rule, 200, b'{"checks": [{"state": "down"}]}') == (
        False,
        'status 200 and checks.0.state = "down"',
    )
    for body in (b'{"checks": []}', b'{"checks": {"1": 1}}', b'{"checks": "up"}'):
        assert judged(rule, 200, body) == (False, "status 200 and no checks.0.state")


def test_a_field_that_only_has_to_be_there() -> None:
    rule = HealthRule(field="version", equals=None)
    assert rule.expected == "status 200 and JSON with version present"
    assert judged(rule, 200, b'{"version": null}')[0]
    assert not judged(rule, 200, b"{}")[0]


def test_values_that_are_no_strings_are_compared_as_json_writes_them() -> None:
    assert judged(HealthRule(field="ok", equals="true"), 200, b'{"ok": true}')[0]
    assert judged(HealthRule(field="n", equals="3"), 200, b'{"n": 3}')[0]
    assert not judged(HealthRule(field="ok", equals="True"), 200, b'{"ok": true}')[0]


def test_a_rule_that_nothing_could_meet_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one HTTP status"):
        HealthRule(status=())


@given(st.integers(100, 599), st.text(), st.binary())
def test_any_answer_is_judged_in_a_short_line(status: int, content_type: str, body: bytes) -> None:
    ok, found = judged(SPEC, status, body, content_type[:30])
    assert not ok
    assert len(found) < 160


# ── smoke checks ─────────────────────────────────────────────────────────────────────────────────


def test_expected_fields_that_are_there() -> None:
    answer = {"a": {"b": 1}, "items": [{"id": "x"}], "ok": True, "ratio": 1.0, "none": None}
    wanted = {"a.b": 1, "items.0.id": "x", "ok": True, "ratio": 1, "none": None}
    assert expected_fields(answer, wanted) == []


def test_mismatches_name_the_path_on_both_sides() -> None:
    found = expected_fields({"a": {"b": 2}, "n": True}, {"a.b": 1, "c": "x", "n": 1})
    assert found == [("a.b = 1", "a.b = 2"), ('c = "x"', "no c"), ("n = 1", "n = true")]


def test_long_values_are_shortened_and_secrets_are_not_shown() -> None:
    secret = "hunter2"
    (long, hidden) = expected_fields(
        {"text": "y" * 100, "auth": {"Api_Key": secret}}, {"text": "z", "auth.Api_Key": "other"}
    )
    assert long.found == f'text = "{"y" * 19}… (102 characters)'
    assert hidden == ("auth.Api_Key = ***", "auth.Api_Key = ***")


@pytest.mark.parametrize("answer", [None, 3, "text", [], {}])
def test_an_answer_of_any_shape_can_be_compared(answer: object) -> None:
    assert expected_fields(answer, {"a.b": 1}) == [("a.b = 1", "no a.b")]


def test_an_index_that_is_no_plain_number_leads_nowhere() -> None:
    assert [m.found for m in expected_fields([1], {"²": 1, "-1": 1, "9" * 30: 1})] == [
        "no ²",
        "no -1",
        f"no {'9' * 30}",
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
)


@given(st.dictionaries(st.text("abc", min_size=1), JSON))
def test_an_answer_meets_itself(answer: dict[str, object]) -> None:
    assert expected_fields(json.loads(json.dumps(answer)), answer) == []


# ── streaks ──────────────────────────────────────────────────────────────────────────────────────


def folded(samples: list[Sample]) -> Streak:
    streak = Streak()
    for sample in samples:
        streak = streak.add(sample)
    return streak


def test_nothing_seen_is_not_healthy() -> None:
    assert (Streak().healthy_since, Streak().samples) == (None, 0)


def test_one_failure_breaks_the_run() -> None:
    oks = [True, True, False, True, True]
    streak = folded([Sample(float(at), ok) for at, ok in enumerate(oks)])
    assert (streak.first_ok_at, streak.healthy_since, streak.samples) == (
        0.0,
        3.0,
        5,
    )
    broken = streak.add(Sample(5.0, False, "status 503"))
    assert (broken.healthy_since, broken.first_ok_at) == (None, 0.0)
    assert broken.last == Sample(5.0, False, "status 503")
    assert streak.healthy_since == 3.0


def test_a_clock_that_went_back_proves_nothing() -> None:
    assert folded([Sample(10.0, True), Sample(20.0, True), Sample(12.0, True)]).healthy_since == 12.0


@given(st.lists(st.tuples(st.floats(0, 60), st.booleans())))
def test_a_streak_is_the_unbroken_end_of_its_samples(steps: list[tuple[float, bool]]) -> None:
    now, samples = 0.0, []
    for step, ok in steps:
        now += step
        samples.append(Sample(now, ok))
    streak = folded(samples)
    run = [s.at for i, s in enumerate(samples) if all(later.ok for later in samples[i:])]
    assert streak.healthy_since == (run[0] if run else None)
    assert streak.first_ok_at == next((s.at for s in samples if s.ok), None)
    assert streak.samples == len(samples)
    assert streak.last == (samples[-1] if samples else None)
