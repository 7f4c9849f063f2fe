"""The declarations of project files, compared with their locks (spec 1.3, 2.3). Pure; `packaging` parses versions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import product
from posixpath import basename, dirname
from typing import Any, NamedTuple

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from l9.checks.dependencies.facts import Declared, LockMismatch
from l9.checks.dependencies.locks import LockReport, read_requirements
from l9.errors import ActionError

PROJECT = "pyproject.toml"
LOCK = "l9 lock"
TOML_LOCKS = {
    "uv.lock": "uv lock",
    "pylock.toml": "uv export --format pylock.toml --output-file pylock.toml",
    "poetry.lock": "poetry lock",
    "pdm.lock": "pdm lock",
}
_NO_PROJECT = {"poetry": "Poetry's", "pdm": "PDM's", "flit": "Flit's"}
_SERVERS = tuple(product(range(8, 16), (0, 30), ("x86_64", "aarch64")))
_LINUX = {
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_release": "",
    "platform_version": "",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "extra": "",
}
Environment = dict[str, str]


class Pin(NamedTuple):
    """A version in a lock, with its environment marker."""

    version: str
    marker: str = ""


Pins = Mapping[str, tuple[Pin, ...]]


class Project(NamedTuple):
    """A `pyproject.toml`: its dependencies (None if it declares none), and those of extras and groups by name."""

    dependencies: tuple[str, ...] | None
    optional: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, tuple[str, ...]]
    requires_python: str
    note: str = ""


def read_project(text: str, path: str = PROJECT) -> Project:
    """Parse a `pyproject.toml` by PEP 621 and 735. Raises ActionError if it is not TOML."""
    raw = _toml(text, path)
    project, tool = _table(raw, "project"), _table(raw, "tool")
    groups = _table(raw, "dependency-groups")
    dynamic = project.get("dynamic") or []
    note = ""
    if "dependencies" in dynamic:
        note = f"{path} leaves its dependencies to the build (dynamic)"
    elif not project:
        whose = next((say for name, say in _NO_PROJECT.items() if name in tool), "")
        note = f"{path} is {whose} own, without [project]" if whose else f"{path} has no [project]"
    return Project(
        _texts(project.get("dependencies")) if project and not note else None,
        {canonicalize_name(k): _texts(v) for k, v in _table(project, "optional-dependencies").items()},
        {canonicalize_name(k): tuple(_group(groups, k, ())) for k in groups},
        str(project.get("requires-python", "")),
        note,
    )


def wanted_files(paths: Iterable[str], locks: Iterable[str]) -> tuple[str, ...]:
    """The files needed for the comparison: project files next to or above the locks, and the locks in TOML."""
    there, places = set(paths), {"", *(d for lock in locks for d in _upwards(dirname(lock)))}
    names = (PROJECT, "Pipfile", *TOML_LOCKS)
    found = {p for d in places for n in names if (p := _join(d, n)) in there}
    return tuple(sorted(found | {p for lock in locks if (p := _source(lock)) in there}))


def compare(texts: Mapping[str, str], locks: Mapping[str, LockReport]) -> Declared:
    """Compare the declarations of each project file with its locks.

    `texts` are the files that `wanted_files` named, `locks` the requirements files, both by path. A dependency counts
    if its marker holds on a server (Linux, CPython, every Python that the project allows). Raises ActionError for a
    file that is not TOML.
    """
    looked, notes, mismatches = [], [], list[LockMismatch]()
    for path in sorted(p for p in texts if basename(p) == PROJECT):
        project = read_project(texts[path], path)
        notes += [project.note] if project.note else []
        pairs = list(_pairs(path, project, texts, locks))
        declared = project.dependencies or ()
        if declared and not any(job.main for job in pairs):
            mismatches.append(
                LockMismatch(path, declared[0], _join(dirname(path), "requirements.txt"), "no lock", LOCK)
            )
        environments = _environments(project.requires_python)
        for job in pairs:
            mismatches += _mismatches(path, job, environments)
            looked.append(f"{len(job.declared)} of {path} in {job.lock}")
    for lock in sorted(locks):
        if (source := _source(lock)) in texts:
            listed, unread = _listed(texts[source])
            job = Pair(lock, listed, _pins(_whole((lock,), locks)), LOCK, main=True)
            mismatches += _mismatches(source, job, _environments(""))
            looked.append(f"{len(listed)} of {source} in {lock}")
            notes += [f"{source}: {line} is not compared" for line in unread]
    notes += [f"{p} is not read" for p in sorted(texts) if basename(p) == "Pipfile"]
    return Declared(tuple(looked), tuple(mismatches), tuple(notes))


class Pair(NamedTuple):
    """Declared dependencies, and the pins of the lock for them. `main`: the project's own dependencies."""

    lock: str
    declared: tuple[str, ...]
    pins: Pins
    remedy: str
    main: bool
    any_version: bool = False


def _pairs(
    path: str, project: Project, texts: Mapping[str, str], locks: Mapping[str, LockReport]
) -> Iterator[Pair]:
    here = dirname(path)
    projects = {dirname(p) for p in texts if basename(p) == PROJECT}
    mine = {lock: r for lock, r in locks.items() if _owner(dirname(lock), projects) == here}
    named = {lock: lock_part(lock) for lock in sorted(mine)}
    main = [lock for lock, part in named.items() if not part] or list(named)
    if project.dependencies is not None:
        if mine:
            pins = _pins(_whole(main, locks))
            yield Pair(main[0], project.dependencies, pins, LOCK, main=True)
        for name, remedy in TOML_LOCKS.items():
            if (lock := _join(here, name)) in texts:
                pins = locked(texts[lock], lock)
                yield Pair(lock, project.dependencies, pins, remedy, main=True, any_version=True)
    for lock, part in named.items():
        declared = (*project.optional.get(part, ()), *project.groups.get(part, ()))
        if declared:
            pins = _pins(_whole((lock, *main), locks))
            yield Pair(lock, declared, pins, LOCK, main=False)


def _mismatches(source: str, pair: Pair, environments: tuple[Environment, ...]) -> Iterator[LockMismatch]:
    for text in pair.declared:
        try:
            wanted = Requirement(text)
        except InvalidRequirement as error:
            yield LockMismatch(source, text, pair.lock, str(error).splitlines()[0], f"$EDITOR {source}")
            continue
        if not wanted.url and (found := _lacks(wanted, pair, environments)):
            yield LockMismatch(source, text, pair.lock, found, pair.remedy)


def _lacks(wanted: Requirement, pair: Pair, environments: tuple[Environment, ...]) -> str:
    """The content of the lock that does not satisfy a requirement; empty if the requirement is satisfied.

    Extras are not compared: a lock may list the packages of an extra without the extra.
    """
    asked = [e for e in environments if _holds(wanted.marker, e)]
    there = pair.pins.get(canonicalize_name(wanted.name), ())
    # If declaration and lock are both split by markers, each part is compared only with its own pins.
    active = [pin for pin in there if any(_holds(pin.marker, e) for e in asked)]
    if not active:
        return "" if len(asked) < len(environments) else f"no {wanted.name}"
    bad = [pin for pin in active if not _satisfies(pin.version, wanted.specifier)]
    if not bad or (pair.any_version and len(bad) < len(active)):
        return ""
    return f"{wanted.name}=={bad[0].version}"


def _satisfies(version: str, specifier: SpecifierSet) -> bool:
    try:
        return specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return str(specifier) == f"==={version}"


@cache
def _marker(text: str) -> Marker | None:
    try:
        return Marker(text) if text else None
    except ValueError:  # packaging's InvalidMarker: the pin counts in every environment
        return None


def _holds(marker: Marker | str | None, environment: Environment) -> bool:
    found = _marker(marker) if isinstance(marker, str) else marker
    return found is None or found.evaluate(environment)


def _environments(requires_python: str) -> tuple[Environment, ...]:
    """The servers that the project may run on; all of them if its supported versions cannot be parsed."""
    try:
        allowed = SpecifierSet(requires_python)
    except InvalidSpecifier:
        allowed = SpecifierSet()
    found = [
        {
            **_LINUX,
            "python_version": f"3.{minor}",
            "python_full_version": f"3.{minor}.{patch}",
            "implementation_version": f"3.{minor}.{patch}",
            "platform_machine": machine,
        }
        for minor, patch, machine in _SERVERS
    ]
    return tuple(e for e in found if allowed.contains(e["python_full_version"])) or tuple(found)


def lowest_python(requires_python: str) -> str:
    """The oldest Python that the project allows, such as `3.11`; empty if not stated."""
    return _environments(requires_python)[0]["python_version"] if requires_python.strip() else ""


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


def _listed(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The requirements of a `requirements.in`, and the lines that are not requirements (a folder, another file)."""
    report = read_requirements(text)
    listed, unread = (
        [f"{p.name}=={p.version}{f' ; {p.marker}' if p.marker else ''}" for p in report.exact],
        [],
    )
    for loose in report.loose:
        line = loose.line.partition(" --")[0]
        try:
            Requirement(line)
        except InvalidRequirement:
            unread.append(loose.line)
        else:
            listed.append(line)
    return tuple(listed), tuple(unread)


def _whole(names: Iterable[str], locks: Mapping[str, LockReport]) -> list[LockReport]:
    """These locks and all that they include with `-r`, each once."""
    todo, found = list(names), dict[str, LockReport]()
    while todo:
        name = todo.pop()
        if name in locks and name not in found:
            found[name] = locks[name]
            todo += locks[name].taken_in(name)
    return list(found.values())


def _pins(reports: Iterable[LockReport]) -> Pins:
    found: dict[str, tuple[Pin, ...]] = {}
    for report in reports:
        for pin in report.exact:
            found[pin.name] = (*found.get(pin.name, ()), Pin(pin.version, pin.marker))
    return found


def locked(text: str, path: str) -> Pins:
    """The packages of a lock in TOML. If one has several versions, their environments are not read."""
    raw = _toml(text, path)
    found: dict[str, tuple[Pin, ...]] = {}
    for each in (*_tables(raw.get("package")), *_tables(raw.get("packages"))):
        name = canonicalize_name(str(each.get("name", "")))
        found[name] = (*found.get(name, ()), Pin(str(each.get("version", ""))))
    return found


def _toml(text: str, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ActionError(
            f"{path} is not TOML", expected="TOML", found=str(error), remedy=f"$EDITOR {path}"
        ) from None


def _table(raw: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = raw.get(key)
    return found if isinstance(found, dict) else {}


def _tables(value: object) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _texts(value: object) -> tuple[str, ...]:
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def _group(groups: Mapping[str, Any], name: str, seen: tuple[str, ...]) -> Iterator[str]:
    """A group of PEP 735 with those that it includes, each once."""
    members = groups.get(name)
    for member in members if isinstance(members, list) and name not in seen else ():
        if isinstance(member, str):
            yield member
        elif isinstance(member, dict):
            yield from _group(groups, str(member.get("include-group", "")), (*seen, name))


# ── names ────────────────────────────────────────────────────────────────────────────────────────


def lock_part(lock: str) -> str:
    """The purpose of a lock besides the project itself: dev for `requirements-dev.txt` and `requirements/dev.txt`."""
    stem = basename(lock).removesuffix(".txt")
    if stem == "requirements":
        return ""
    return canonicalize_name(re.sub(r"^requirements?[-_.]|[-_.]requirements?$", "", stem))


def _source(lock: str) -> str:
    return f"{lock.removesuffix('.txt')}.in"


def _join(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name


def _upwards(directory: str) -> Iterator[str]:
    while directory:
        yield directory
        directory = dirname(directory)


def _owner(directory: str, projects: set[str]) -> str:
    """The nearest directory at or above that has a project file."""
    return next((d for d in (*_upwards(directory), "") if d in projects), "")
