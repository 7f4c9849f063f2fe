"""Finds the compose file and the service that a release runs, and the port of that service."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from l9.checks.compose.services import COMPLETED, USUAL_FILES, active, is_database, services
from l9.operator.scaffold.snapshot import Document, Note, RepoSnapshot

_PRODUCTION = re.compile(r"(?:[\w-]+/)?(?:docker-)?compose[.-]prod(?:uction)?\.ya?ml")
_PROXY = re.compile(r"(?:^|[^a-z])(nginx|caddy|traefik|haproxy|envoy|httpd|apache)(?:[^a-z]|$)")
_WORKER = re.compile(
    r"(?:^|[^a-z])(celery|worker|workers|beat|scheduler|cron|rq|rqworker|huey|dramatiq|sidekiq|queue|flower|consumer)"
    r"(?:[^a-z]|$)"
)
_ONCE = re.compile(r"(?:^|[-_])(migrate|migrations?|init|seed|setup|prestart|collectstatic|tests?)(?:[-_]|$)")
_USUAL = ("app", "web", "api", "backend", "server", "django", "flask", "fastapi", "http")
_COMMAND_PORT = re.compile(r"(?:--port[= ]|(?:--bind|-b|--listen)[= ]\S*:|-p )(\d{2,5})\b")
_PORT_VARIABLE = re.compile(r"\$\{?(\w*PORT\w*)")
_EXPOSE = re.compile(r"^\s*EXPOSE\s+(\d+)", re.MULTILINE | re.IGNORECASE)
_COMMANDS = re.compile(r"^\s*(?:CMD|ENTRYPOINT)\s+(.+)$", re.MULTILINE | re.IGNORECASE)
_URL_PORT = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]):(\d+)")


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """The service that releases run in. `blue` and `green`: the spec's pair of services, else both are `name`.

    port: None if unknown. port_variable: the variable that sets the port of each slot on the host's own network.
    env_files: paths in the repository, or absolute paths.
    """

    file: str
    name: str
    definition: Mapping[str, Any]
    blue: str = ""
    green: str = ""
    dockerfile: str = ""
    port: int | None = None
    host_network: bool = False
    port_variable: str = ""
    env_files: tuple[str, ...] = ()


def files(snapshot: RepoSnapshot) -> Iterator[str]:
    """Yield the compose files that may describe production, best first."""
    yield from sorted(p for p in snapshot.compose if _PRODUCTION.fullmatch(p))
    yield from (p for p in USUAL_FILES if p in snapshot.compose)
    yield from sorted(p for p in snapshot.compose if p not in USUAL_FILES and not _PRODUCTION.fullmatch(p))


def find(snapshot: RepoSnapshot) -> Service | None:
    """Find a service that can run in a slot, in the first file that has one; None if there is none."""
    for path in files(snapshot):
        document = snapshot.compose[path]
        known = services(document)
        pairs = (n.removesuffix("-blue") for n in known if n.endswith("-blue") and f"{n[:-5]}-green" in known)
        if (app := next(pairs, None)) is not None:
            return _described(snapshot, path, app, blue=f"{app}-blue", green=f"{app}-green")
        if names := _candidates(document):
            return _described(snapshot, path, names[0])
    return None


def notes(snapshot: RepoSnapshot, service: Service) -> Iterator[Note]:
    """Yield a note for everything in this file that prevents or affects running two slots."""
    document, edit = snapshot.compose[service.file], f"$EDITOR {service.file}"
    known = services(document)
    others = _candidates(document)[1:] if not service.blue else ()
    if others:
        yield Note(
            f"using service {service.name} as the app; other candidates: {', '.join(others)}",
            "$EDITOR l9.toml",
        )
    for name in active(document):
        if _PROXY.search(_about(name, known[name])) and name != service.name and known[name].get("ports"):
            yield Note(
                f"service {name} publishes a port: traffic has to go through Caddy on the host, which proxies to"
                f" {service.name}; remove {name}, or let Caddy listen on another port",
                edit,
            )
        elif known[name].get("build") and _WORKER.search(_about(name, known[name])):
            yield Note(
                f"service {name} is also built here: a deploy replaces {service.name} and does not restart {name}"
            )
    if service.host_network and not service.port_variable:
        yield Note(
            f"service {service.name} uses the host's network: both slots would listen on the same port, unless it"
            " listens on $PORT, which a deploy sets",
            edit,
        )


def taken_ports(document: Document, *own: str) -> set[int]:
    """Return the host ports that the other services publish."""
    found = set()
    for name in active(document):
        for published in () if name in own else services(document)[name].get("ports") or ():
            if isinstance(published, dict):
                found.add(_number(published.get("published")))
            else:
                found.add(_number(str(published).partition("/")[0].rpartition(":")[0].rpartition(":")[2]))
    return {port for port in found if port is not None}


def in_repository(file: str, path: str) -> str:
    """Resolve a path of a compose file in the repository; of an absolute path, return the file's name."""
    if path.startswith("/"):
        return posixpath.basename(path)
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), path))


def _candidates(document: Document) -> tuple[str, ...]:
    """Return the services that may be the app, best first."""
    known = services(document)
    once = {
        other
        for service in known.values()
        for other, how in (service.get("depends_on") or {}).items()
        if how.get("condition") == COMPLETED
    }
    found = [
        n
        for n in active(document)
        if (known[n].get("build") or known[n].get("image"))
        and not (is_database(known[n]) or n in once or _ONCE.search(n))
        and not _PROXY.search(_about(n, known[n]))
        and not _WORKER.search(_about(n, known[n]))
    ]
    return tuple(
        sorted(
            found, key=lambda n: (not known[n].get("build"), n not in _USUAL, not known[n].get("ports"), n)
        )
    )


def _about(name: str, service: Mapping[str, Any]) -> str:
    """Return the text that identifies a proxy or a worker: name, image, build and command, in lower case."""
    build = service.get("build")
    context = build.get("context", "") if isinstance(build, dict) else build or ""
    command = service.get("command") or ""
    words = " ".join(map(str, command)) if isinstance(command, list) else str(command)
    return f"{name} {service.get('image', '')} {context} {words}".lower()


def _described(snapshot: RepoSnapshot, file: str, name: str, *, blue: str = "", green: str = "") -> Service:
    definition: Mapping[str, Any] = services(snapshot.compose[file])[blue or name]
    dockerfile = _dockerfile(snapshot, file, definition)
    text = snapshot.texts.get(dockerfile, "")
    spoken = " ".join(words(definition.get(key)) for key in ("command", "healthcheck", "environment"))
    commands = " ".join(_COMMANDS.findall(text))
    host = definition.get("network_mode") == "host"
    variable = _PORT_VARIABLE.search(f"{spoken} {commands}")
    reads_port = "PORT" in snapshot.listens or "PORT" in _given(definition)
    return Service(
        file=file,
        name=name,
        definition=definition,
        blue=blue,
        green=green,
        dockerfile=dockerfile,
        port=_port(definition, spoken, text, commands),
        host_network=host,
        port_variable=variable[1] if variable else "PORT" if reads_port else "",
        env_files=tuple(in_repository(file, p) for p in env_files(definition)),
    )


def _dockerfile(snapshot: RepoSnapshot, file: str, definition: Mapping[str, Any]) -> str:
    """Return the path of the service's Dockerfile; empty if it is not built, or not from this repository."""
    build = definition.get("build")
    if not build:
        return ""
    context, name = (
        (build.get("context", "."), build.get("dockerfile", "Dockerfile"))
        if isinstance(build, dict)
        else (build, "Dockerfile")
    )
    place = "." if str(context).startswith("/") else in_repository(file, str(context))
    path = posixpath.normpath(posixpath.join(place, str(name)))
    return path if path in snapshot.paths else ""


def _port(definition: Mapping[str, Any], spoken: str, dockerfile: str, commands: str) -> int | None:
    """Return the port inside the container, from the first setting that has one."""
    for published in definition.get("ports") or ():
        if isinstance(published, dict):
            return _number(published.get("target"))
        return _number(str(published).partition("/")[0].rpartition(":")[2])
    for exposed in definition.get("expose") or ():
        return _number(exposed)
    for pattern, text in (
        (_URL_PORT, spoken), (_COMMAND_PORT, spoken), (_EXPOSE, dockerfile), (_COMMAND_PORT, commands),
        (_URL_PORT, dockerfile),
    ):  # fmt: skip
        if found := pattern.search(text.replace('", "', " ")):
            return _number(found[1])
    return None


def _number(text: object) -> int | None:
    words = str(text)
    return int(words) if words.isdecimal() and 0 < int(words) < 65536 else None


def words(value: object) -> str:
    """Return a command, a healthcheck or an environment as text."""
    if isinstance(value, dict):
        value = value["test"] if "test" in value else list(value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _given(definition: Mapping[str, Any]) -> set[str]:
    given = definition.get("environment") or {}
    return {str(line).partition("=")[0] for line in given}


def env_files(definition: Mapping[str, Any]) -> list[str]:
    """Return the env files of a service, as written in the compose file."""
    named = definition.get("env_file") or []
    each = named if isinstance(named, list) else [named]
    return [
        str(e["path"]) if isinstance(e, dict) else str(e)
        for e in each
        if not isinstance(e, dict) or "path" in e
    ]
