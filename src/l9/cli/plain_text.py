"""Text from elsewhere (logs, file names, error messages) as it may be shown: nothing in it moves the cursor."""

from __future__ import annotations

import re

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")


def printable(text: str) -> str:
    """One line without escape sequences; what else cannot be printed is shown by its number."""
    if text.isprintable():
        return text
    bare = _ESCAPES.sub("", text).replace("\t", "    ")
    return "".join(c if c.isprintable() else _number(c) for c in bare)


def _number(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
