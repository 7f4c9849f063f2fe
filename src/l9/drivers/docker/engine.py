"""The Docker Engine over its socket: milliseconds a call, where the CLI takes a tenth of a second."""

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
_STOP = 600.0  # seconds: longer than any `stop_grace_period` that makes sense
_NEEDED = "Docker Engine 23 or newer, running"


class EngineRefused(ActionError):
    """The engine answered that it will not. `status` is HTTP's."""

    def __init__(self, status: int, message: str, wanted: str) -> None:
        super().__init__(
            f"the engine refused to {wanted}", expected=wanted, found=message, remedy="docker ps --all"
        )
        self.status = status


class Engine:
    """One engine on this machine. Raises ActionError where it is missing, too old or not ours to use."""

    def __init__(self, host: str = "", timeout: float = 20.0) -> None:
        self.host = host or os.environ.get("DOCKER_HOST") or DEFAULT_HOST
        self._timeout = timeout
        self._api: tuple[int, ...] = ()

    # ── the engine ───────────────────────────────────────────────────────────────────────────────

    def version(self) -> str:
        """The engine's version. Raises ActionError when it is too old."""
        answer = self._ask("GET", "/version", "tell its version")
        self._api = docker.parse_api(answer)
        found = str(answer.get("Version", "unknown"))
        if self._api < docker.MINIMUM_API:
            raise ActionError(
                "Docker is too old", expected=_NEEDED, found=f"Engine {found}", remedy="l9 provision"
            )
        return found

    def checks_quickly(self) -> bool:
        """Whether healthchecks may have a `start_interval`."""
        if not self._api:
            self.version()
        return self._api >= docker.QUICK_HEALTH_API

    def root_dir(self) -> str:
        """Where the engine keeps images and containers."""
        return str(self._ask("GET", "/info", "tell its state")["DockerRootDir"])

    # ── containers ───────────────────────────────────────────────────────────────────────────────

    def container(self, name: str) -> Container | None:
        """A container by name or id; None when there is none."""
        raw = self._find(docker.path("containers", name, "json"), f"inspect {name}")
        return docker.parse_container(raw) if raw else None

    def containers(self, *labels: str) -> list[Container]:
        """All containers, stopped ones too, that carry these labels (`key` or `key=value`)."""
        return self._containers({"label": list(labels)})

    def publishers(self, port: int) -> list[Container]:
        """The running containers that publish a port of the host."""
        return self._containers({"publish": [str(port)]})

    def start(self, name: str) -> None:
        self._ask("POST", docker.path("containers", name, "start"), f"start {name}")

    def stop(self, name: str) -> None:
        """SIGTERM (or the container's own signal), and SIGKILL when its own time to stop is over."""
        self._ask("POST", docker.path("containers", name, "stop"), f"stop {name}", patience=_STOP)

    def pause(self, name: str) -> None:
        self._ask("POST", docker.path("containers", name, "pause"), f"pause {name}")

    def unpause(self, name: str) -> None:
        """Let a paused container go on. One that was let go on meanwhile is as good as unpaused."""
        try:
            self._ask("POST", docker.path("containers", name, "unpause"), f"unpause {name}")
        except EngineRefused as refused:
            if "is not paused" not in refused.found:
                raise

    def unpaused_at(self, name: str, since: float) -> float:
        """When a container was last unpaused since a time; 0 for not since then, or no longer known."""
        filters = {"container": [name], "event": ["unpause"]}
        where = docker.path("events", since=f"{since:.9f}", until=f"{time.time():.9f}", filters=filters)
        rows = self._request("GET", where, f"tell what became of {name}").splitlines()
        return float(max((json.loads(row)["timeNano"] / 1e9 for row in rows), default=0.0))

    def rename(self, name: str, to: str) -> None:
        self._ask("POST", docker.path("containers", name, "rename", name=to), f"rename {name} to {to}")

    def restart_policy(self, name: str, policy: str) -> None:
        """Whether the engine starts the container again by itself."""
        body = {"RestartPolicy": {"Name": policy}}
        self._ask("POST", docker.path("containers", name, "update"), f"update {name}", body)

    def remove(self, name: str, *, force: bool = False) -> None:
        """Remove a container and its anonymous volumes. One that is gone, or going, is as good as removed.

        force: also one that runs.
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
        """The log of these streams from a time on (seconds, as text), or its last lines, to be read bit by bit."""
        chosen = dict.fromkeys(streams, 1)
        where = docker.path("containers", name, "logs", timestamps=1, since=since, tail=tail, **chosen)
        with self._answer("GET", where, f"read the log of {name}") as answer:
            yield io.BufferedReader(answer, _BUFFER)

    def log_tail(self, found: Container, most: int) -> list[LogLine]:
        """The last lines of both streams, oldest first."""
        with self.log(found.id, ("stdout", "stderr"), tail=str(most)) as body:
            return [entry.line() for entry in entries(body, tty=found.tty) if isinstance(entry, Entry)]

    # ── images, networks, volumes ────────────────────────────────────────────────────────────────

    def image(self, name: str) -> ImageInfo | None:
        """An image by tag or id; None when there is none."""
        raw = self._find(docker.path("images", name, "json"), f"inspect image {name}")
        return docker.parse_image(raw) if raw else None

    def images(self, label: str) -> list[ImageInfo]:
        """All images that carry a label (`key` or `key=value`)."""
        rows = self._ask("GET", docker.path("images", "json", filters={"label": [label]}), "list images")
        found = (self.image(row["Id"]) for row in rows)
        return [image for image in found if image]

    def tag(self, image: str, name: str) -> None:
        """Give an image one more name."""
        repository, _, tag = name.rpartition(":")
        self._ask("POST", docker.path("images", image, "tag", repo=repository, tag=tag), f"tag {name}")

    def remove_image(self, name: str) -> bool:
        """Take a name from an image, and the image away with its last; False while a container uses it."""
        try:
            self._ask("DELETE", docker.path("images", name), f"remove image {name}")
        except EngineRefused as refused:
            if refused.status == CONFLICT:
                return False
            if refused.status != NOT_FOUND:
                raise
        return True

    def has(self, kind: str, name: str) -> bool:
        """Whether there is a network or volume (`kind` is `networks` or `volumes`) of that name."""
        return self._find(docker.path(kind, name), f"inspect {kind} {name}") is not None

    def labelled(self, kind: str, label: str) -> dict[str, str]:
        """The networks or volumes (`kind`) that carry a label, by name, each with the label's value."""
        found = self._ask("GET", docker.path(kind, filters={"label": [label]}), f"list {kind}")
        rows = (found.get("Volumes") if kind == "volumes" else found) or []
        return {row["Name"]: row["Labels"][label.partition("=")[0]] for row in rows}

    def discard(self, kind: str, name: str) -> None:
        """Remove a network or volume (`kind`); one that is gone is as good as removed."""
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
                "Docker is not on this machine",
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
        message, found, remedy = "no Docker", f"no socket {host}", "l9 provision"
    elif isinstance(error, PermissionError):
        message, found = "Docker is not ours to use", "permission denied: add the user to group docker"
        remedy = "sudo usermod -aG docker $USER"
    elif isinstance(error, ConnectionRefusedError):
        message, found, remedy = (
            "Docker is not running",
            f"nobody answers on {host}",
            "systemctl start docker",
        )
    elif isinstance(error, TimeoutError):
        message, found = "Docker is too slow", f"no answer in time to: {wanted}"
        remedy = "systemctl status docker"
    else:
        message, found, remedy = (
            "Docker hung up",
            f"{error} while asked to {wanted}",
            "systemctl status docker",
        )
    return ActionError(message, expected=_NEEDED, found=found, remedy=remedy)
