"""Writes an `l9.toml` with only the settings that differ from the defaults."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from l9.checks.compose.services import USUAL_FILES
from l9.operator.scaffold import health as healths
from l9.operator.scaffold import python_app
from l9.operator.scaffold.service import Service, taken_ports
from l9.operator.scaffold.snapshot import RepoSnapshot

HOST, URL = "admin@203.0.113.10", "https://l9.example.com"  # the spec's example addresses
EXAMPLES = (
    ".env.example", "env.example", ".env.sample", ".env.template", ".env.dist", "example.env", "sample.env",
    ".env.production.example", ".env.prod.example", "docker/.env.example",
)  # fmt: skip
PORTS = (8000, 8001)  # of the slots, on the host's loopback
_PLAIN_VERSION = re.compile(r"(v?)\d+\.\d+\.\d+")
_LONGEST = 41


class Asked(msgspec.Struct, frozen=True):
    """Options of the command line; empty if not given."""

    app: str = ""
    host: str = ""
    url: str = ""


def app_name(snapshot: RepoSnapshot, service: Service | None, asked: Asked) -> str:
    """Return the application's name: the option, the spec's pair, the compose project, or the directory.

    The compose project's name keeps the names of its networks and volumes.
    """
    project = str(snapshot.compose[service.file].get("name") or "") if service else ""
    pair = service.name if service and service.blue else ""
    wanted = asked.app or pair or project or snapshot.directory
    return re.sub(r"[^a-z0-9._-]+", "-", wanted.lower()).strip("-._")[:_LONGEST].rstrip("-._") or "app"


def sections(
    snapshot: RepoSnapshot, service: Service | None, health: healths.HealthProposal | None, asked: Asked
) -> dict[str, dict[str, Any]]:
    """Return each section with the keys that differ from the defaults."""
    name = app_name(snapshot, service, asked)
    target: dict[str, Any] = {"host": asked.host or HOST}
    if name != "l9-api":
        target["path"] = f"/opt/{name}"
    target["public_url"] = asked.url or URL
    if service and (ports := _ports(snapshot, service)) != PORTS:
        target["ports"] = dict(zip(("blue", "green"), ports, strict=True))
    if service is None:
        target["runtime"] = "process"
    return {
        "release": _release(snapshot),
        "check": _check(snapshot, service),
        "compose": _compose(snapshot, service, name) if service else {},
        "process": {} if service else python_app.process(python_app.find(snapshot)),
        "env": _env(snapshot, service),
        "health": _health(health),
        "targets.production": target,
    }


def _ports(snapshot: RepoSnapshot, service: Service) -> tuple[int, int]:
    """Return two ports that no other service publishes."""
    own = (service.blue, service.green, service.name)
    taken = taken_ports(snapshot.compose[service.file], *own)
    pairs = ((blue, blue + 1) for blue in range(PORTS[0], 65000, 10))
    return next(pair for pair in pairs if not taken & set(pair))


def text(app: str, found: Mapping[str, Mapping[str, Any]]) -> str:
    """Format the settings as TOML; strings, numbers and lists have the syntax of JSON."""
    lines = [f"app = {json.dumps(app)}"]
    for section, keys in found.items():
        if keys:
            lines += ["", f"[{section}]", *(f"{key} = {_value(value)}" for key, value in keys.items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_value(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)


def _release(snapshot: RepoSnapshot) -> dict[str, str]:
    found = {}
    plain = [match for tag in snapshot.tags if (match := _PLAIN_VERSION.fullmatch(tag))]
    if plain and not any(tag.endswith("-l9") for tag in snapshot.tags):
        found["tag"] = f"{plain[-1][1]}<major>.<minor>.<patch>"
    if snapshot.branch in ("master", "trunk"):
        found["main"] = snapshot.branch
    return found


def _compose(snapshot: RepoSnapshot, service: Service, app: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if service.file != next((p for p in USUAL_FILES if p in snapshot.compose or p in snapshot.unread), ""):
        found["file"] = service.file
    if service.blue:
        if service.name != app:
            found |= {"blue": service.blue, "green": service.green}
    elif service.name != app:
        found["service"] = service.name
    if service.port not in (None, 8000) and not service.host_network:
        found["port"] = service.port
    if service.host_network and service.port_variable not in ("", "PORT"):
        found["port_variable"] = service.port_variable
    return found


def _check(snapshot: RepoSnapshot, service: Service | None) -> dict[str, Any]:
    test = python_app.tests(snapshot, service)
    return {} if test is None else {"test": list(test)}


def _env(snapshot: RepoSnapshot, service: Service | None) -> dict[str, str]:
    found = {}
    if (
        service
        and service.env_files
        and ".env" not in service.env_files
        and not service.env_files[0].startswith("..")
    ):
        found["file"] = service.env_files[0]
    example = example_file(snapshot)
    if example not in ("", ".env.example"):
        found["example"] = example
    return found


def example_file(snapshot: RepoSnapshot) -> str:
    """Return the path of an existing example file, or an empty path."""
    return next((path for path in EXAMPLES if path in snapshot.paths), "")


def _health(health: healths.HealthProposal | None) -> dict[str, str]:
    if health is None:
        return {}
    found = {} if health.path == "/health" else {"path": health.path}
    if not health.equals:
        return {**found, "field": ""}
    return found if health.equals == "healthy" else {**found, "equals": health.equals}
