"""Rules for healthy answers, and for how long a slot has been healthy (spec 4.2; 5.1 steps 5 and 6)."""

import json
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

_SHOWN_CHARS = 40
_SECRET_NAMES = ("pass", "secret", "token", "key", "dsn", "credential")
_ABSENT = object()


class HealthRule(msgspec.Struct, frozen=True):
    """The rule for a healthy answer: its HTTP status, and one field of its JSON body.

    `field` is a path such as `checks.0.status`; None accepts any body. If `equals` is None, the field must only
    be present. A redirect is never healthy.
    """

    status: tuple[int, ...] = (200,)
    field: str | None = "status"
    equals: str | None = "healthy"

    def __post_init__(self) -> None:
        """Raise ValueError if no answer could meet the rule."""
        if not self.status:
            raise ValueError("a health rule needs at least one HTTP status")

    @property
    def expected(self) -> str:
        """The rule in words."""
        status = "status " + " or ".join(map(str, self.status))
        if self.field is None:
            return status
        wanted = "present" if self.equals is None else f'= "{self.equals}"'
        return f"{status} and JSON with {self.field} {wanted}"


class Answer(msgspec.Struct, frozen=True):
    """The judgement on one answer, with the expected and the actual one."""

    ok: bool
    expected: str
    found: str


def judge_answer(rule: HealthRule, status: int, content_type: str, body: bytes) -> Answer:
    """Judge one HTTP answer by a rule (spec 4.2).

    `content_type` is the Content-Type header ("" if there was none). Returns an Answer whose `found` is one short
    line. Raises nothing: a body that cannot be parsed is unhealthy.
    """
    ok, found = _judge(rule, status, content_type, body)
    return Answer(ok, rule.expected, f"status {status}{found}")


def _judge(rule: HealthRule, status: int, content_type: str, body: bytes) -> tuple[bool, str]:
    if 300 <= status < 400:
        return False, ": a redirect, which proves nothing; probe the path that it leads to"
    described = f", {content_type or 'no content type'}, {len(body)} bytes: {_snippet(body)}"
    if status not in rule.status:
        return False, described
    if rule.field is None:
        return True, ""
    answer = _json(body)
    if isinstance(answer, list) and answer and type(answer[-1]) is int and 400 <= answer[-1] < 600:
        # `return {...}, 503` in FastAPI answers 200 with a list (as printed in spec 4.2).
        return False, f" with a list that ends in {answer[-1]}: a status that was sent inside the body"
    if not isinstance(answer, dict):
        return False, f"{described}, not a JSON object"
    value = _at(answer, rule.field)
    ok = value is not _ABSENT and (rule.equals is None or _text(value) == rule.equals)
    return ok, f" and {_format_field(rule.field, value)}"


class Mismatch(NamedTuple):
    """One field of an answer that differs from the smoke check: `a.b = 1`, and the actual value."""

    expected: str
    found: str


def expected_fields(answer_json: object, fields: Mapping[str, object]) -> list[Mismatch]:
    """Compare fields of an answer with those of a smoke check (spec 5.1 step 6).

    `fields` maps paths such as `a.b` or `items.0.id` to the expected values. Returns the mismatches. True is not
    equal to 1. Values over 40 characters are shortened, and those under a name that sounds like a secret are not
    included. Raises nothing.
    """
    mismatches = []
    for path, wanted in fields.items():
        value = _at(answer_json, path)
        if isinstance(value, bool) is not isinstance(wanted, bool) or value != wanted:
            mismatches.append(Mismatch(_format_field(path, wanted), _format_field(path, value)))
    return mismatches


class Sample(msgspec.Struct, frozen=True):
    """One probe: its time (seconds of a steady clock), its result, and a detail in one line."""

    at: float
    ok: bool
    detail: str = ""


class Streak(msgspec.Struct, frozen=True):
    """A fold over probes: the time since which all were healthy (spec 1.3: "green for 10s")."""

    samples: int = 0
    first_ok_at: float | None = None
    healthy_since: float | None = None
    last: Sample | None = None

    def add(self, sample: Sample) -> "Streak":
        """Return the streak with one more probe (spec 5.1 step 5).

        A probe with a time before the last one restarts the streak: a clock that ran backwards proves no duration.
        """
        backwards = self.last is not None and sample.at < self.last.at
        unbroken = self.healthy_since is not None and not backwards
        return replace(
            self,
            samples=self.samples + 1,
            first_ok_at=sample.at if self.first_ok_at is None and sample.ok else self.first_ok_at,
            healthy_since=(self.healthy_since if unbroken else sample.at) if sample.ok else None,
            last=sample,
        )


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return _ABSENT


def _at(value: object, path: str) -> object:
    """Follow a dotted path through objects and lists; `_ABSENT` if there is no such value."""
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step, _ABSENT)
        elif isinstance(value, list) and step.isascii() and step.isdecimal() and len(step) < 10:
            value = value[int(step)] if int(step) < len(value) else _ABSENT
        else:
            return _ABSENT
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _format_field(path: str, value: object) -> str:
    if value is _ABSENT:
        return f"no {path}"
    if any(name in path.rpartition(".")[2].lower() for name in _SECRET_NAMES):
        return f"{path} = ***"
    return f"{path} = {_short(json.dumps(value, ensure_ascii=False, default=repr))}"


def _snippet(body: bytes) -> str:
    text = body[: 4 * _SHOWN_CHARS].decode("utf-8", "replace")
    return _short("".join(char if char.isprintable() else " " for char in text))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS // 2]}… ({len(text)} characters)"
