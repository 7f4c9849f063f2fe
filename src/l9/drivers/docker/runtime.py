"""Releases in two slots on Docker Compose: compose for operations that only it has, the engine's API for others."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from l9.config.layout import Layout
from l9.config.model import Config
from l9.core.facts import Host, Image, LogLine, Retained, Services, Slots
from l9.core.ports import Clock, LogReader, Say, Source
from l9.core.states import Slot
from l9.drivers.compose import names
from l9.drivers.docker import engine_commands as docker
from l9.drivers.docker.build import build
from l9.drivers.docker.cli import DockerCli
from l9.drivers.docker.engine import Engine
from l9.drivers.docker.engine_commands import Container
from l9.drivers.docker.log_reader import ContainerLogReader
from l9.drivers.docker.prune import prune, remove_folder
from l9.drivers.docker.releases import Releases
from l9.drivers.docker.services import OtherServices
from l9.drivers.docker.slots import SlotContainers
from l9.drivers.process import proc
from l9.drivers.process.clock import SystemClock
from l9.drivers.process.connections import past_the_router
from l9.errors import ActionError


class ComposeRuntime:
    """Implements `Runtime` with containers of one instance.

    host: the engine's socket, as in DOCKER_HOST; empty: DOCKER_HOST, or Docker's default.
    source: removes a release's tree; without it the folder is deleted.
    """

    def __init__(
        self,
        config: Config,
        layout: Layout,
        source: Source | None = None,
        *,
        clock: Clock | None = None,
        host: str = "",
        program: str = "docker",
    ) -> None:
        self._config = config
        self._layout = layout
        self._engine = Engine(host)
        self._cli = DockerCli(self._engine.host, program)
        self._releases = Releases(config, layout, self._engine, self._cli)
        self._slots = SlotContainers(self._releases)
        self._others = OtherServices(self._releases, clock or SystemClock())
        self._remove_tree = source.remove_tree if source else remove_folder(self._releases)

    # ── state ────────────────────────────────────────────────────────────────────────────────────

    def host(self, new: Slot) -> Host:
        """Return the machine and its engine. Raises ActionError if Docker or compose is missing or too old."""
        engine = self._engine.version()
        compose = self._cli.compose_version(self._layout.root)
        self._refuse_twin()
        folders = [f for f in (self._engine.root_dir(), str(self._layout.root)) if os.path.isdir(f)]
        return Host(
            engine=f"Docker {engine}, Compose {compose}",
            disk_free=min(shutil.disk_usage(f).free for f in folders),
            memory_available=proc.memory_available(),
            ports_taken=self._ports_taken(new),
        )

    def slots(self) -> Slots:
        blue, green = (
            docker.slot_state(slot, self._config.instance, self._slots.find(slot)) for slot in Slot
        )
        return Slots(blue, green)

    def endpoint(self, slot: Slot) -> str:
        return f"http://127.0.0.1:{self._port(slot)}"

    def past_the_router(self, slot: Slot, router: int) -> int | None:
        own = self._own(slot)
        if own is None or not own.pid:
            return None
        return past_the_router(self._port(slot), router, (own.pid, self._config.compose.port))

    def image(self, release: str) -> Image | None:
        found = self._releases.image(release)
        return Image(found.id, found.labels.get(names.COMMIT, ""), found.size) if found else None

    def services(self, release: str) -> Services:
        return self._others.status(release)

    def changed_services(self, release: str, compose_files: Mapping[str, str]) -> tuple[str, ...]:
        return self._releases.try_out(release, compose_files, self._others.changed)

    def retained(self, release: str) -> Retained:
        return self._releases.retained(release)

    def env_value(self, release: str, key: str) -> str | None:
        return self._releases.env_value(release, key)

    def read_log(self, slot: Slot, since: float) -> LogReader:
        return ContainerLogReader(self._engine, lambda: self._own(slot), since)

    def log_tail(self, slot: Slot, most: int) -> list[LogLine]:
        found = self._own(slot)
        return self._engine.log_tail(found, most) if found else []

    # ── actions ──────────────────────────────────────────────────────────────────────────────────

    def build(self, release: str, commit: str, say: Say, *, no_cache: bool = False) -> Image:
        return build(self._releases, release, commit, say, no_cache=no_cache)

    def stopped_services(self, release: str) -> tuple[str, ...]:
        return self._others.stopped(release)

    def start_services(self, release: str, say: Say) -> None:
        self._others.start(release, say)

    def start(self, slot: Slot, release: str) -> str:
        revived = self._others.revive(release, _silent)
        return "; ".join(note for note in (self._slots.start(slot, release), revived) if note)

    def wake(self, slot: Slot, release: str) -> str:
        # A restart of the engine ends the services as well: a release that is gone back to needs them.
        revived = self._others.revive(release, _silent)
        return "; ".join(note for note in (self._slots.wake(slot, release), revived) if note)

    def pause(self, slot: Slot, release: str) -> str:
        return self._slots.pause(slot, release)

    def stop(self, slot: Slot, release: str) -> None:
        self._slots.stop(slot, release)

    def remove(self, slot: Slot, release: str) -> None:
        self._slots.remove(slot, release)

    def evict(self, slot: Slot, release: str) -> None:
        self._slots.evict(slot, release)

    def restore(self, slot: Slot, release: str) -> None:
        self._slots.restore(slot, release)

    def prune(self, keep: tuple[str, ...]) -> str:
        return prune(self._releases, keep, self._remove_tree)

    def _own(self, slot: Slot) -> Container | None:
        """Return the slot's container, if l9 created it."""
        found = self._slots.find(slot)
        return found if found is not None and found.of(self._config.instance) else None

    # ── the host ─────────────────────────────────────────────────────────────────────────────────

    def _refuse_twin(self) -> None:
        """Refuse an instance of another directory: containers are found by the instance's name alone."""
        instance, root = self._config.instance, os.path.realpath(self._layout.root)
        for container in self._engine.containers(f"{names.INSTANCE}={instance}"):
            folder = os.path.realpath(container.labels.get(names.FOLDER) or root)
            if os.path.commonpath((folder, root)) != root:
                raise ActionError(
                    f"instance {instance} is in use by another directory on this host",
                    expected=f"containers of {instance} from {root} only, or another `instance` name",
                    found=f"container {container.name} created from {folder}",
                    remedy="$EDITOR l9.toml",
                )

    def _port(self, slot: Slot) -> int:
        ports = self._config.target.ports
        return ports.blue if slot is Slot.BLUE else ports.green

    def _ports_taken(self, new: Slot) -> dict[int, str]:
        """Return the new slot's port with its holder, unless the holder is that slot's own container."""
        port = self._port(new)
        own = self._slots.find(new)
        if own and own.running and own.of(self._config.instance):
            return {}
        for container in self._engine.publishers(port):
            return {port: f"container {container.name}"}
        holder = proc.listener(port)
        if holder is None:
            return {}
        return {port: f"{_program(holder)} (pid {holder})" if holder else "a program of another user"}


def _silent(_line: str) -> None:
    """What compose prints while it starts services; the action's note says which."""


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a program"
