"""Test cases for the findings that are told, and for keeping no line from the scanner that it would report."""

from __future__ import annotations

import re

import pytest

from l9.checks.secrets import candidates as secrets

HEX, MIXED = "0123456789abcdef" * 4, "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7" * 4

# One line for each form that some detector of the library knows; put together here, so that none stands here.
SAMPLES = (
    " AKC" + MIXED[:12], "jfrog AP" + "A" + MIXED[:20],
    "AKIA" + "Q" * 8 + "2" * 8, "aws_secret_access_key " + MIXED[:40], "aws pw = " + MIXED[:40],
    MIXED[:86] + "==", "postgres://ada:" + "x" * 9 + "@db/l9",
    "cloudant_pw=" + HEX[:64], "cl_key: " + "abcdefgh" * 3, "https://me:" + HEX[:64] + "@me.cloudant.com",
    "M" + MIXED[:23] + ".abcdef." + MIXED[:27], "ghp_" + MIXED[:36], "gho_" + MIXED[:36],
    'x = "' + MIXED[:30] + '"', "ibm_cloud_iam_key=" + MIXED[:44], "key = " + MIXED[:44], "iam_pass:" + MIXED[:44],
    "secret_key=" + HEX[:48], "eyJ" + MIXED[:12] + "." + MIXED[:12], 'pwd: "x"', "my_pass = 'x'",
    "recaptcha_site_key=x",
    "contraseña = 'x'", "nessus_key='x'", "authkey='x'", "db-password='x'",
    "apikey='x'", "api.key='x'", "service_key='x'",
    HEX[:32] + "-us12", "npm_" + MIXED[:36], "_authToken=" + MIXED[:36],
    "-----BEGIN OPENSSH PRIVATE " + "KEY-----", "PuTTY-User-" + "Key-File-2: x",
    "SG." + MIXED[:22] + "." + MIXED[:43], "xoxb-" + "123-456-abc", "https://hooks.slack.com/services/T1/B2/c3",
    "softlayer_key=" + HEX[:64], "https://api.softlayer.com/soap/v3/" + HEX[:64],
    "sq0csp-" + MIXED[:43], "sk_live_" + MIXED[:24], "AC" + HEX[:32], "SK" + HEX[:32],
)  # fmt: skip


@pytest.mark.parametrize("line", SAMPLES)
def test_no_form_is_kept_from_the_scanner(line: str) -> None:
    assert secrets.is_candidate(line)
    assert secrets.is_candidate(f"\tvalue = {line} # why")


@pytest.mark.parametrize(
    "line", ["", "def main() -> None:", "import os, sys", "# a comment of some length, as people write them"]
)
def test_most_lines_are(line: str) -> None:
    assert not secrets.is_candidate(line)


def test_what_a_machine_wrote_is_passed_over() -> None:
    assert not secrets.is_candidate("token=" + "x" * secrets.LONGEST_LINE)


def test_the_pattern_is_one_for_git_too() -> None:
    """POSIX knows no backslash inside of brackets, no lazy quantifier and no group that is not one."""
    assert not re.search(r"\(\?|[*+?}]\?|\\[dwsb]", secrets.CANDIDATE)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("click==8.1.7 --hash=sha256:" + HEX, "click==8.1.7 --hash=sha"),
        ('integrity="sha512-' + MIXED[:86] + '=="', 'integrity="sha"'),
        ("FROM python@sha256:" + HEX + " AS x", "FROM python@sha AS x"),
        ("sha256: none", "sha256: none"),
    ],
)
def test_digests_are_taken_out(text: str, left: str) -> None:
    assert secrets.without_hashes(text) == left


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("tests/unit/test_x.py", True), ("api/__tests__/x.js", True), ("api/test_x.py", True), ("x.spec.ts", True),
        ("api/conftest.py", True), ("Tests/data.json", True), ("api/main.py", False), ("attest/x.py", False),
    ],
)  # fmt: skip
def test_files_of_tests(path: str, is_one: bool) -> None:
    assert secrets.of_tests(path) is is_one


@pytest.mark.parametrize(
    "value",
    ["Xk29fjq01Zz", "sk-proj-" + MIXED[:20], "Tr0ub4dor&3", "'9f86d081884c7d65'", "p4ssw0rD-" + MIXED[:9]],
)
def test_what_looks_real(value: str) -> None:
    assert secrets.looks_real(value)


@pytest.mark.parametrize(
    "value",
    [
        "", "hunter2", "secret-key", "your_key_here1", "YOUR_PASSWORD_HERE", "L9_API_KEY_2", "${API_KEY_2}",
        "#d8dee9ff",
        "/run/secrets/db1", "os.environ['A1']", "Base64 High Entropy 1", "supersecret1", "12345678", "2024-01-01",
        "correcthorsebattery", "aaaa1111", "https://x.l9/1a2b3c4d", "api.main.settings", "<token-1a2b3c>",
        "test-key-1a2b",
        "a1" * 10,
    ],
)  # fmt: skip
def test_what_people_write_to_be_read(value: str) -> None:
    assert not secrets.looks_real(value)


@pytest.mark.parametrize(
    ("kind", "path", "value", "is_told"),
    [
        ("AWS Access Key", "tests/test_x.py", "AKIA", True),
        ("AWS Access Key", "api/x.py", "AKIA", True),
        ("Private Key", "tests/server.pem", "MII", False),
        ("Private Key", "ops/server.pem", "MII", True),
        ("Secret Keyword", "tests/test_x.py", "Xk29fjq01Zz", False),
        ("Secret Keyword", "api/x.py", "Xk29fjq01Zz", True),
        ("Secret Keyword", "api/x.py", "password", False),
        (
            "Base64 High Entropy String",
            "prod.yaml",
            "age1q7w39p5xs77yj7u6j0jyl2j0k4xjzesrjx0xjpte2d93zh5983uqm3k6py",
            False,
        ),
        (
            "Secret Keyword",
            "prod.env",
            "ENC[AES256_GCM,data:QbqleHa/WQ==,iv:OiN8WH845IAozKApLE=,type:str]",
            False,
        ),
    ],
)
def test_what_is_told(kind: str, path: str, value: str, is_told: bool) -> None:
    assert secrets.worth_telling(kind, path, value) is is_told
