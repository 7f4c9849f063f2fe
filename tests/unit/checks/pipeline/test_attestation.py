"""The attestation of CGMP: its form as in-toto and DSSE have it, and what makes one that does not count."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from l9.checks.pipeline.attestation import (
    PAYLOAD_TYPE,
    STAGES,
    STATEMENT,
    TEST_RESULT,
    Envelope,
    Signature,
    pae,
    problem,
    read_envelope,
    read_statement,
    seal,
    state,
)
from l9.checks.pipeline.stages import CgmpReport, StageResult
from l9.core.states import Stage

TREE = "e" * 40
REPORT = CgmpReport(
    tree=TREE,
    key="a" * 64,
    where="container",
    image="sha256:1",
    stages=tuple(StageResult(stage, True, f"run {stage}", 1.0, f"{stage} is well") for stage in Stage),
    evidence={"junit.xml": "b" * 64},
)


def payload(report: CgmpReport = REPORT) -> bytes:
    files = {"l9.toml": "c" * 64, "Dockerfile": "d" * 64}
    return state(report, app="l9-api", commit="f" * 40, version="0.1.0", configuration=files)


def envelope(body: bytes | None = None, kind: str = PAYLOAD_TYPE) -> Envelope:
    return Envelope(payload() if body is None else body, kind, (Signature(b"signed"),))


def changed(**fields: Any) -> Envelope:
    """The envelope with fields of its statement, or of the predicate, replaced."""
    document = json.loads(payload())
    for name, value in fields.items():
        (document if name in document else document["predicate"])[name] = value
    return envelope(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        # The example of DSSE's own protocol document.
        ("http://example.com/HelloWorld", b"hello world", b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"),
        ("", b"", b"DSSEv1 0  0 "),
        ("é", "ö".encode(), "DSSEv1 2 é 2 ö".encode()),
    ],
)  # fmt: skip
def test_what_is_signed(kind: str, body: bytes, expected: bytes) -> None:
    assert pae(kind, body) == expected
    assert Envelope(body, kind, ()).signed == expected


def test_the_statement_is_a_test_result_about_the_tree() -> None:
    assert json.loads(payload()) == {
        "_type": STATEMENT,
        "subject": [{"name": "l9-api", "digest": {"gitTree": TREE}}],
        "predicateType": TEST_RESULT,
        "predicate": {
            "result": "PASSED",
            "configuration": [
                {"name": "Dockerfile", "digest": {"sha256": "d" * 64}},
                {"name": "l9.toml", "digest": {"sha256": "c" * 64}},
                {"name": "content", "digest": {"sha256": "a" * 64}},
            ],
            "passedTests": ["fix", "sim", "cov", "oracle"],
            "l9_version": "0.1.0",
            "l9_commit": "f" * 40,
            "l9_where": "container",
            "l9_image": "sha256:1",
            "l9_found": {stage: f"{stage} is well" for stage in STAGES},
            "l9_evidence": {"junit.xml": "b" * 64},
        },
    }


def test_the_envelope_is_one_line_of_dsse() -> None:
    line = seal(payload(), b"signed", "SHA256:abc")
    assert "\n" not in line
    assert json.loads(line) == {
        "payload": base64.b64encode(payload()).decode(),
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{"keyid": "SHA256:abc", "sig": base64.b64encode(b"signed").decode()}],
    }
    assert read_envelope(line) == Envelope(payload(), PAYLOAD_TYPE, (Signature(b"signed", "SHA256:abc"),))


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", "not json", '{"payload": "§", "payloadType": "", "signatures": []}', "\udcff"]
)
def test_what_is_no_envelope(line: str) -> None:
    assert read_envelope(line) is None


def test_one_that_counts() -> None:
    assert problem(envelope(), TREE) == ""


def test_fields_of_a_later_version_are_no_matter() -> None:
    document = {**json.loads(payload()), "new": 1}
    assert problem(envelope(json.dumps(document).encode()), TREE) == ""


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (envelope(kind="text/plain"), "not a test result"),
        (envelope(b"{}"), "not a test result"),
        (envelope(b"\xff"), "not a test result"),
        (changed(_type="https://in-toto.io/Statement/v0.1"), "not a test result"),
        (changed(predicateType="https://slsa.dev/provenance/v1"), "not a test result"),
        (changed(subject=[]), "another tree, not a git tree"),
        (changed(subject=[{"digest": {"gitTree": "9" * 40}}]), "it is for another tree, 999999999999"),
        (changed(result="FAILED"), "its result is FAILED; not passed: no stage named"),
        (changed(failedTests=["sim"]), "its result is PASSED; not passed: sim"),
        (changed(passedTests=["fix", "sim"]), "its result is PASSED; not passed: cov, oracle"),
        (changed(passedTests=[]), "its result is PASSED; not passed: fix, sim, cov, oracle"),
    ],
)
def test_one_that_does_not(seen: Envelope, says: str) -> None:
    assert says in problem(seen, TREE)


def test_a_report_that_is_not_green_says_so() -> None:
    red = (*REPORT.stages[:1], replace(REPORT.stages[1], ok=False))
    body = payload(replace(REPORT, stages=red))
    found = read_statement(envelope(body))
    assert found is not None
    assert (found.predicate.result, found.predicate.failed_tests) == ("FAILED", ("sim",))
    assert problem(envelope(body), TREE) == "its result is FAILED; not passed: sim, cov, oracle"


def test_a_stage_that_was_skipped_is_not_said_to_have_passed() -> None:
    body = state(REPORT, app="a", commit="c", version="0", configuration={}, skipped={"oracle"})
    found = read_statement(envelope(body))
    assert found is not None
    assert (found.predicate.result, found.predicate.warned_tests) == ("WARNED", ("oracle",))
    assert problem(envelope(body), TREE) == "its result is WARNED; not passed: oracle"


def test_nothing_in_it_tells_of_values_that_are_not_there() -> None:
    assert "l9_image" not in msgspec.json.decode(payload(replace(REPORT, image=None)))["predicate"]


def test_what_is_nested_too_deep_is_no_envelope() -> None:
    assert read_envelope('{"x":' + "[" * 100_000) is None
