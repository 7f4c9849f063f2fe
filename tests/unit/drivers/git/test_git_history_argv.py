"""git's history and signatures: argument vectors by equality, and what the programs say."""

from __future__ import annotations

import pytest

from l9.checks.git.facts import CommitMessage, Signature
from l9.drivers.git import history_commands as history
from l9.drivers.signing import tag_commands as signatures

A, B, C = "a" * 40, "b" * 40, "c" * 40


@pytest.mark.parametrize(
    ("argv", "wanted"),
    [
        (history.remote_tags(), ("git", "ls-remote", "--tags", "--refs", "--", "origin")),
        (history.is_shallow(), ("git", "rev-parse", "--is-shallow-repository")),
        (history.log_messages(A, B, 3)[-3:], ("--format=%H%x1f%P%x1f%B", f"{A}..{B}", "--")),
        (history.log_messages("", B, 3)[-4:], ("--format=%H%x1f%P%x1f%B", "--no-walk", B, "--")),
        (signatures.verify_tag("v1"), ("git", "verify-tag", "--raw", "--", "v1")),
        (signatures.verify_tag("v1", "a=b"), ("git", "-c", "a=b", "verify-tag", "--raw", "--", "v1")),
        (signatures.least_trust(), ("git", "config", "--get", "gpg.minTrustLevel")),
    ],
)
def test_the_argument_vector(argv: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    assert argv == wanted


def test_annotated_tags_in_a_history() -> None:
    assert history.merged_tags(A)[2] == f"--merged={A}"
    out = f"v1\0tag\0commit\0{A}\0{B}\nlight\0commit\0\0{B}\0\nof-a-tag\0tag\0tag\0{C}\0{A}\n"
    assert history.parse_merged_tags(out) == (
        history.MergedTag("v1", A, B),
        history.MergedTag("of-a-tag", C, ""),
    )


def test_messages_may_hold_what_divides_them() -> None:
    out = f"{A}\x1f{B} {C}\x1fMerge branch 'x'\n\0{B}\x1f\x1fFix: A \x1f in it\n\nBody\n\0"
    assert history.parse_messages(out) == (
        CommitMessage(A, 2, "Merge branch 'x'\n"),
        CommitMessage(B, 0, "Fix: A \x1f in it\n\nBody\n"),
    )


SSH = 'Good "git" signature {}with ED25519 key SHA256:abc\n'


@pytest.mark.parametrize(
    ("err", "who"),
    [
        (SSH.format("for ada@l9.invalid "), "ada@l9.invalid (ED25519 key SHA256:abc)"),
        (
            "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG B948 Bob <bob@l9.invalid>\n",
            "Bob <bob@l9.invalid> (GPG key B948)",
        ),
        ("", "an unnamed signer"),
    ],
)
def test_who_signed(err: str, who: str) -> None:
    assert signatures.parse_verification(0, err) == Signature("good", who)


@pytest.mark.parametrize(
    ("err", "why"),
    [
        (
            SSH.format("") + "No principal matched.\n",
            "ED25519 key SHA256:abc, which is not an allowed signer's",
        ),
        (SSH.format("") + "f:1: key has expired: x\n", "which was not valid at the time of signing"),
        (
            "Could not verify signature.\nSignature verification failed: incorrect signature\n",
            "the tag was changed",
        ),
        ("Could not verify signature.\n", "does not verify (Could not verify signature.)"),
        ("", "does not verify (no reason given)"),
        ("[GNUPG:] BADSIG B9 Bob\n", "by Bob that does not match: the tag was changed"),
        ("[GNUPG:] EXPKEYSIG B9 Bob\n", "by Bob with an expired key"),
        ("[GNUPG:] REVKEYSIG B9 Bob\n", "by Bob with a revoked key"),
        ("[GNUPG:] EXPSIG B9 Bob\n", "by Bob that has expired"),
        (
            "[GNUPG:] GOODSIG B9 Bob\n[GNUPG:] TRUST_UNDEFINED 0 pgp\n",
            "that is not certified in this keyring",
        ),
        ("[GNUPG:] ERRSIG B9 22\n[GNUPG:] NO_PUBKEY B9\n", "GPG key B9, which is not in this keyring"),
    ],
)
def test_why_a_signature_is_bad(err: str, why: str) -> None:
    found = signatures.parse_verification(1, err)
    assert (found.state, found.by) == ("bad", "")
    assert why in found.why


@pytest.mark.parametrize(
    ("err", "program"),
    [("fatal: cannot run gpg: No such file or directory\n", "gpg"), ("fatal: bad object\n", None)],
)
def test_a_program_that_is_missing(err: str, program: str | None) -> None:
    assert signatures.missing_program(err) == program
