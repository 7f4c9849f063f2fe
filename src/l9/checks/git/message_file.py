"""What becomes of the file that a commit's message is written in: git's own clean-up (`git help commit`)."""

import re

_SCISSORS = "------------------------ >8 ------------------------"
_AUTO = "#;@!$%^&|:"


def as_committed(text: str, *, edited: bool, cleanup: str = "default", comment: str = "#") -> str:
    """The message as git will keep it.

    edited: an editor was open, so that git's own remarks are in the file. cleanup: `commit.cleanup`. comment:
    `core.commentChar`, what a remark begins with, or `auto`. Raises nothing.
    """
    if cleanup == "verbatim":
        return text
    if comment == "auto":
        comment = _chosen(text)
    lines = text.splitlines()
    if edited:
        cut = f"{comment} {_SCISSORS}"
        lines = lines[: lines.index(cut)] if cut in lines else lines
    if cleanup == "strip" or (cleanup == "default" and edited):
        lines = [line for line in lines if not line.startswith(comment)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip("\n")


def _chosen(text: str) -> str:
    """What git chose for its remarks, which come last: it takes a sign that no line of the message begins with."""
    lines = [line for line in text.splitlines() if line.strip()]
    last = lines[-1][0] if lines else "#"
    scissors = [line[0] for line in lines if line.endswith(_SCISSORS)]
    found = scissors[0] if scissors else last
    return found if found in _AUTO else "#"
