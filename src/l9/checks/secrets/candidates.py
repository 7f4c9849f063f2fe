"""What of a scanner's findings is worth a person's time, and which lines it has to be shown at all.

The scanner knows what secrets look like (`adapters/secret_scan.py`); here is only what it must not be asked
about: hashes, placeholders, and passwords that tests make up.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from fnmatch import fnmatch

from l9.checks.secrets.placeholders import is_placeholder

# Every line that any detector could find something in holds one of these: read by git's own grep (extended
# syntax, case ignored) and by Python alike. A test holds it against a sample of each detector.
CANDIDATE = "|".join((
    r"api[_.-]?key|(auth|service|account|db|database|priv|private|client)_?key|(db|database|key)_?pass",
    r"passw|token|_pass|pwd|secret|contrase|recaptcha_|nessus_?key|aws.{0,20}(key|pw|pass)",
    r"(key|pw|pass)[]\"']*[ :=>]+[\"']?[a-z0-9_-]{24}",
    r"://[^ /?#]+:[^ ]+@|hooks\.slack\.com|softlayer|jfrog|artifactory|buildkit|AKC[a-z0-9]{10}",
    r"(A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}|[a-z0-9+/]{86}==|(AC|SK)[a-z0-9]{32}",
    r"[MNO][a-z0-9_-]{23,25}\.[a-z0-9_-]{6}\.|gh[pousr]_[a-z0-9_]{36}|eyJ[a-z0-9_=-]+\.|[0-9a-z]{32}-us[0-9]",
    r"npm_[a-z0-9-]{36}|PRIVATE KEY|PuTTY-User-Key|SG\.[a-z0-9_-]{22}\.|xox[abposr]-|sq0csp-|[rs]k_live_",
    r"[\"'`][a-z0-9+/=_-]{23,}[\"'`]",
))  # fmt: skip
_CANDIDATE = re.compile(CANDIDATE, re.IGNORECASE)
# What is tried first, for speed: a line that has none of these cannot match the long pattern above.
_WORDS = (
    "key", "pass", "pw", "token", "secret", "contrase", "recaptcha", "://", "slack", "softlayer", "jfrog",
    "artifactory", "buildkit", "akc", "eyj", "xox",
)  # fmt: skip
_RUN = re.compile(r"[A-Za-z0-9+/=_-]{16}")
LONGEST_LINE = 10_000  # characters: what is longer was written by a machine

# The kinds that go by a name or by looks, not by a vendor's own form.
GUESSES = ("Secret Keyword", "Basic Auth Credentials", "Base64 High Entropy String")
# Made up for tests everywhere: certificates, tokens, passwords.
OF_TESTS = (*GUESSES, "Private Key", "JSON Web Token")
_TESTS = ("test", "tests", "testing", "testdata", "fixtures", "spec", "specs", "__tests__", "test_data")
_TEST_FILES = ("test_*", "*_test.*", "*.test.*", "*.spec.*", "conftest.py")

_HASH = re.compile(r"sha(?:1|224|256|384|512)[-:=][A-Za-z0-9+/=_-]{16,}")
_DUMMY = re.compile(
    r"test|example|change|dummy|fake|your|default|demo|passw|secret|123456|abcdef|foobar|lorem|hunter2",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(
    r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[$@%{<(/.~#].*|.*[\s{}()<>\[\]].*|[a-z]+://.*|[\d.,:_-]+|(?:[\w-]+\.)+[a-z]{2,}",
    re.DOTALL,
)
# What sops and age write for everybody to read: a ciphertext, and whom it can be read by.
_ENCRYPTED = re.compile(r"ENC\[AES256_GCM,.*|age1[a-z0-9]{50,}", re.DOTALL)
_LEAST_ENTROPY = 3.0  # bits a character: eight different ones


def without_hashes(text: str) -> str:
    """A line without the digests in it: of locked requirements, images, scripts, large files."""
    return _HASH.sub("sha", text)


def is_candidate(text: str) -> bool:
    """Whether any detector could find something in this line."""
    lower = text.lower()
    if not any(word in lower for word in _WORDS) and not _RUN.search(text):
        return False
    return len(text) <= LONGEST_LINE and _CANDIDATE.search(text) is not None


def of_tests(path: str) -> bool:
    """Whether a file is there for tests."""
    *folders, name = path.lower().split("/")
    return any(part in _TESTS for part in folders) or any(fnmatch(name, form) for form in _TEST_FILES)


def worth_telling(kind: str, path: str, value: str) -> bool:
    """Whether a finding is a secret as far as anybody can tell; `value` is what was found."""
    if of_tests(path) and kind in OF_TESTS:
        return False
    return kind not in GUESSES or looks_real(value)


def looks_real(value: str) -> bool:
    """Whether a value looks made by a machine or a password manager, and not written to be read."""
    value = value.strip("\"'`;, ")
    if len(value) < 8 or is_placeholder(value) or _DUMMY.search(value):
        return False
    if _NO_SECRET.fullmatch(value) or _ENCRYPTED.fullmatch(value):
        return False
    kinds = (str.isdigit, str.isalpha)
    return all(any(map(is_one, value)) for is_one in kinds) and entropy(value) >= _LEAST_ENTROPY


def entropy(value: str) -> float:
    """Shannon's, in bits a character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())
