"""docker compose: argument vectors and parsers. Values never go on the command line: documents carry them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Argv = tuple[str, ...]

MINIMUM = (2, 20)
_FILE = r"(?:env file )(?P<path>/.+?)(?= not found)|(?:stat|open) (?P<path2>/.+?)(?=: no such file)"
_SECRET = re.compile(r"key|secret|token|pass|pwd|dsn|ur[il]|credential|auth|private|salt|sign", re.IGNORECASE)
_LONG = 20  # characters: a value this long is masked under any name
_SHORT = 4  # characters: shorter values are not masked, since they are part of many words
_QUOTED = re.compile(r"""["'`].*""")


def version() -> Argv:
    """Print the version of compose in a form for machines."""
    return ("docker", "compose", "version", "--format", "json")


def parse_version(out: str) -> str:
    """Return the version without a leading `v`, or an empty text if the output has none."""
    try:
        found = json.loads(out)
    except ValueError:
        return ""
    return str(found.get("version", "")).removeprefix("v") if isinstance(found, dict) else ""


def too_old(found: str) -> bool:
    """True if l9 needs a newer compose than this version."""
    numbers = tuple(int(n) for n in re.findall(r"\d+", found)[:2])
    return numbers < MINIMUM


def config(file: Path, project: str, env_files: Iterable[Path]) -> Argv:
    """Print the resolved document with the services of all profiles."""
    return (*_project(file, project, env_files), "--profile", "*", "config", "--format", "json")


def hashes(file: Path, project: str, env_files: Iterable[Path]) -> Argv:
    """Print the hash of each active service's definition."""
    return (*_project(file, project, env_files), "config", "--hash", "*")


def derived_hashes(file: Path) -> Argv:
    """Print hashes as `hashes` does, for every service in a derived document."""
    return (*_derived(file), "--profile", "*", "config", "--hash", "*")


def parse_hashes(out: str) -> dict[str, str]:
    """Return service to hash, from lines of `NAME HASH`."""
    pairs = (line.rsplit(maxsplit=1) for line in out.splitlines() if line.strip())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def build(file: Path, services: Iterable[str], *, no_cache: bool = False) -> Argv:
    """Build images; `no_cache` uses nothing from earlier builds (spec 5.1 step 4), except base images on the host."""
    return (*_derived(file), "build", *(("--no-cache",) if no_cache else ()), *services)


def pull(file: Path, service: str) -> Argv:
    """Pull one service's image as its `pull_policy` says, with the user's own registry login."""
    return (*_derived(file), "--profile", "*", "pull", service)


def up(file: Path, *, pull: bool = False) -> Argv:
    """Start the one container of a derived document; `pull` where l9 did not build its image."""
    policy = "missing" if pull else "never"
    return (*_derived(file), "up", "--detach", "--no-build", "--pull", policy, "--no-deps")


def up_missing(file: Path, services: Iterable[str]) -> Argv:
    """Start these services of the base project; running ones are not touched, even if changed."""
    return (*_derived(file), "--profile", "*", "up", "--detach", "--no-recreate", "--no-deps", *services)


def run_once(
    file: Path, service: str, command: Iterable[str], *, entrypoint: str = "", alone: bool = False
) -> Argv:
    """Run a command in a new container of a service, and remove the container afterwards.

    alone: without the services that it depends on.
    """
    own = (*(("--entrypoint", entrypoint) if entrypoint else ()), *(("--no-deps",) if alone else ()))
    return (*_quiet(file), "run", "--rm", "--no-TTY", *own, service, *command)


def up_with_needs(file: Path, services: Iterable[str]) -> Argv:
    """Start services with their dependencies; pull images that are not built here."""
    return (*_derived(file), "up", "--detach", "--no-build", *services)


def port(file: Path, service: str, inside: int) -> Argv:
    """Print the address at which a service's port is published."""
    return (*_derived(file), "port", service, str(inside))


def parse_port(out: str) -> int | None:
    """Return the port in `port`'s output, `ADDRESS:PORT`."""
    number = out.strip().rpartition(":")[2]
    return int(number) if number.isdecimal() else None


def by_hand(file: str, *words: str) -> Argv:
    """Return the command that a person types to do the same with the original file."""
    return ("docker", "compose", *(("--file", file) if file else ()), *words)


def missing_file(text: str) -> str | None:
    """Return the path of the env file that compose did not find, or None for another failure.

    Compose reports it as text only; if the wording is unknown, its message is shown unchanged.
    """
    found = re.search(_FILE, text)
    return (found["path"] or found["path2"]) if found else None


def without_values(text: str, values: Iterable[str]) -> tuple[str, ...]:
    """Return compose's message, without text that it quotes from an environment file.

    A parser's message ends in the text that it could not parse: such a line is cut after the first quote.
    """
    lines = [
        _QUOTED.sub("…", line) if "failed to read" in line or "nvalid template" in line else line
        for line in text.strip().splitlines()
    ]
    for value in sorted({v for v in values if len(v) >= _SHORT}, key=len, reverse=True):
        lines = [line.replace(value, "***") for line in lines]
    return tuple(lines)


def secret_values(entries: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the values of an environment file's entries that must be masked."""
    return tuple(v for k, v in entries if len(v) >= _SHORT and (len(v) >= _LONG or _SECRET.search(k)))


def parse_document(out: str) -> dict[str, Any] | None:
    """Parse the resolved document; None for any other output."""
    try:
        found = json.loads(out)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _project(file: Path, project: str, env_files: Iterable[Path]) -> Argv:
    names = (part for path in env_files for part in ("--env-file", str(path)))
    return ("docker", "compose", "--project-name", project, "--file", str(file), *names)


def _quiet(file: Path) -> Argv:
    """Return arguments as `_derived`, without progress output: only the command's own is printed."""
    return ("docker", "compose", "--progress", "quiet", "--file", str(file))


def _derived(file: Path) -> Argv:
    """Return arguments for a document that is already resolved and names its project."""
    return ("docker", "compose", "--file", str(file))
