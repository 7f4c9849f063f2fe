"""The attestation of CGMP: an in-toto statement about one git tree, in a DSSE envelope.

This module builds, parses and judges statements. Signatures are verified elsewhere (`attestation_notes.py`).
"""

from __future__ import annotations

from collections.abc import Container, Mapping

import msgspec

from l9.checks.pipeline.stages import CgmpReport
from l9.core.states import Stage

NAMESPACE = "l9"  # of signatures: one made for git or for a file does not count
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
STAGES = tuple(str(stage) for stage in Stage)


class Resource(msgspec.Struct, frozen=True, omit_defaults=True):
    """An in-toto ResourceDescriptor, with the fields that l9 uses. `digest`: algorithm to hex digits."""

    name: str = ""
    digest: Mapping[str, str] = {}


class Outcome(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The predicate `test-result`. Fields that it does not define begin with `l9_`.

    configuration: what the outcome depends on, each file by digest. found: what each stage found, in one line.
    evidence: SHA-256 of each file of evidence, by name.
    """

    result: str
    configuration: tuple[Resource, ...]
    passed_tests: tuple[str, ...] = ()
    warned_tests: tuple[str, ...] = ()
    failed_tests: tuple[str, ...] = ()
    version: str = msgspec.field(name="l9_version", default="")
    commit: str = msgspec.field(name="l9_commit", default="")
    where: str = msgspec.field(name="l9_where", default="")
    image: str | None = msgspec.field(name="l9_image", default=None)
    found: Mapping[str, str] = msgspec.field(name="l9_found", default={})
    evidence: Mapping[str, str] = msgspec.field(name="l9_evidence", default={})


class Statement(msgspec.Struct, frozen=True, rename="camel"):
    """An in-toto statement, version 1."""

    subject: tuple[Resource, ...]
    predicate_type: str
    predicate: Outcome
    type: str = msgspec.field(name="_type")


class Signature(msgspec.Struct, frozen=True, omit_defaults=True):
    """One signature of an envelope; `keyid` is only a hint."""

    sig: bytes
    keyid: str = ""


class Envelope(msgspec.Struct, frozen=True, rename="camel"):
    """A DSSE envelope. `payload` must not be trusted before a signature is verified."""

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...]

    @property
    def signed(self) -> bytes:
        """The bytes that each signature covers."""
        return pae(self.payload_type, self.payload)


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: type and body, each after its length in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def state(
    report: CgmpReport,
    *,
    app: str,
    commit: str,
    version: str,
    configuration: Mapping[str, str],
    skipped: Container[str] = (),
) -> bytes:
    """The statement about a report, as the bytes to sign. `configuration`: file name to SHA-256.

    `skipped` are stages that are green because they did not run; the statement does not list them as passed.
    """
    warned = tuple(str(one.stage) for one in report.stages if one.stage in skipped)
    outcome = Outcome(
        result="FAILED" if not report.passed else "WARNED" if warned else "PASSED",
        configuration=(
            *(Resource(name, {"sha256": digest}) for name, digest in sorted(configuration.items())),
            Resource("content", {"sha256": report.key}),
        ),
        passed_tests=tuple(str(one.stage) for one in report.stages if one.ok and one.stage not in skipped),
        warned_tests=warned,
        failed_tests=tuple(str(one.stage) for one in report.stages if not one.ok),
        version=version,
        commit=commit,
        where=report.where,
        image=report.image,
        found={str(one.stage): one.found for one in report.stages},
        evidence=report.evidence,
    )
    subject = (Resource(app, {"gitTree": report.tree}),)
    return msgspec.json.encode(
        Statement(type=STATEMENT, subject=subject, predicate_type=TEST_RESULT, predicate=outcome)
    )


def seal(payload: bytes, signature: bytes, keyid: str = "") -> str:
    """Serialize the envelope as one line."""
    envelope = Envelope(payload, PAYLOAD_TYPE, (Signature(signature, keyid),))
    return msgspec.json.encode(envelope).decode()


def read_envelope(line: str) -> Envelope | None:
    """Parse the envelope of one line; None if it is not one."""
    try:
        return msgspec.json.decode(line, type=Envelope)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def read_statement(envelope: Envelope) -> Statement | None:
    """Parse the statement inside; None if it is not of the expected type."""
    if envelope.payload_type != PAYLOAD_TYPE:
        return None
    try:
        found = msgspec.json.decode(envelope.payload, type=Statement)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return found if (found.type, found.predicate_type) == (STATEMENT, TEST_RESULT) else None


def problem(envelope: Envelope, tree: str) -> str:
    """The reason for which a verified envelope does not prove that CGMP passed on this tree; empty if it does."""
    statement = read_statement(envelope)
    if statement is None:
        return "the signed statement is not a test result"
    trees = [one.digest.get("gitTree", "") for one in statement.subject]
    if tree not in trees:
        other = next(filter(None, trees), "")
        return f"it is for another tree, {other[:12] or 'not a git tree'}"
    outcome = statement.predicate
    bad = (
        *outcome.failed_tests,
        *(s for s in STAGES if s not in (*outcome.passed_tests, *outcome.failed_tests)),
    )
    if outcome.result == "PASSED" and not bad:
        return ""
    return f"its result is {outcome.result}; not passed: {', '.join(bad) or 'no stage named'}"
