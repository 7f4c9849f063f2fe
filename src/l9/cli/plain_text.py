"""Makes text safe to print: no control characters, so that nothing moves the cursor; JSON in ASCII."""

from __future__ import annotations

import json
import re

import msgspec

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")


def printable(text: str) -> str:
    """Return the line without escape sequences, and with other unprintable characters as numbers."""
    if text.isprintable():
        return text
    text = _ESCAPES.sub("", text).replace("\t", "    ")
    return "".join(c if c.isprintable() else _number(c) for c in text)


def json_line(answer: msgspec.Struct) -> str:
    """Return the object as one line of JSON, in ASCII: safe in every encoding, also for undecodable file names."""
    return json.dumps(msgspec.to_builtins(answer)) + "\n"


def _number(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
