"""Locks with uv and audits with pip-audit: argument vectors, plans, and parsers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from posixpath import basename, dirname
from typing import Any

import msgspec

from l9.checks.dependencies.declared import PROJECT, TOML_LOCKS, lock_part, lowest_python, read_project
from l9.checks.dependencies.locks import LockReport, Pin

Argv = tuple[str, ...]
MAIN = "requirements.txt"


class Job(msgspec.Struct, frozen=True):
    """One lock and its source; `within` is a lock whose versions it follows."""

    lock: str
    sources: tuple[str, ...]
    extra: str = ""
    group: str = ""
    within: str = ""
    python: str = ""


class LockChange(msgspec.Struct, frozen=True):
    """One name whose locked versions differ; `before` is empty if it is new, `after` if it was removed."""

    name: str
    before: list[str]
    after: list[str]


class Vulnerable(msgspec.Struct, frozen=True):
    """One known vulnerability of a locked version; `fixed_in` is empty if no version fixes it."""

    name: str
    version: str
    id: str
    aliases: list[str] = []
    fixed_in: list[str] = []


class Skipped(msgspec.Struct, frozen=True):
    """A dependency that could not be audited, with the reason."""

    name: str
    reason: str


class Audit(msgspec.Struct, frozen=True):
    """The known vulnerabilities of `asked` locked versions."""

    asked: int
    vulnerable: list[Vulnerable]
    skipped: list[Skipped]


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────


def sources(paths: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """The files that `plan` needs: the project files of every directory that may contain locks."""
    there, globs = set(paths), tuple(wanted)
    places = {"", *(dirname(p) for p in there if is_requirements(p, globs))}
    return tuple(sorted(p for d in places if (p := f"{d}/{PROJECT}".lstrip("/")) in there))


def plan(paths: Iterable[str], texts: Mapping[str, str], wanted: Iterable[str]) -> tuple[Job, ...]:
    """The locks that can be made, each after the one that it follows.

    `paths` are all files of the working copy, `texts` those that `sources` named, `wanted` the patterns of `[check]
    requirements`. X.txt is made from X.in in the same directory. requirements.txt is also made from the dependencies
    of pyproject.toml, if it exists or there is no lock in TOML. An existing requirements-X.txt is made from the extra
    or group X, if there is one.
    """
    there, globs = set(paths), tuple(wanted)
    locks = {p for p in there if p.endswith(".txt") and is_requirements(p, globs)}
    listed = {p for p in there if p.endswith(".in") and is_requirements(f"{p[:-3]}.txt", globs)}
    jobs = {f"{p[:-3]}.txt": Job(f"{p[:-3]}.txt", (p,)) for p in listed}
    for path, text in sorted(texts.items()):
        here = dirname(path)
        project = read_project(text, path)
        python = lowest_python(project.requires_python)
        own = sorted(p for p in locks if dirname(p) == here)
        parts = {p: lock_part(p) for p in own if p not in jobs}
        main = f"{here}/{MAIN}".lstrip("/")
        elsewhere = any(f"{here}/{name}".lstrip("/") in there for name in TOML_LOCKS)
        if project.dependencies and (main in own or not elsewhere):
            jobs[main] = Job(main, (path, *(jobs[main].sources if main in jobs else ())), python=python)
        for lock, part in parts.items():
            within = main if main in jobs or main in own else ""
            if part in project.optional:
                jobs[lock] = Job(lock, (path,), extra=part, within=within, python=python)
            elif part in project.groups:
                jobs[lock] = Job(lock, (path,), group=part, within=within, python=python)
    return tuple(sorted(jobs.values(), key=lambda job: (bool(job.within), job.lock)))


# ── uv ───────────────────────────────────────────────────────────────────────────────────────────


def compile_lock(uv: str, job: Job, output: str, within: str, upgrade: Iterable[str] = ()) -> Argv:
    """Resolve into `output`, which holds the current versions; `upgrade` are the names that may change, `*` all.

    Index, proxy and offline mode come from the user's uv configuration and are not written into the lock. Extras stay
    in the lock, because pip with hashes refuses an extra that the lock does not name.
    """
    names = tuple(upgrade)
    moves = ("--upgrade",) if "*" in names else tuple(f"--upgrade-package={name}" for name in names)
    return (
        uv, "pip", "compile", "--universal", "--generate-hashes", "--no-strip-extras", "--no-emit-index-url",
        "--custom-compile-command=l9 lock", "--quiet", "--no-progress", "--color=never",
        *((f"--python-version={job.python}",) if job.python else ()),
        *((f"--constraints={within}",) if within else ()),
        *moves,
        *((f"--extra={job.extra}",) if job.extra else ()),
        *((f"--group={job.sources[0]}:{job.group}",) if job.group else ()),
        f"--output-file={output}",
        *(("--", *job.sources) if not job.group else ()),
    )  # fmt: skip


def differences(before: LockReport | None, after: LockReport) -> list[LockChange]:
    """The names whose versions differ, sorted."""
    old, new = _versions(before.exact if before else ()), _versions(after.exact)
    return [
        LockChange(name, old.get(name, []), new.get(name, []))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def unhashed(report: LockReport) -> list[str]:
    """The names that are locked without a hash."""
    return sorted({pin.name for pin in report.exact if not pin.hashes})


def _versions(pins: Iterable[Pin]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for pin in pins:
        found.setdefault(pin.name, set()).add(pin.version)
    return {name: sorted(versions) for name, versions in found.items()}


# ── pip-audit ────────────────────────────────────────────────────────────────────────────────────


def audit(program: str, file: str) -> Argv:
    """Audit the exact versions in `file`; nothing is resolved or installed."""
    return (
        program, "--format=json", "--progress-spinner=off", "--desc=off", "--aliases=on",
        "--disable-pip", "--no-deps", f"--requirement={file}",
    )  # fmt: skip


def audited_texts(pins: Iterable[tuple[str, str]]) -> list[str]:
    """Requirements files with each name and version once: as many files as one name has versions.

    The lock itself cannot be audited: pip-audit would skip entries whose markers do not hold on this machine, and it
    refuses two versions of one name.
    """
    rounds: list[dict[str, str]] = []
    for name, version in sorted(set(pins)):
        free = next((r for r in rounds if name not in r), None)
        if free is None:
            rounds.append(free := {})
        free[name] = version
    return ["".join(f"{name}=={version}\n" for name, version in r.items()) for r in rounds]


def parse_audit(out: str) -> Audit | None:
    """Parse `audit`'s output; None if it is invalid."""
    try:
        raw = json.loads(out)
        rows: list[dict[str, Any]] = list(raw["dependencies"])
        vulnerable = [
            Vulnerable(r["name"], r["version"], v["id"], list(v.get("aliases", ())), list(v["fix_versions"]))
            for r in rows
            for v in r.get("vulns", ())
        ]
        skipped = [Skipped(r["name"], r["skip_reason"]) for r in rows if "skip_reason" in r]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Audit(len(rows), vulnerable, skipped)


def merged(parts: Iterable[Audit]) -> Audit:
    """Merge several audits into one."""
    rounds = list(parts)
    return Audit(
        sum(r.asked for r in rounds),
        [v for r in rounds for v in r.vulnerable],
        [s for r in rounds for s in r.skipped],
    )


def is_lock(path: str) -> bool:
    """True if it is a lock in TOML."""
    return basename(path) in TOML_LOCKS


def is_requirements(path: str, wanted: Iterable[str]) -> bool:
    """True if a pattern of `[check] requirements` matches this file."""
    return any(fnmatch(path, pattern) for pattern in wanted)
