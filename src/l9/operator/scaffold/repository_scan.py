"""Scans a repository in the working directory for `l9 init`. Writes nothing, and runs only git."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from l9.checks.compose.production import resolved
from l9.checks.compose.yaml_reader import parse
from l9.checks.environment.reads import EnvRead, compose_gives, compose_reads, dockerfile, undocumented
from l9.checks.environment.reads_python import python_reads
from l9.drivers.git import commands as git
from l9.drivers.git.runner import run, run_checked
from l9.operator.scaffold.service import env_files, in_repository
from l9.operator.scaffold.snapshot import RepoSnapshot

COMPOSE = re.compile(r"(?:(?:docker|deploy|infra)/)?(?:docker-)?compose(?:[.-][\w-]+)*\.ya?ml")
CODE = re.compile(r".*\.(?:py|js|mjs|cjs|ts|rb|go)")
PROJECT = re.compile(
    r"(?:.*/)?(?:Dockerfile[^/]*|[^/]*\.Dockerfile)|pyproject\.toml|requirements[^/]*\.(?:txt|in)"
)
ELSEWHERE = re.compile(
    r"(?:^|/)(?:node_modules|vendor|dist|build|migrations|tests?|examples?|docs?|\.[^/]+)/|(?:^|/)test_"
)
MOST, LONGEST = 2000, 200_000  # files of code, bytes of each: larger ones were not written by a person
_NODE = re.compile(r"\bprocess\.env\.(?P<name>[A-Z][A-Z0-9_]*)(?P<default>\s*(?:\|\||\?\?))?")
_PORT = re.compile(r"[\"'.](\w*PORT)\b")


def look(top: Path) -> RepoSnapshot:
    """Return the snapshot. Skips files that cannot be read as text; gives a reason for compose files."""
    out = run_checked(git.list_known(), cwd=top)
    paths = sorted({p for p in out.split("\0") if p and (top / p).is_file()})
    compose: dict[str, Any] = {}
    unread: dict[str, str] = {}
    raw: dict[str, str] = {}
    for path in (p for p in paths if COMPOSE.fullmatch(p)):
        raw[path] = _text(top / path)
        try:
            compose[path] = resolved(parse(raw[path]))
        except ValueError as error:
            unread[path] = str(error)
    code = [p for p in paths if CODE.fullmatch(p) and not ELSEWHERE.search(p)][:MOST]
    texts = {
        p: text for p in (*code, *(p for p in paths if PROJECT.fullmatch(p))) if (text := _text(top / p))
    }
    return RepoSnapshot(
        directory=top.name,
        paths=frozenset(paths),
        compose=compose,
        unread=unread,
        texts=texts,
        reads=_reads(texts, compose, raw),
        listens=frozenset(n for p, text in texts.items() if CODE.fullmatch(p) for n in _PORT.findall(text)),
        ignored=_ignored(top, compose),
        tags=tuple(run(git.list_tags(), cwd=top).out.split()),
        branch=(main := _main(top)),
        origin=run(git.remote_url(), cwd=top).code == 0,
        published=run(git.known_of_origin(main), cwd=top).code == 0,
    )


def _text(path: Path) -> str:
    """Return a file's text; empty if it is too long, binary or missing."""
    try:
        data = path.read_bytes() if path.stat().st_size <= LONGEST else b""
    except OSError:
        return ""
    return "" if b"\0" in data else data.decode(errors="replace")


def _reads(texts: dict[str, str], compose: dict[str, Any], raw: dict[str, str]) -> tuple[EnvRead, ...]:
    """Return the variables that are read but never set in the repository, required ones first."""
    found, _ = python_reads({p: t for p, t in texts.items() if p.endswith(".py")})
    reads, given = list(found), list[str]()
    for path, text in texts.items():
        if PROJECT.fullmatch(path) and "ockerfile" in path:
            read, sets = dockerfile(text, path)
            reads += read
            given += sets
        elif not path.endswith(".py") and CODE.fullmatch(path):
            for match in _NODE.finditer(text):
                where = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
                reads.append(EnvRead((match["name"],), where, match["default"] is not None))
    for path, document in compose.items():
        reads += compose_reads(raw[path], path)
        given += compose_gives(document)
    return undocumented(reads, (), given, ("NODE_ENV",))


def _ignored(top: Path, compose: dict[str, Any]) -> frozenset[str]:
    """Return the env files that git ignores, of `.env` and those that a compose file names."""
    names = {".env"}
    for path, document in compose.items():
        for definition in document["services"].values():
            names |= {in_repository(path, p) for p in env_files(definition)}
    inside = sorted(n for n in names if not n.startswith("../"))
    out = run(git.ignored_of(), cwd=top, data="\0".join(inside).encode()).out
    return frozenset(filter(None, out.split("\0")))


def _main(top: Path) -> str:
    """Return the branch that releases are made from: origin's HEAD, else the branch that is checked out."""
    for argv in (git.origin_head(), git.current_branch()):
        done = run(argv, cwd=top)
        if done.code == 0 and (
            name := done.out.strip().removeprefix("refs/remotes/origin/").removeprefix("refs/heads/")
        ):
            return name
    return "main"
