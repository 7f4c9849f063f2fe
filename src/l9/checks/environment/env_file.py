"""Environment files in compose's dialect; their values stay hidden (spec 2.2, 5.1 step 3).

The dialect was measured against Docker Compose 2.26: `export`, both kinds of quotes over several lines,
`KEY: value`, and comments after a blank. Values are kept as written: compose interpolates `${…}`.
"""

import hmac
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

_KEY = re.compile(r"[^\S\n]*(?:export[^\S\n]+)?(?P<key>[\w.\-\[\]]+)[^\S\n]*[=:][^\S\n]*")
_DOUBLE = re.compile(r'"(?P<value>(?:[^"\\]|\\.)*)"[^\S\n]*(?:#[^\n]*)?', re.DOTALL)
_SINGLE = re.compile(r"'(?P<value>(?:[^'\\]|\\.)*)'[^\S\n]*(?:#[^\n]*)?", re.DOTALL)
_LINE = re.compile(r"[^\n]*")
_ESCAPE = re.compile(r'\\([nrt"\\$])')
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_OPTIONAL = re.compile(r"(?<!not )(?<!non-)\boptional\b", re.IGNORECASE)
_FINGERPRINT_CHARS = 16
_QUOTES = ("'", '"')
_BARE = re.compile(r"[A-Za-z0-9_./:@%+,=~-]*")
_ODD = re.compile(r"['\\\r\n]")
_ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("$", "\\$"))


class Secret:
    """A value that is hidden in repr and str; `reveal()` returns it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value; the caller must keep it secret."""
        return self._value

    def is_text(self) -> bool:
        """True if a text file can hold it: UTF-8 without NUL."""
        return "\0" not in self._value and not any("\ud800" <= c <= "\udfff" for c in self._value)

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes(self._value), _bytes(other._value))

    def __hash__(self) -> int:
        return hash((Secret, self._value))


class Entry(NamedTuple):
    """One key with its value; `optional` if the comment above it says so.

    `comment` has the lines directly above it, as written. `quote` is the quotation mark around the value, or empty.
    """

    key: str
    value: Secret
    optional: bool
    line_no: int
    comment: tuple[str, ...] = ()
    quote: str = ""


class EnvFile(msgspec.Struct, frozen=True):
    """An environment file: each key once, in order of first appearance, with the last of its values."""

    entries: tuple[Entry, ...]
    duplicates: tuple[str, ...] = ()
    bad_lines: tuple[int, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The distinct keys, in order."""
        return tuple(entry.key for entry in self.entries)


def parse_env(text: str) -> EnvFile:
    """Read an environment file (spec 2.2).

    `text` is the whole file. A line that is not an assignment is reported only by its number (from 1), because a
    line that was pasted by mistake may be a secret. A bare name is reported too, because compose would take its
    value from its own environment. Raises nothing.
    """
    last: dict[str, Entry] = {}
    duplicates: dict[str, None] = {}
    bad_lines = []
    for found in _statements(text.removeprefix("\ufeff")):
        if isinstance(found, int):
            bad_lines.append(found)
        else:
            if found.key in last:
                duplicates[found.key] = None
            last[found.key] = found
    return EnvFile(tuple(last.values()), tuple(duplicates), tuple(bad_lines))


def fingerprint(env: EnvFile, key: bytes) -> dict[str, str]:
    """Make each value comparable without revealing it: 16 hex digits of an HMAC-SHA256 over key name and value.

    `key` is secret, and the same for all files that are compared. Each name in the file gets one fingerprint; equal
    values under two names have different ones. Raises ValueError for an empty `key`, with which anyone could
    compute the fingerprints.
    """
    if not key:
        raise ValueError("a fingerprint without a key can be guessed from a list of common values")
    return {
        entry.key: hmac.new(key, _bytes(f"{entry.key}\0{entry.value.reveal()}"), "sha256").hexdigest()[
            :_FINGERPRINT_CHARS
        ]
        for entry in env.entries
    }


def whole_fingerprint(env: EnvFile, key: bytes) -> str:
    """One fingerprint of all keys and values, independent of their order. Raises ValueError for an empty key."""
    each = fingerprint(env, key)
    text = "".join(f"{name}={each[name]}\n" for name in sorted(each))
    return hmac.new(key, _bytes(text), "sha256").hexdigest()[:_FINGERPRINT_CHARS]


def render_env(entries: Iterable[Entry]) -> str:
    """Render entries as an environment file that compose and `parse_env` read as these entries.

    A value in single quotes stays literal. In any other value, compose interpolates `${…}`.
    """
    return "".join(f"{e.key}={_quoted(e.value.reveal(), literal=e.quote == _QUOTES[0])}\n" for e in entries)


def _quoted(value: str, *, literal: bool) -> str:
    if _BARE.fullmatch(value):
        return value
    if literal and not _ODD.search(value):
        return f"'{value}'"
    for plain, escaped in _ESCAPES if literal else _ESCAPES[:-1]:
        value = value.replace(plain, escaped)
    return f'"{value}"'


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _line_end(text: str, pos: int) -> int:
    end = text.find("\n", pos)
    return len(text) if end < 0 else end


def _statements(text: str) -> Iterator[Entry | int]:
    """Yield the entries in order, and the number of each line that is not one."""
    pos, comment = 0, tuple[str, ...]()
    while pos < len(text):
        end = _line_end(text, pos)
        line = text[pos:end].strip()
        if not line or line.startswith("#"):
            comment = (*comment, line) if line else ()
        else:
            line_no = text.count("\n", 0, pos) + 1
            key = _KEY.match(text, pos)
            value = _value(text, key.end()) if key else None
            if key and value:
                secret, end = value
                mark = text[key.end() : key.end() + 1]
                quote = mark if mark in _QUOTES else ""
                yield Entry(
                    key["key"], secret, bool(_OPTIONAL.search("".join(comment))), line_no, comment, quote
                )
            else:
                yield line_no
            comment = ()
        pos = end + 1 if text.startswith("\n", end) else end


def _value(text: str, pos: int) -> tuple[Secret, int] | None:
    """Parse the value at `pos`; returns it with its end, or None if a quote is never closed."""
    if text.startswith('"', pos):
        double = _DOUBLE.match(text, pos)
        return double and (Secret(_ESCAPE.sub(_unescape, double["value"])), double.end())
    if text.startswith("'", pos):
        single = _SINGLE.match(text, pos)
        return single and (Secret(single["value"].replace("\\'", "'")), single.end())
    end = _line_end(text, pos)
    return Secret(text[pos:end].split(" #", 1)[0].rstrip()), end


def _unescape(escape: re.Match[str]) -> str:
    return _ESCAPED.get(escape[1], escape[1])
