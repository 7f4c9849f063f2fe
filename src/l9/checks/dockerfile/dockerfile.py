"""The facts about a Dockerfile's image (spec 4.1) that the linter does not report. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import msgspec

from l9.checks.compose.variables import fill

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_ESCAPE = re.compile(r"#\s*escape\s*=\s*`\s*$", re.IGNORECASE)
_DIRECTIVE = re.compile(r"#\s*\w+\s*=")
_HEREDOC = re.compile(r"<<-?\s*([\"']?)(\w+)\1")
_FROM_OPTION = re.compile(r"(?:^|\s)--(?:from=|mount=\S*?\bfrom=)([^\s,]+)")
_START_INTERVAL = re.compile(r"\s--start-interval=\S+")
_WITH_HEREDOCS = ("RUN", "COPY", "ADD")


class LintFinding(msgspec.Struct, frozen=True):
    """One finding of the linter; `level` is error, warning, info or style."""

    line: int
    code: str
    level: str
    message: str


class Base(msgspec.Struct, frozen=True):
    """An external image, with build arguments filled in; `linted`: the linter checks its name too."""

    line: int
    image: str
    linted: bool = True

    @property
    def pinned(self) -> bool:
        """True if it names one content permanently, by digest."""
        return _DIGEST.search(self.image) is not None


class Recipe(msgspec.Struct, frozen=True):
    """The images that the image is built from, and the final settings of its last stage.

    `user` and `stop_signal` are empty if not set; `healthcheck` is on, off or empty.
    """

    bases: tuple[Base, ...]
    user: str = ""
    healthcheck: str = ""
    stop_signal: str = ""


class _Instruction(NamedTuple):
    """One instruction, from its first line to its last."""

    line: int
    last: int
    name: str
    rest: str
    heredoc: bool


class _Stage(NamedTuple):
    name: str
    parent: str
    settings: dict[str, str]


def floats(image: str) -> bool:
    """True if an image has no tag or `latest`. An image with variables is not judged."""
    if "@" in image or "$" in image:
        return False
    return image.rpartition("/")[2].partition(":")[2] in ("", "latest")


def read_dockerfile(
    text: str, args: Mapping[str, str], target: str = "", contexts: Collection[str] = ()
) -> Recipe:
    """Parse a Dockerfile for a build with these arguments, up to the stage `target` (the last one).

    contexts: the names of the build's additional contexts. Raises ValueError with the problem.
    """
    values: dict[str, str] = {}
    bases: list[Base] = []
    stages: list[_Stage] = []

    def external(image: str) -> bool:
        known = {"scratch", *contexts, *(stage.name for stage in stages)}
        return bool(image) and image.lower() not in known and not image.isdigit()

    def use(line: int, written: str, *, linted: bool) -> str:
        image = fill(written, values)
        if external(image):
            bases.append(Base(line, image, linted and image == written))
        return image

    for line, _, name, rest, _ in _instructions(text):
        if name == "FROM":
            words = [word for word in rest.split() if not word.startswith("--")]
            if len(words) not in (1, 3):
                raise ValueError(f"line {line}: FROM {rest}")
            parent = use(line, words[0], linted=True)
            stages.append(_Stage(words[-1].lower() if len(words) == 3 else "", parent.lower(), {}))
        elif not stages:
            if name != "ARG":
                raise ValueError(f"line {line}: {name} before the first FROM")
            values |= _arguments(rest, args, values)
        else:
            _note(stages[-1].settings, name, rest)
            if name in ("COPY", "RUN"):
                for written in _FROM_OPTION.findall(_options(rest)):
                    use(line, written, linted=False)
    return Recipe(tuple(bases), **_inherited(stages, target.lower()))


def for_linter(text: str) -> tuple[str, tuple[int, ...]]:
    """The text in a form that hadolint can parse, and the original line number of each of its lines.

    hadolint supports neither HEALTHCHECK's --start-interval nor an instruction directly after a heredoc.
    """
    lines = text.splitlines()
    after: set[int] = set()
    for each in _instructions(text):
        if each.heredoc:
            after.add(each.last)
        if each.name == "HEALTHCHECK":
            for at in range(each.line - 1, each.last):
                lines[at] = _START_INTERVAL.sub("", lines[at])
    numbered = [(line, at) for at, line in enumerate(lines, 1)]
    found = [
        pair for line, at in numbered for pair in ([(line, at), ("", at)] if at in after else [(line, at)])
    ]
    return "".join(f"{line}\n" for line, _ in found), tuple(at for _, at in found)


def _note(settings: dict[str, str], name: str, rest: str) -> None:
    if name == "USER":
        settings["user"] = rest.strip()
    elif name == "HEALTHCHECK":
        settings["healthcheck"] = "off" if rest.strip().upper() == "NONE" else "on"
    elif name == "STOPSIGNAL":
        settings["stop_signal"] = rest.strip()


def _options(rest: str) -> str:
    """The leading options of an instruction."""
    words: list[str] = []
    for word in rest.split():
        if not word.startswith("--"):
            break
        words.append(word)
    return " ".join(words)


def _arguments(rest: str, given: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for word in rest.split():
        name, is_set, default = word.partition("=")
        if name in given:
            found[name] = given[name]
        elif is_set:
            found[name] = fill(default.strip("\"'"), {**known, **found})
    return found


def _inherited(stages: list[_Stage], target: str) -> dict[str, str]:
    """The settings of the target's stage, its own or inherited from the stages that it is built on."""
    if not stages:
        raise ValueError("no FROM instruction")
    names = [stage.name for stage in stages]
    if target and target not in (*names, *map(str, range(len(stages)))):
        raise ValueError(f"no stage {target}")
    at = len(stages) - 1
    if target:
        at = names.index(target) if target in names else int(target)
    found: dict[str, str] = {}
    while True:
        stage = stages[at]
        found = {**stage.settings, **found}
        above = [n for n, other in enumerate(stages[:at]) if other.name and other.name == stage.parent]
        if not above:
            return found
        at = above[-1]


def _instructions(text: str) -> Iterator[_Instruction]:
    """Yield the instructions: continued lines joined, comments and heredocs skipped."""
    lines = text.splitlines()
    escape = "\\"
    for line in lines:
        if not _DIRECTIVE.match(line):
            break
        escape = "`" if _ESCAPE.match(line) else escape
    at = 0
    while at < len(lines):
        begin, at = at, at + 1
        if not _says(lines[begin]):
            continue
        whole = lines[begin].strip()
        while whole.endswith(escape):
            while at < len(lines) and not _says(lines[at]):
                at += 1
            more = lines[at].strip() if at < len(lines) else ""
            whole, at = f"{whole[:-1]} {more}".strip(), min(at + 1, len(lines))
        name, _, arguments = whole.replace("\t", " ").partition(" ")
        words = _HEREDOC.findall(arguments) if name.upper() in _WITH_HEREDOCS else []
        for _, word in words:
            while at < len(lines) and lines[at].strip() != word:
                at += 1
            at = min(at + 1, len(lines))
        yield _Instruction(begin + 1, at, name.upper(), arguments.strip(), bool(words))


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")
