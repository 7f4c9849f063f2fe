"""Finds the commands that start and test a Python application, from its code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from l9.checks.compose.services import services
from l9.operator.scaffold.service import Service
from l9.operator.scaffold.snapshot import RepoSnapshot

_OBJECT = re.compile(
    r"^(?P<name>\w+)(?:\s*:\s*\w+)?\s*=\s*(?P<kind>FastAPI|Starlette|Flask|Quart)\(", re.MULTILINE
)
_TEST = re.compile(r"(?:.*/)?(?:test_[^/]+|[^/]+_test)\.py")
_UV_RUN = ("{python}", "-m", "uv", "run")
_PYTEST = ("python", "-m", "pytest", "-q")
SPEC_TEST = "tests/test_cgmp.py"
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt", "requirements-test.txt")


class App(msgspec.Struct, frozen=True):
    """An application that a server runs: `target` as MODULE:NAME, `inside` the directory of its modules."""

    server: str
    target: str
    inside: str = ""

    def command(self, python: str, host: str, port: str) -> tuple[str, ...]:
        """Return the command that starts it; `python` is empty if the server is a program on the PATH."""
        run = (python, "-m", self.server) if python else (self.server,)
        if self.server == "gunicorn":
            inside = ("--chdir", self.inside) if self.inside else ()
            return (*run, self.target, *inside, "--bind", f"{host}:{port}")
        inside = ("--app-dir", self.inside) if self.inside else ()
        return (*run, self.target, *inside, "--host", host, "--port", port)


SPECS_OWN = App("uvicorn", "api.server_memory:app")


def find(snapshot: RepoSnapshot) -> App | None:
    """Find the application in the first file, from the top, that creates one; Django's by its wsgi.py."""
    for path, text in sorted(snapshot.texts.items(), key=lambda item: (item[0].count("/"), item[0])):
        if path.endswith(".py") and (found := _OBJECT.search(text)):
            inside = "src" if path.startswith("src/") else ""
            module = path.removesuffix(".py").removesuffix("/__init__").removeprefix("src/").replace("/", ".")
            server = "gunicorn" if found["kind"] == "Flask" else "uvicorn"
            return App(server, f"{module}:{found['name']}", inside)
    if "manage.py" in snapshot.paths and (
        wsgi := min((p for p in snapshot.paths if p.endswith("/wsgi.py")), default="")
    ):
        return App("gunicorn", f"{wsgi.removesuffix('.py').replace('/', '.')}:application")
    return None


def process(app: App | None) -> dict[str, Any]:
    """Return `[process]` for an application without a container; empty if the default fits."""
    if app is None or app == SPECS_OWN:
        return {}
    return {"command": list(app.command("{python}", "127.0.0.1", "{port}"))}


def tests(snapshot: RepoSnapshot, service: Service | None) -> tuple[str, ...] | None:
    """Return `[check] test`, or None if the default fits: the compose service `test` with the spec's file.

    Without that service the tests run on this machine with coverage, in an environment that uv creates from the lock.
    """
    known = services(snapshot.compose[service.file]) if service else {}
    there = any(_TEST.fullmatch(path) for path in snapshot.paths)
    if "test" in known:
        return None if SPEC_TEST in snapshot.paths else _in_container(known["test"], pytest=there)
    if not there:
        return ()
    if "uv.lock" in snapshot.paths:
        options: tuple[str, ...] = ("--frozen", "--with", "pytest-cov")
    else:
        listed = [path for path in REQUIREMENTS if path in snapshot.paths]
        named = (
            *(f"--with-requirements={path}" for path in listed),
            "--with",
            "pytest",
            "--with",
            "pytest-cov",
        )
        options = ("--no-project", "--isolated", *named)
    return (*_UV_RUN, *options, *_PYTEST, "--cov", "--cov-report=xml:{evidence}/coverage.xml")


def _in_container(definition: Mapping[str, Any], *, pytest: bool) -> tuple[str, ...]:
    """Return the command that runs the service's own command, which has to be named; else pytest, if it has tests."""
    own = definition.get("command")
    words = tuple(map(str, own)) if isinstance(own, list) else tuple(str(own or "").split())
    return ("docker", "compose", "run", "--rm", "test", *(words or (_PYTEST if pytest else ())))
