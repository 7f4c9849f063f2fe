"""Placeholders in example files."""

from __future__ import annotations

import re

_MARKED = re.compile(r"<[^<>]+>|\$\{|\{\{|%\(|\$\(|\*{3}|\.{3}|(?i:x{4,})|_{4,}|0{8,}")
_WORDS = frozenset(
    ("change", "changeit", "changeme", "dummy", "example", "fake", "fixme", "insecure", "insert", "none", "null",
     "placeholder", "redacted", "replace", "replaceme", "sample", "secret", "todo", "unset", "unused", "your",
     "yours", "password", "passwd", "notasecret", "local", "localhost")
)  # fmt: skip
_PLAIN = re.compile(r"[a-z]{1,16}|[A-Z_]{1,24}|[0-9]{1,6}|.{1,4}")
_ENDS_LIKE_ONE = re.compile(r"(?i)(?:example|changeme|placeholder)(?:key|token|secret)?$")


def is_placeholder(value: str) -> bool:
    """True for YOUR_KEY_HERE, changeme, <…>, ${…} and plain words such as `postgres`, which are no secrets."""
    words = set(re.split(r"[^a-z]+", value.lower()))
    return bool(
        not value
        or _MARKED.search(value)
        or words & _WORDS
        or _PLAIN.fullmatch(value)
        or _ENDS_LIKE_ONE.search(value)
    )
