"""Finds secrets in lines of text with the detect-secrets library. No vendor is contacted."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from l9.checks.secrets import library as secret_library
from l9.checks.secrets.candidates import without_hashes, worth_telling
from l9.checks.secrets.facts import Leak

# All detectors of vendors' formats, the two that go by names, and the one for long random strings in quotes. The one
# for hexadecimal strings is left out: far more of them are commits, digests and fixtures than keys.
DETECTORS = (
    "ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector", "CloudantDetector",
    "DiscordBotTokenDetector", "GitHubTokenDetector", "Base64HighEntropyString", "IbmCloudIamDetector",
    "IbmCosHmacDetector", "JwtTokenDetector", "KeywordDetector", "MailchimpDetector", "NpmDetector",
    "PrivateKeyDetector", "SendGridDetector", "SlackDetector", "SoftlayerDetector", "SquareOAuthDetector",
    "StripeDetector", "TwilioKeyDetector",
)  # fmt: skip
# The library finds values without quotes only in files that it recognises as settings.
_SETTINGS = re.compile(
    r"\.env|\.envrc|.*\.env|\.env\..*|.*dockerfile.*|.*\.(?:sh|service|npmrc|pypirc|netrc)|\.npmrc|\.pypirc",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"\.\w{1,12}")


class Line(NamedTuple):
    """One line to scan. `before` is the line above it, which may have a pragma that allows it."""

    path: str
    number: int
    text: str
    commit: str = ""
    before: str = ""


def scan(lines: Iterable[Line], known: frozenset[tuple[str, str]] = frozenset()) -> dict[Leak, str]:
    """The leaks in these lines, with the text of each.

    `known` are the findings that a baseline allows, by path and hash or by path and kind.
    """
    secret_library.load()
    from detect_secrets.core.scan import scan_diff
    from detect_secrets.settings import transient_settings

    # A text that occurs in several places is scanned once.
    places: dict[tuple[str, str, str], list[Line]] = {}
    for line in lines:
        if not _of_no_interest(line.path):
            what = (
                _suffix(line.path),
                _one_line(line.before),
                _one_line(without_hashes(line.text.replace("\n", ""))),
            )
            places.setdefault(what, []).append(line)
    asked = {f"{number}{suffix}": lines for number, ((suffix, *_), lines) in enumerate(places.items())}
    found: dict[Leak, str] = {}
    with transient_settings({"plugins_used": [{"name": name} for name in DETECTORS]}) as settings:
        settings.disable_filters(
            "detect_secrets.filters.common.is_invalid_file"
        )  # the names here are not of real files
        for secret in scan_diff("".join(map(_patch, asked, places))):
            value = secret.secret_value or ""
            for line in asked[secret.filename]:
                allowed = known & {(line.path, secret.secret_hash), (line.path, secret.type)}
                if not allowed and worth_telling(secret.type, line.path, value):
                    found[Leak(line.path, line.number, secret.type, line.commit)] = line.text
    return found


def version() -> str:
    """A version of the scanner, for the key of cached results."""
    found = find_spec("detect_secrets")  # the library itself, and importlib.metadata, take 30 ms to import
    folder = Path(found.origin or "").parent if found else Path()
    library = (folder / "__version__.py").read_text(encoding="utf-8")
    return hashlib.sha256(f"{library} {DETECTORS}".encode()).hexdigest()[:12]


def _of_no_interest(path: str) -> bool:
    """True for files that the library skips by name: images, archives, lock files."""
    secret_library.load()
    from detect_secrets.filters import heuristic

    return bool(
        heuristic.is_non_text_file(path) or heuristic.is_lock_file(path) or heuristic.is_swagger_file(path)
    )


def _suffix(path: str) -> str:
    name = PurePosixPath(path).name
    if _SETTINGS.fullmatch(name):
        return ".properties"
    suffix = PurePosixPath(path).suffix
    return suffix if _SUFFIX.fullmatch(suffix) else ""


def _patch(name: str, what: tuple[str, str, str]) -> str:
    """A line as the only line of a file in a diff, a format that the library reads."""
    added = [f"+{text}\n" for text in what[1:] if text]
    return f"--- /dev/null\n+++ b/{name}\n@@ -0,0 +1,{len(added)} @@\n{''.join(added)}"


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() or character == "\t" else " " for character in text)
