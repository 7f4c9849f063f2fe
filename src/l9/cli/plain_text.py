"""How text reaches a terminal or a file: printable, so that nothing in it moves the cursor; JSON in ASCII."""

from __future__ import annotations

import json
import re

import msgspec

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")


def printable(text: str) -> str:
    """One line without escape sequences; what else cannot be printed is shown by its number."""
    if text.isprintable():
        return text
    bare = _ESCAPES.sub("", text).replace("\t", "    ")
    return "".join(c if c.isprintable() else _number(c) for c in bare)


def json_line(answer: msgspec.Struct) -> str:
    """The object as one line of JSON. ASCII: it passes through every encoding, and so do odd bytes of file names."""
    return json.dumps(msgspec.to_builtins(answer)) + "\n"


def _number(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
