"""The pins of a requirements file (spec 2.3)."""

import re
from collections.abc import Iterator
from posixpath import dirname, join, normpath
from typing import NamedTuple

import msgspec

_COMMENT = re.compile(r"(?:^|\s)#.*$", re.DOTALL)
_INCLUDE = re.compile(r"(?P<option>-r|-c|--requirement|--constraint)(?:\s*=\s*|\s*)(?P<path>\S.*)")
_EDITABLE = re.compile(r"-e|--editable\b")
_OPTION = re.compile(r"--[a-z]|-[if]\b")
_DIRECT = re.compile(r"\w://|^\.{0,2}/|\s@\s|\.(?:whl|zip|tar\.\w+|tgz)(?:\[|;|#|\s|$)")
_PER_REQUIREMENT = re.compile(r"\s--")
_HASH = re.compile(r"\s--hash[=\s]\s*([a-z0-9]+:[0-9a-fA-F]+)")
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*"
    r"(?:\[(?P<extras>[^\]]*)\])?\s*"
    r"\(?(?P<clauses>[^()]*)\)?"
)
_CLAUSE = re.compile(r"(?P<operator>===|==|~=|!=|<=|>=|<|>)\s*(?P<version>v?[0-9][A-Za-z0-9.+!*_-]*)")
_CREDENTIALS = re.compile(r"//[^/@\s]+@")


class Pin(NamedTuple):
    """A requirement with one exact version; `name` is normalised (lower case, runs of -_. as one dash)."""

    line_no: int
    name: str
    version: str
    extras: tuple[str, ...]
    marker: str
    hashes: tuple[str, ...]


class Loose(NamedTuple):
    """A line that may install another version later, with the reason. URLs in `line` have no credentials."""

    line_no: int
    line: str
    why: str


class Include(NamedTuple):
    """Another file: included with -r, and judged too, or a constraints file (-c), which installs nothing by itself."""

    line_no: int
    path: str
    constraint: bool = False


class LockReport(msgspec.Struct, frozen=True):
    """The pins of a requirements file; `hashed` if there are any and every requirement has a hash."""

    exact: tuple[Pin, ...]
    loose: tuple[Loose, ...]
    includes: tuple[Include, ...]
    hashed: bool

    def taken_in(self, path: str) -> list[str]:
        """The files that it includes with `-r`; paths are in the form of `path`."""
        here = dirname(path)
        return [normpath(join(here, include.path)) for include in self.includes if not include.constraint]


def read_requirements(text: str) -> LockReport:
    """Sort the lines of a requirements file into exact, loose and included ones (spec 2.3).

    `text` is the whole file. Line numbers count from 1 and name the line on which a continued line starts. Options of
    pip (`--index-url` …) are skipped. Raises nothing.
    """
    found = [_judge(line_no, line) for line_no, line in _logical_lines(text)]
    exact = tuple(entry for entry in found if isinstance(entry, Pin))
    loose = tuple(entry for entry in found if isinstance(entry, Loose))
    includes = tuple(entry for entry in found if isinstance(entry, Include))
    hashed = bool(exact) and not loose and all(pin.hashes for pin in exact)
    return LockReport(exact, loose, includes, hashed)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Join continued lines, then drop comments, as pip does: a comment line ends a continuation."""
    start, parts = 0, list[str]()
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        start = start if parts else number
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            parts.append(line.rstrip("\\"))
            continue
        parts.append(f" {line}" if is_comment else line)
        yield from _stripped(start, parts)
        parts = []
    yield from _stripped(start, parts)


def _stripped(start: int, parts: list[str]) -> Iterator[tuple[int, str]]:
    if line := _COMMENT.sub("", "".join(parts)).strip():
        yield start, line


def _judge(line_no: int, line: str) -> Pin | Loose | Include | None:
    def loose(why: str) -> Loose:
        return Loose(line_no, _CREDENTIALS.sub("//***@", line), why)

    if include := _INCLUDE.match(line):
        return Include(line_no, include["path"], include["option"].startswith(("-c", "--c")))
    if _EDITABLE.match(line):
        return loose("an editable install has no fixed version")
    if _OPTION.match(line):
        return None
    if _DIRECT.search(_PER_REQUIREMENT.split(line, maxsplit=1)[0]):
        return loose("a URL or a path has no fixed version")
    return _judge_clauses(line_no, line, loose("not a requirement that pip understands"))


def _judge_clauses(line_no: int, line: str, otherwise: Loose) -> Pin | Loose:
    body, _, marker = _PER_REQUIREMENT.split(line, maxsplit=1)[0].partition(";")
    match = _REQUIREMENT.fullmatch(body.strip())
    if match is None:
        return otherwise
    clauses = [clause.strip() for clause in match["clauses"].split(",") if clause.strip()]
    if not clauses:
        return otherwise._replace(why="no version: the newest is installed")
    for clause in clauses:
        parsed = _CLAUSE.fullmatch(clause)
        if parsed is None:
            return otherwise
        if parsed["operator"] == "===" or (parsed["operator"] == "==" and "*" not in parsed["version"]):
            extras = tuple(extra.strip() for extra in (match["extras"] or "").split(",") if extra.strip())
            name = re.sub(r"[-_.]+", "-", match["name"]).lower()
            hashes = tuple(_HASH.findall(line))
            return Pin(line_no, name, parsed["version"], extras, marker.strip(), hashes)
    return otherwise._replace(why=f"'{', '.join(clauses)}' is a range; '==' with one version is exact")
