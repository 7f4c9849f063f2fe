r"""Regular expressions of a schema, matched in linear time: no pattern that somebody writes can make a check hang.

The usual syntax, without what needs backtracking: characters, `.`, classes, `\d \w \s`, groups, `|`, `* + ? {m,n}`.
A pattern is compiled to a small program whose threads all go through the value once (Thompson's construction).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

LONGEST = 4096  # characters of a value
MOST = 500  # steps of a program
GROUPS = 50
_QUANTIFIER = re.compile(r"(?:(?P<sign>[*+?])|\{(?P<least>\d{1,3})(?P<comma>,)?(?P<most>\d{1,3})?\})\??")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\\[])*\]")
_ESCAPE = re.compile(r"\\(?:[dwsDWSntr]|[^\w\s])")
_AMBIGUOUS = re.compile(r"--|&&|~~|\|\|")  # what Python means to give a meaning in classes


class Step(NamedTuple):
    """One step: take a character that `takes` matches, or go on at each of these distances."""

    takes: re.Pattern[str] | None = None
    jumps: tuple[int, ...] = ()


Program = tuple[Step, ...]


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value is as the pattern says; one of over 4096 characters never is.

    Raises ValueError, with the reason, for a pattern that cannot be used.
    """
    program = compile_pattern(pattern)
    threads = _reach(program, {0})
    if len(value) > LONGEST:
        return False
    for character in value:
        taken = {at + 1 for at in threads if at < len(program) and _takes(program[at], character)}
        threads = _reach(program, taken)
    return len(program) in threads


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Program:
    """The program of a pattern. Raises ValueError, with the reason, where it cannot be used."""
    body = pattern.removeprefix("^")
    if body.endswith("$") and not body.endswith("\\$"):
        body = body[:-1]
    if body.count("(") > GROUPS:
        raise ValueError(f"it is too long: at most {GROUPS} groups")
    program, end = _alternatives(body, 0)
    if end < len(body):
        raise ValueError("a ) without its (")
    return program


def _takes(step: Step, character: str) -> bool:
    return step.takes is not None and step.takes.fullmatch(character) is not None


def _reach(program: Program, starts: set[int]) -> set[int]:
    """The places from where a thread waits for a character, or has come to the end."""
    found, todo = set(starts), list(starts)
    while todo:
        at = todo.pop()
        for jump in program[at].jumps if at < len(program) else ():
            if at + jump not in found:
                found.add(at + jump)
                todo.append(at + jump)
    return found


def _alternatives(text: str, at: int) -> tuple[Program, int]:
    """Read up to the end or to the closing bracket of a group; the program and where it ended."""
    program, at = _sequence(text, at)
    while text.startswith("|", at):
        other, at = _sequence(text, at + 1)
        program = _bounded(
            (Step(jumps=(1, len(program) + 2)), *program, Step(jumps=(len(other) + 1,)), *other)
        )
    return program, at


def _sequence(text: str, at: int) -> tuple[Program, int]:
    program: Program = ()
    while at < len(text) and text[at] not in "|)":
        one, at = _one(text, at)
        if quantifier := _QUANTIFIER.match(text, at):
            one, at = _repeated(one, quantifier), quantifier.end()
        program = _bounded((*program, *one))
    return program, at


def _one(text: str, at: int) -> tuple[Program, int]:
    """One character, class or group."""
    if text[at] == "(":
        inside = at + 3 if text.startswith("(?:", at) else at + 1
        if text.startswith("?", inside):
            raise ValueError("groups that look ahead or behind, or have options, cannot be used")
        program, end = _alternatives(text, inside)
        if not text.startswith(")", end):
            raise ValueError("a ( without its )")
        return program, end + 1
    if text[at] in "*+?{^$":
        raise ValueError(f"{text[at]} cannot stand there; write \\{text[at]} for the character")
    token = {"[": _CLASS, "\\": _ESCAPE}.get(text[at], _ANY).match(text, at)
    if token is None or (text[at] == "[" and _AMBIGUOUS.search(token[0])):
        what = "a class" if text[at] == "[" else "an escape"
        raise ValueError(f"{text[at : at + 2]} begins {what} that cannot be used")
    return (Step(_character(token[0])),), token.end()


_ANY = re.compile(r".", re.DOTALL)


def _character(token: str) -> re.Pattern[str]:
    try:
        return re.compile(token)
    except re.error as error:
        raise ValueError(f"{token}: {error.msg}") from None


def _repeated(one: Program, quantifier: re.Match[str]) -> Program:
    """The program of what is repeated."""
    least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(quantifier["sign"] or "", (0, None))
    if not quantifier["sign"]:
        least = int(quantifier["least"])
        most = int(quantifier["most"]) if quantifier["most"] else None if quantifier["comma"] else least
        if most is not None and most < least:
            raise ValueError(f"{quantifier[0]} asks for more than it allows")
    _bounded(one * max(least, most or 0))
    program = one * least
    if most is None:
        return _bounded((*program, Step(jumps=(1, len(one) + 2)), *one, Step(jumps=(-len(one) - 1,))))
    maybe = (Step(jumps=(1, len(one) + 1)), *one)
    return _bounded(program + maybe * (most - least))


def _bounded(program: Program) -> Program:
    if len(program) > MOST:
        raise ValueError(f"it is too long: at most {MOST} steps, each repetition counted")
    return program
