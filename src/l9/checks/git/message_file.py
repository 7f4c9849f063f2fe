"""Git's clean-up of the file that a commit's message is written in (`git help commit`)."""

import re

_SCISSORS = "------------------------ >8 ------------------------"
_AUTO = "#;@!$%^&|:"


def as_committed(text: str, *, edited: bool, cleanup: str = "default", comment: str = "#") -> str:
    """Return the message that git will commit.

    edited: an editor was used, so that git's comments are in the file. cleanup: `commit.cleanup`. comment:
    `core.commentChar`, or `auto`. Raises nothing.
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
    """The comment character that git chose with `auto`: its comments are last, and no line of the message has it."""
    lines = [line for line in text.splitlines() if line.strip()]
    last = lines[-1][0] if lines else "#"
    scissors = [line[0] for line in lines if line.endswith(_SCISSORS)]
    found = scissors[0] if scissors else last
    return found if found in _AUTO else "#"
