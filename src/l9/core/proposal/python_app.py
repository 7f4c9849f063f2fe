"""How a Python application is started and tested, by its code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from l9.core.compose import services
from l9.core.proposal.seen import Seen
from l9.core.proposal.service import Service

_OBJECT = re.compile(
    r"^(?P<name>\w+)(?:\s*:\s*\w+)?\s*=\s*(?P<kind>FastAPI|Starlette|Flask|Quart)\(", re.MULTILINE
)
_TEST = re.compile(r"(?:.*/)?(?:test_[^/]+|[^/]+_test)\.py")
_UV_RUN = ("{python}", "-m", "uv", "run")
_PYTEST = ("python", "-m", "pytest", "-q")
SPEC_TEST = "tests/test_cgmp.py"
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt", "requirements-test.txt")


def process(seen: Seen) -> dict[str, Any]:
    """`[process]` for an application that is started without a container; nothing where it cannot be told."""
    command = _command(seen)
    return {"command": list(command)} if command else {}


def _command(seen: Seen) -> tuple[str, ...]:
    for path, text in sorted(seen.texts.items(), key=lambda item: (item[0].count("/"), item[0])):
        if not path.endswith(".py"):
            continue
        if found := _OBJECT.search(text):
            module = path.removesuffix(".py").removesuffix("/__init__").removeprefix("src/").replace("/", ".")
            if module == "api.server_memory":
                return ()  # the spec's own, which is the default
            if found["kind"] == "Flask":
                return (
                    "{python}",
                    "-m",
                    "gunicorn",
                    f"{module}:{found['name']}",
                    "--bind",
                    "127.0.0.1:{port}",
                )
            return ("{python}", "-m", "uvicorn", f"{module}:{found['name']}", "--port", "{port}")
    if wsgi := next(
        (p for p in sorted(seen.paths) if p.endswith("/wsgi.py") and "manage.py" in seen.paths), None
    ):
        module = wsgi.removesuffix(".py").replace("/", ".")
        return ("{python}", "-m", "gunicorn", f"{module}:application", "--bind", "127.0.0.1:{port}")
    return ()


def tests(seen: Seen, service: Service | None) -> tuple[str, ...] | None:
    """`[check] test`, or None where the default is right: the compose service `test`, and the spec's file in it.

    Without that service the tests run on this machine, in an environment that uv makes of the lock, and measured.
    """
    known = services(seen.compose[service.file]) if service else {}
    there = any(_TEST.fullmatch(path) for path in seen.paths)
    if "test" in known:
        return None if SPEC_TEST in seen.paths else _in_container(known["test"], pytest=there)
    if not there:
        return ()
    if "uv.lock" in seen.paths:
        made: tuple[str, ...] = ("--frozen", "--with", "pytest-cov")
    else:
        listed = [path for path in REQUIREMENTS if path in seen.paths]
        named = (
            *(f"--with-requirements={path}" for path in listed),
            "--with",
            "pytest",
            "--with",
            "pytest-cov",
        )
        made = ("--no-project", "--isolated", *named)
    return (*_UV_RUN, *made, *_PYTEST, "--cov", "--cov-report=xml:{evidence}/coverage.xml")


def _in_container(definition: Mapping[str, Any], *, pytest: bool) -> tuple[str, ...]:
    """The service's own command, which a run has to name; else pytest, where there is something for it."""
    own = definition.get("command")
    words = tuple(map(str, own)) if isinstance(own, list) else tuple(str(own or "").split())
    return ("docker", "compose", "run", "--rm", "test", *(words or (_PYTEST if pytest else ())))
