"""The Docker Engine over its socket: a call takes milliseconds, with the CLI a tenth of a second."""

from __future__ import annotations

import http.client
import io
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from l9.core.facts import LogLine
from l9.drivers.docker import engine_commands as docker
from l9.drivers.docker.container_log import Body, Entry, Stream, entries
from l9.drivers.docker.engine_commands import Container, ImageInfo
from l9.errors import ActionError

Json: TypeAlias = Any

DEFAULT_HOST = "unix:///var/run/docker.sock"
NOT_FOUND = 404
CONFLICT = 409
NOT_IMPLEMENTED = 501
_SCHEME = "unix://"
_BUFFER = 65_536
_STOP = 600.0  # seconds: longer than any sensible `stop_grace_period`
_NEEDED = "Docker Engine 23 or newer, running"


class EngineRefused(ActionError):
    """The engine refused a request. `status` is the HTTP status."""

    def __init__(self, status: int, message: str, wanted: str) -> None:
        super().__init__(
            f"the engine refused to {wanted}", expected=wanted, found=message, remedy="docker ps --all"
        )
        self.status = status


class Engine:
    """One engine on this machine. Raises ActionError if it is missing or too old, or permission is denied."""

    def __init__(self, host: str = "", timeout: float = 20.0) -> None:
        self.host = host or os.environ.get("DOCKER_HOST") or DEFAULT_HOST
        self._timeout = timeout
        self._api: tuple[int, ...] = ()

    # ── the engine ───────────────────────────────────────────────────────────────────────────────

    def version(self) -> str:
        """Return the engine's version. Raises ActionError if it is too old."""
        answer = self._ask("GET", "/version", "report its version")
        self._api = docker.parse_api(answer)
        found = str(answer.get("Version", "unknown"))
        if self._api < docker.MINIMUM_API:
            raise ActionError(
                "Docker is too old", expected=_NEEDED, found=f"Engine {found}", remedy="l9 provision"
            )
        return found

    def checks_quickly(self) -> bool:
        """True if healthchecks may have a `start_interval`."""
        if not self._api:
            self.version()
        return self._api >= docker.QUICK_HEALTH_API

    def root_dir(self) -> str:
        """Return the directory of the engine's images and containers."""
        return str(self._ask("GET", "/info", "report its state")["DockerRootDir"])

    # ── containers ───────────────────────────────────────────────────────────────────────────────

    def container(self, name: str) -> Container | None:
        """Return a container by name or id, or None."""
        raw = self._find(docker.path("containers", name, "json"), f"inspect {name}")
        return docker.parse_container(raw) if raw else None

    def containers(self, *labels: str) -> list[Container]:
        """Return all containers, also stopped ones, with these labels (`key` or `key=value`)."""
        return self._containers({"label": list(labels)})

    def publishers(self, port: int) -> list[Container]:
        """Return the containers that hold a port of the host.

        One that has ended holds none, although the engine still lists its ports after a crash.
        """
        return [found for found in self._containers({"publish": [str(port)]}) if found.running]

    def start(self, name: str) -> None:
        self._ask("POST", docker.path("containers", name, "start"), f"start {name}")

    def stop(self, name: str) -> None:
        """Send SIGTERM (or the container's own stop signal), and SIGKILL after its stop timeout."""
        self._ask("POST", docker.path("containers", name, "stop"), f"stop {name}", patience=_STOP)

    def pause(self, name: str) -> None:
        self._ask("POST", docker.path("containers", name, "pause"), f"pause {name}")

    def unpause(self, name: str) -> None:
        """Unpause a container. It is no error if it is not paused."""
        try:
            self._ask("POST", docker.path("containers", name, "unpause"), f"unpause {name}")
        except EngineRefused as refused:
            if "is not paused" not in refused.found:
                raise

    def unpaused_at(self, name: str, since: float) -> float:
        """Return the time at which a container was last unpaused; 0 if not since `since`, or no longer known."""
        filters = {"container": [name], "event": ["unpause"]}
        where = docker.path("events", since=f"{since:.9f}", until=f"{time.time():.9f}", filters=filters)
        rows = self._request("GET", where, f"list the events of {name}").splitlines()
        return float(max((json.loads(row)["timeNano"] / 1e9 for row in rows), default=0.0))

    def rename(self, name: str, to: str) -> None:
        self._ask("POST", docker.path("containers", name, "rename", name=to), f"rename {name} to {to}")

    def restart_policy(self, name: str, policy: str) -> None:
        """Set the policy by which the engine restarts the container."""
        body = {"RestartPolicy": {"Name": policy}}
        self._ask("POST", docker.path("containers", name, "update"), f"update {name}", body)

    def remove(self, name: str, *, force: bool = False) -> None:
        """Remove a container and its anonymous volumes. It is no error if it is gone or being removed.

        force: also if it runs.
        """
        where = docker.path("containers", name, v=1, force=int(force))
        for _ in range(100):
            try:
                self._ask("DELETE", where, f"remove {name}")
            except EngineRefused as refused:
                if refused.status == NOT_FOUND:
                    return
                if refused.status != CONFLICT or "already in progress" not in refused.found:
                    raise
                time.sleep(0.1)
            else:
                return

    @contextmanager
    def log(
        self, name: str, streams: tuple[Stream, ...], since: str = "0", tail: str = "all"
    ) -> Iterator[Body]:
        """Open the log of these streams from a time on (seconds, as text), or its last lines, for reading in parts."""
        chosen = dict.fromkeys(streams, 1)
        where = docker.path("containers", name, "logs", timestamps=1, since=since, tail=tail, **chosen)
        with self._answer("GET", where, f"read the log of {name}") as answer:
            yield io.BufferedReader(answer, _BUFFER)

    def log_tail(self, found: Container, most: int) -> list[LogLine]:
        """Return the last lines of both streams, oldest first."""
        with self.log(found.id, ("stdout", "stderr"), tail=str(most)) as body:
            return [entry.line() for entry in entries(body, tty=found.tty) if isinstance(entry, Entry)]

    # ── images, networks, volumes ────────────────────────────────────────────────────────────────

    def image(self, name: str) -> ImageInfo | None:
        """Return an image by tag or id, or None."""
        raw = self._find(docker.path("images", name, "json"), f"inspect image {name}")
        return docker.parse_image(raw) if raw else None

    def images(self, label: str) -> list[ImageInfo]:
        """Return all images with a label (`key` or `key=value`)."""
        rows = self._ask("GET", docker.path("images", "json", filters={"label": [label]}), "list images")
        found = (self.image(row["Id"]) for row in rows)
        return [image for image in found if image]

    def tag(self, image: str, name: str) -> None:
        """Add a name to an image."""
        repository, _, tag = name.rpartition(":")
        self._ask("POST", docker.path("images", image, "tag", repo=repository, tag=tag), f"tag {name}")

    def remove_image(self, name: str) -> bool:
        """Remove a name from an image, and the image with its last name; False if a container uses it."""
        try:
            self._ask("DELETE", docker.path("images", name), f"remove image {name}")
        except EngineRefused as refused:
            if refused.status == CONFLICT:
                return False
            if refused.status != NOT_FOUND:
                raise
        return True

    def has(self, kind: str, name: str) -> bool:
        """True if a network or volume (`kind` is `networks` or `volumes`) of that name exists."""
        return self._find(docker.path(kind, name), f"inspect {kind} {name}") is not None

    def labelled(self, kind: str, label: str) -> dict[str, str]:
        """Return the networks or volumes (`kind`) with a label: name to the label's value."""
        found = self._ask("GET", docker.path(kind, filters={"label": [label]}), f"list {kind}")
        rows = (found.get("Volumes") if kind == "volumes" else found) or []
        return {row["Name"]: row["Labels"][label.partition("=")[0]] for row in rows}

    def discard(self, kind: str, name: str) -> None:
        """Remove a network or volume (`kind`). It is no error if it is gone."""
        try:
            self._ask("DELETE", docker.path(kind, name), f"remove {kind} {name}")
        except EngineRefused as refused:
            if refused.status != NOT_FOUND:
                raise

    # ── the wire ─────────────────────────────────────────────────────────────────────────────────

    def _containers(self, filters: Mapping[str, list[str]]) -> list[Container]:
        rows = self._ask("GET", docker.path("containers", "json", all=1, filters=filters), "list containers")
        found = (self.container(row["Id"]) for row in rows)
        return [container for container in found if container]

    def _find(self, path: str, wanted: str) -> Json:
        try:
            return self._ask("GET", path, wanted)
        except EngineRefused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise

    def _ask(
        self, method: str, path: str, wanted: str, body: object = None, *, patience: float = 0.0
    ) -> Json:
        data = self._request(method, path, wanted, body, patience=patience)
        return json.loads(data) if data.strip() else None

    def _request(
        self, method: str, path: str, wanted: str, body: object = None, *, patience: float = 0.0
    ) -> bytes:
        with self._answer(method, path, wanted, body, patience=patience) as answer:
            return answer.read()

    @contextmanager
    def _answer(
        self, method: str, path: str, wanted: str, body: object = None, *, patience: float = 0.0
    ) -> Iterator[http.client.HTTPResponse]:
        if not self.host.startswith(_SCHEME):
            raise ActionError(
                "Docker is not on this machine: DOCKER_HOST names a remote engine",
                expected="DOCKER_HOST=unix:///…",
                found=f"DOCKER_HOST={self.host.split('@')[-1]}",
                remedy="unset DOCKER_HOST",
            )
        connection = _UnixConnection(self.host.removeprefix(_SCHEME), patience or self._timeout)
        data = None if body is None else json.dumps(body)
        headers = {"Host": "docker", **({} if data is None else {"Content-Type": "application/json"})}
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            if answer.status >= 400:
                raise EngineRefused(answer.status, _message(answer.read()), wanted)
            yield answer
        except (OSError, http.client.HTTPException) as error:
            raise _no_engine(self.host, wanted, error) from None
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _message(data: bytes) -> str:
    try:
        return str(json.loads(data)["message"]).strip()
    except (ValueError, KeyError, TypeError):
        return data.decode(errors="replace").strip()[:200] or "no reason given"


def _no_engine(host: str, wanted: str, error: Exception) -> ActionError:
    if isinstance(error, FileNotFoundError):
        message, found, remedy = "Docker not found", f"no socket {host}", "l9 provision"
    elif isinstance(error, PermissionError):
        message, found = "permission denied on the Docker socket", f"no access to {host}: not in group docker"
        remedy = "sudo usermod -aG docker $USER"
    elif isinstance(error, ConnectionRefusedError):
        message, found, remedy = (
            "Docker is not running",
            f"connection refused on {host}",
            "systemctl start docker",
        )
    elif isinstance(error, TimeoutError):
        message, found = "Docker did not respond in time", f"timed out: {wanted}"
        remedy = "systemctl status docker"
    else:
        message, found, remedy = (
            "Docker closed the connection",
            f"{error}; request: {wanted}",
            "systemctl status docker",
        )
    return ActionError(message, expected=_NEEDED, found=found, remedy=remedy)
