"""The rule for messages of commits and tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l9.checks.git.messages import check_message, references

SPEC_COMMIT = """\
Fix: Prevent deadlock in memory.insert_embedding

The previous implementation held a connection lock while
waiting for vector embedding completion.

Fixes: #1042
"""
SPEC_TAG = """\
Release v0.5.1-l9: Fix memory embedding deadlock

Fixes:
- Prevent lock contention in vector DB writes
"""
SIGNATURE = "-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQ\n-----END SSH SIGNATURE-----\n"


def texts(message: str) -> list[str]:
    findings = check_message(message)
    assert not any(finding.hard for finding in findings)
    return [finding.text for finding in findings]


@pytest.mark.parametrize(
    "message",
    [
        SPEC_COMMIT,
        SPEC_TAG,
        SPEC_TAG + SIGNATURE,
        "Fix: Update JWT expiry check in auth.py",
        "Refactor: Extract verify_api_key into utils",
        "Test: Add unit tests for JWT edge cases",
        "[Fix]: Embed the lock",
        "Add!: Another contract",
        "[Fix]!: Another contract",
        "Fix: Feed, then focus",
        "Fix: Process the queue",
        "Fix: ... at last",
        "Merge branch 'feature/lock' into main",
        "Merge pull request #12 from ada/feature/lock-of-a-very-long-name",
        "Merge remote-tracking branch 'origin/main'",
        'Revert "Fix: Prevent the deadlock in memory.insert_embedding"',
    ],
)
def test_a_message_of_the_rule_has_no_findings(message: str) -> None:
    assert texts(message) == []


@pytest.mark.parametrize(
    "message", ["", "\n \n", SIGNATURE, "\n" + SIGNATURE, "-----BEGIN PGP SIGNATURE-----\nx"]
)
def test_an_empty_message_is_the_one_hard_finding(message: str) -> None:
    (finding,) = check_message(message)
    assert finding.hard
    assert finding.text == "the message is empty: say what changed and why"


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("Fix: " + "x".upper() * 46, "the subject has 51 characters; at most 50 show everywhere"),
        ("update stuff", "begin with a type, as in"),
        ("fix: prevent it", "begin with a type, as in"),
        ("Fix:no space", "begin with a type, as in"),
        ("Fix: Prevented it", "use the imperative instead of 'Prevented'"),
        ("Fix: preventing it", "use the imperative instead of 'preventing'"),
        ("Fix: Prevents it", "use the imperative instead of 'Prevents'"),
        ("Fix: prevent it", "begin the description with a capital letter: 'Prevent'"),
        ("Fix: Auth, deps, routes", "one concern per commit"),
        ("Fix: Prevent it\nand more", "leave the second line blank"),
        ("Merge everything", "begin with a type, as in"),
    ],
)
def test_everything_else_is_advice(message: str, advice: str) -> None:
    (text,) = texts(message)
    assert text.startswith(advice)


def test_the_bad_example_of_the_spec_gets_all_that_it_deserves() -> None:
    assert len(texts("Fix auth, update deps, refactor memory routes, bump version")) == 2


@given(st.text())
def test_any_message_is_judged(message: str) -> None:
    hard = [finding for finding in check_message(message) if finding.hard]
    assert len(hard) <= 1
    assert bool(message.strip()) or hard


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (SPEC_COMMIT, ("#1042",)),
        ("Fix: It\n\nRefs: ABC-12\nFixes #3, #3 and ada/l9#4\n", ("ABC-12", "#3")),
        ("Fix: Read UTF-8\n\nIn a page&#39;s text, colour #0a0 and #00, not x#1.", ()),
        ("Fix: It\n" + SIGNATURE + "#7", ()),
    ],
)
def test_the_issues_that_a_message_names(message: str, named: tuple[str, ...]) -> None:
    assert references(message) == named
