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
_LONG = 20  # a value this long under any name is more likely a secret than a word
_SHORT = 4  # masking anything shorter would hide half of every line
_QUOTED = re.compile(r"""["'`].*""")


def version() -> Argv:
    """The version of compose, for machines."""
    return ("docker", "compose", "version", "--format", "json")


def parse_version(out: str) -> str:
    """The version without a leading `v`; an empty text when there is none in the output."""
    try:
        found = json.loads(out)
    except ValueError:
        return ""
    return str(found.get("version", "")).removeprefix("v") if isinstance(found, dict) else ""


def too_old(found: str) -> bool:
    """Whether this version lacks what l9 uses of compose."""
    numbers = tuple(int(n) for n in re.findall(r"\d+", found)[:2])
    return numbers < MINIMUM


def config(file: Path, project: str, env_files: Iterable[Path]) -> Argv:
    """The whole resolved document, the services of all profiles in it."""
    return (*_project(file, project, env_files), "--profile", "*", "config", "--format", "json")


def hashes(file: Path, project: str, env_files: Iterable[Path]) -> Argv:
    """The definition's hash of each service that is active."""
    return (*_project(file, project, env_files), "config", "--hash", "*")


def derived_hashes(file: Path) -> Argv:
    """As `hashes`, of every service in a document of l9's own."""
    return (*_derived(file), "--profile", "*", "config", "--hash", "*")


def parse_hashes(out: str) -> dict[str, str]:
    """Service to hash, from lines of `NAME HASH`."""
    pairs = (line.rsplit(maxsplit=1) for line in out.splitlines() if line.strip())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def build(file: Path, services: Iterable[str], *, no_cache: bool = False) -> Argv:
    """Build images; `no_cache` uses nothing from earlier builds (spec 5.1 step 4). A base made on the host is none."""
    return (*_derived(file), "build", *(("--no-cache",) if no_cache else ()), *services)


def pull(file: Path, service: str) -> Argv:
    """Pull one service's image as its `pull_policy` says, with the user's own registry login."""
    return (*_derived(file), "--profile", "*", "pull", service)


def up(file: Path, *, pull: bool = False) -> Argv:
    """Start the one container of a derived document; `pull` where its image is not one of ours."""
    policy = "missing" if pull else "never"
    return (*_derived(file), "up", "--detach", "--no-build", "--pull", policy, "--no-deps")


def up_missing(file: Path, services: Iterable[str]) -> Argv:
    """Start these services of the base project; what runs already is left alone, changed or not."""
    return (*_derived(file), "--profile", "*", "up", "--detach", "--no-recreate", "--no-deps", *services)


def run_once(
    file: Path, service: str, command: Iterable[str], *, entrypoint: str = "", alone: bool = False
) -> Argv:
    """Run a command in a new container of a service, which is removed afterwards.

    alone: without the services that it depends on.
    """
    own = (*(("--entrypoint", entrypoint) if entrypoint else ()), *(("--no-deps",) if alone else ()))
    return (*_quiet(file), "run", "--rm", "--no-TTY", *own, service, *command)


def up_with_needs(file: Path, services: Iterable[str]) -> Argv:
    """Start services with all that they depend on, pulling what is not built here."""
    return (*_derived(file), "up", "--detach", "--no-build", *services)


def port(file: Path, service: str, inside: int) -> Argv:
    """Where a port of a service is published."""
    return (*_derived(file), "port", service, str(inside))


def parse_port(out: str) -> int | None:
    """The port of `port`'s `ADDRESS:PORT`."""
    number = out.strip().rpartition(":")[2]
    return int(number) if number.isdecimal() else None


def by_hand(file: str, *words: str) -> Argv:
    """What a person types to do the same with the file as it is."""
    return ("docker", "compose", *(("--file", file) if file else ()), *words)


def missing_file(text: str) -> str | None:
    """The path of the env file that compose could not find, where that is why it failed.

    Compose says it in words only; a wording that is not known leaves its message to be shown as it is.
    """
    found = re.search(_FILE, text)
    return (found["path"] or found["path2"]) if found else None


def without_values(text: str, values: Iterable[str]) -> tuple[str, ...]:
    """Compose's own words, without what they quote of an environment file.

    A parser's message ends in the text that it could not read: of such a line nothing after a quote is kept.
    """
    lines = [
        _QUOTED.sub("…", line) if "failed to read" in line or "nvalid template" in line else line
        for line in text.strip().splitlines()
    ]
    for value in sorted({v for v in values if len(v) >= _SHORT}, key=len, reverse=True):
        lines = [line.replace(value, "***") for line in lines]
    return tuple(lines)


def secret_values(entries: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The values, of keys and values of an environment file, that must not be shown."""
    return tuple(v for k, v in entries if len(v) >= _SHORT and (len(v) >= _LONG or _SECRET.search(k)))


def parse_document(out: str) -> dict[str, Any] | None:
    """The resolved document, or None where the output is none."""
    try:
        found = json.loads(out)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _project(file: Path, project: str, env_files: Iterable[Path]) -> Argv:
    names = (part for path in env_files for part in ("--env-file", str(path)))
    return ("docker", "compose", "--project-name", project, "--file", str(file), *names)


def _quiet(file: Path) -> Argv:
    """As `_derived`, without telling of networks and volumes: what is printed is the command's own."""
    return ("docker", "compose", "--progress", "quiet", "--file", str(file))


def _derived(file: Path) -> Argv:
    """A document that is resolved already, and names its project."""
    return ("docker", "compose", "--file", str(file))
