"""The environment variables that a release reads, by name, in its Python code, compose file and Dockerfile.

Only names that are written there are found, not names that are built at run time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

# Variables that every process has, that shells, terminals, interpreters and CI set, or that common tools read.
STANDARD = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "LANG", "LANGUAGE", "LC_*", "TZ", "TERM", "TMPDIR",
    "TMP", "TEMP", "HOSTNAME", "EDITOR", "VISUAL", "PAGER", "DISPLAY", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR",
    "COLORTERM", "XDG_*", "SSH_*", "SUDO_*", "VIRTUAL_ENV", "PYTHON*", "PYTEST_*", "PIP_*", "CI", "GITHUB_*",
    "COMPOSE_*", "DOCKER_*", "BUILDKIT_*", "INVOCATION_ID", "NOTIFY_SOCKET", "WERKZEUG_RUN_MAIN", "RUN_MAIN",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    "REQUEST_METHOD", "SSL_CERT_FILE", "SSL_CERT_DIR", "DEBIAN_FRONTEND", "APPDATA", "SYSTEMROOT",
)  # fmt: skip
OF_THE_DEPLOY = ("L9_SLOT", "L9_RELEASE", "L9_COMMIT", "L9_ROOT", "PORT")


class EnvRead(msgspec.Struct, frozen=True):
    """One place that reads a variable. `where` is path:line.

    `names`: any one of them sets it. `default`: the code has a default. `folds`: case is ignored. `nested`: the
    delimiter after the name, if a variable sets only a part of the value.
    """

    names: tuple[str, ...]
    where: str
    default: bool = False
    folds: bool = False
    nested: str = ""

    def met_by(self, name: str) -> bool:
        """True if this name sets the variable."""
        mine = [n.upper() for n in self.names] if self.folds else list(self.names)
        theirs = name.upper() if self.folds else name
        nested = self.nested.upper() if self.folds else self.nested
        return theirs in mine or bool(nested and any(theirs.startswith(m + nested) for m in mine))


def undocumented(
    reads: Iterable[EnvRead], documented: Collection[str], given: Collection[str], ignored: Iterable[str] = ()
) -> tuple[EnvRead, ...]:
    """The variables that are read and not documented: one place each, reads without a default first.

    `given` are variables that the image or the compose file sets. `ignored` are patterns (`CI_*`) of variables that
    need no line.
    """
    known = (*documented, *given, *OF_THE_DEPLOY)
    patterns = (*STANDARD, *ignored)
    found: dict[tuple[str, ...], EnvRead] = {}
    for read in reads:
        if any(map(read.met_by, known)) or any(fnmatchcase(n, p) for n in read.names for p in patterns):
            continue
        if read.names not in found or (found[read.names].default and not read.default):
            found[read.names] = read
    return tuple(sorted(found.values(), key=lambda r: (r.default, r.names)))


_COMMENTED = re.compile(r"^#+[ \t]*(?:export[ \t]+)?(?P<key>[A-Za-z_][A-Za-z0-9_]*)=", re.MULTILINE)


def commented_keys(text: str) -> tuple[str, ...]:
    """The keys of an example file's commented-out lines (`# KEY=value`): documented, but not required."""
    return tuple(_COMMENTED.findall(text))


# ── compose ──────────────────────────────────────────────────────────────────────────────────────

_VARIABLE = re.compile(r"\$(?:\$|(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?P<operator>:?[-+?])?)")


def compose_reads(text: str, path: str) -> tuple[EnvRead, ...]:
    """The variables that a compose file takes from the environment without a default."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        code = "" if line.lstrip().startswith("#") else line
        for variable in _VARIABLE.finditer(code):
            name = variable["plain"] or variable["name"]
            if name and (variable["operator"] or "?").endswith("?"):
                found.append(EnvRead((name,), f"{path}:{number}"))
    return tuple(found)


def compose_gives(document: Any) -> tuple[str, ...]:
    """The variables that a compose document sets for its services itself."""
    services = document.get("services") if isinstance(document, Mapping) else None
    found: dict[str, None] = {}
    for service in services.values() if isinstance(services, Mapping) else ():
        given = service.get("environment") if isinstance(service, Mapping) else None
        if isinstance(given, Mapping):
            found |= {str(key): None for key, value in given.items() if value is not None}
        elif isinstance(given, list):
            found |= {str(line).partition("=")[0]: None for line in given if "=" in str(line)}
    return tuple(found)


# ── Dockerfile ───────────────────────────────────────────────────────────────────────────────────

_ASSIGNED = re.compile(r'([A-Za-z_]\w*)=(?:"(?:[^"\\]|\\.)*"|\'[^\']*\'|\S*)')
_SHELL_VARIABLE = re.compile(r"\$\{?(?P<name>[A-Z_][A-Z0-9_]*)(?P<operator>:?[-+=])?")
_RUNS = ("CMD", "ENTRYPOINT", "HEALTHCHECK")


def dockerfile(text: str, path: str) -> tuple[tuple[EnvRead, ...], tuple[str, ...]]:
    """The variables that the last stage's commands read at run time, and those that the image sets."""
    reads: list[EnvRead] = []
    given: list[str] = []
    for line_no, word, rest in _instructions(text):
        if word == "FROM":
            reads = []
        elif word == "ENV":
            given += _ASSIGNED.findall(rest) or rest.split()[:1]
        elif word in _RUNS and _goes_through_a_shell(rest):
            for found in _SHELL_VARIABLE.finditer(rest):
                reads.append(EnvRead((found["name"],), f"{path}:{line_no}", found["operator"] is not None))
    return tuple(reads), tuple(given)


def _instructions(text: str) -> Iterable[tuple[int, str, str]]:
    """Yield each instruction with its line; comments and blank lines within continued lines are skipped."""
    start, parts = 0, list[str]()
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line.startswith("#"):
            continue
        start = start if parts else number
        parts.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            word, _, rest = " ".join(parts).partition(" ")
            yield start, word.upper(), rest.strip()
            parts = []


def _goes_through_a_shell(command: str) -> bool:
    """True if a shell expands its variables: the exec form does not use a shell."""
    start = command.find("[")
    try:
        words = json.loads(command[start:]) if start >= 0 else None
    except ValueError:
        words = None
    return not words or str(words[0]).rsplit("/", 1)[-1] in ("sh", "bash", "dash")
