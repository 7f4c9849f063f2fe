r"""Regular expressions of a schema: Python's own, without those that could make a check hang.

Python's matcher tries one way after the other. How many there are at most is counted before a pattern is used: its
alternatives and options, and the ways to divide the value among its repetitions without a limit. A pattern with too
many ways is refused, and one that repeats such a choice without a limit; the more repetitions a pattern has, the
shorter are the values that it is matched with.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import lgamma, log, log2
from typing import NamedTuple

LONGEST = 4096  # characters of a value
MOST = 500  # characters of a pattern
GROUPS = 50
_SHORTEST = 64  # what a pattern is good for at least
_BITS = 28.0  # 2**28 of the matcher's smallest steps: under a second at worst, measured
_QUANTIFIER = re.compile(r"(?:(?P<sign>[*+?])|\{(?P<least>\d{1,3})(?:(?P<comma>,)(?P<most>\d{1,3})?)?\})")
_ATOM = re.compile(r"\[\^?\]?(?:\\.|[^\]\\\[])*\]|\\(?:[dwsDWSntr]|[^\w\s])|[^\\\[{*+?]", re.DOTALL)
# A character that must follow.
_NEXT = re.compile(r"(?:\\(?P<escaped>[^\w\s])|(?P<plain>[^\\\[\](){}|.^$*+?]))(?![*?{])")
_AMBIGUOUS = re.compile(r"--|&&|~~|\|\|")  # what Python means to give a meaning in classes


class Pattern(NamedTuple):
    """A pattern that can be used, for values of at most `longest` characters."""

    compiled: re.Pattern[str]
    longest: int


class _Cost(NamedTuple):
    """What matching takes at most, for n characters: `2**choices * n**repeats / repeats! * size` steps.

    scans: there are repetitions with one possible end, which cost one more factor n in all.
    """

    choices: float = 0
    repeats: int = 0
    size: int = 0
    scans: bool = False


def matches(pattern: str, value: str) -> bool:
    """Match the whole value; one that is too long for the pattern never does.

    Raises ValueError, with the reason, for a pattern that cannot be used.
    """
    usable = compile_pattern(pattern)
    return len(value) <= usable.longest and usable.compiled.fullmatch(value) is not None


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Pattern:
    """Check a pattern and compile it. Raises ValueError, with the reason, where it cannot be used."""
    if len(pattern) > MOST or pattern.count("(") > GROUPS:
        raise ValueError(f"it is too long: at most {MOST} characters and {GROUPS} groups")
    try:
        longest = _longest(_alternatives(pattern, 0)[0])
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(error.msg) from None
    if longest < _SHORTEST:
        raise ValueError(
            "there are too many ways to match it: use fewer repetitions, options and alternatives"
        )
    return Pattern(compiled, int(longest))


def _longest(cost: _Cost) -> float:
    """The longest value that is matched within the limit of steps."""
    bits = _BITS - cost.choices - log2(max(cost.size, 1))
    repeats = cost.repeats + cost.scans
    if bits < 0 or not repeats:
        return 0 if bits < 0 else LONGEST
    return min(LONGEST, 2 ** min((bits + lgamma(repeats + 1) / log(2)) / repeats, _BITS))


def _alternatives(text: str, at: int) -> tuple[_Cost, int]:
    """Read up to the end or to the closing bracket of a group; the cost, and where it ended."""
    cost, at = _sequence(text, at)
    found = [cost]
    while text.startswith("|", at):
        cost, at = _sequence(text, at + 1)
        found.append(cost)
    choices = log2(len(found)) + max(c.choices for c in found)
    size, scans = sum(c.size for c in found), any(c.scans for c in found)
    return _Cost(choices, max(c.repeats for c in found), size, scans), at


def _sequence(text: str, at: int) -> tuple[_Cost, int]:
    all_of_it = _Cost()
    while at < len(text) and text[at] not in "|)":
        begin = at
        one, at = _one(text, at)
        if quantifier := _QUANTIFIER.match(text, at):
            ends_once = text[begin] != "(" and _ends_once(text[begin:at], text, quantifier.end())
            one, at = _repeated(one, quantifier, ends_once), quantifier.end()
        all_of_it = _Cost(
            all_of_it.choices + one.choices,
            all_of_it.repeats + one.repeats,
            all_of_it.size + one.size,
            all_of_it.scans or one.scans,
        )
    return all_of_it, at


def _one(text: str, at: int) -> tuple[_Cost, int]:
    """One character, class or group."""
    if text[at] == "(":
        inside = at + 3 if text.startswith("(?:", at) else at + 1
        if text.startswith("?", inside):
            raise ValueError("groups that look ahead or behind, or have options, cannot be used")
        cost, end = _alternatives(text, inside)
        return cost, end + 1
    atom = _ATOM.match(text, at)
    if atom is None or (text[at] == "[" and _AMBIGUOUS.search(atom[0])):
        what = {"[": "a class", "\\": "an escape"}.get(text[at], "a repetition")
        raise ValueError(f"{text[at : at + 2]} begins {what} that cannot be used")
    return _Cost(size=1), atom.end()


def _ends_once(atom: str, text: str, at: int) -> bool:
    """Whether a repetition of the atom can end in one place only: before a character that it does not take."""
    found = _NEXT.match(text, at)
    return found is not None and re.fullmatch(atom, found["escaped"] or found["plain"]) is None


def _repeated(one: _Cost, quantifier: re.Match[str], ends_once: bool) -> _Cost:
    """The cost of what is repeated."""
    least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(quantifier["sign"] or "", (0, None))
    if not quantifier["sign"]:
        least = int(quantifier["least"])
        most = int(quantifier["most"]) if quantifier["most"] else None if quantifier["comma"] else least
    if most is not None and most < least:
        raise ValueError(f"{quantifier[0]} asks for more than it allows")
    if ends_once:
        return _Cost(size=most or max(least, 1), scans=most is None)
    if most is None:
        if one.choices or one.repeats:
            raise ValueError(f"{quantifier[0]} repeats a group with repetitions or alternatives in it")
        return _Cost(repeats=1, size=one.size * max(least, 1), scans=one.scans)
    return _Cost(one.choices * most + log2(most - least + 1), one.repeats * most, one.size * most, one.scans)
