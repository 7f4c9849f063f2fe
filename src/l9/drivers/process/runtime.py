"""The embedded runtime: a slot is a process, an image is the tag's tree, and SIGSTOP pauses."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from l9.config.layout import Layout
from l9.config.model import Config
from l9.core.facts import Host, Image, LogLine, Retained, Services, Slots, SlotState
from l9.core.ports import LogReader, Say, Source
from l9.core.states import Slot, SlotStatus
from l9.drivers.files.atomic import replace_file
from l9.drivers.files.env_on_host import EnvOnHost, is_private
from l9.drivers.process import proc
from l9.drivers.process.connections import past_the_router
from l9.drivers.process.log_file import FoundLog, LogFileReader, tail
from l9.drivers.process.programs import stream
from l9.drivers.process.standby import why_not_paused
from l9.errors import ActionError

WORKERS_FIRST = 0.1  # seconds in which woken workers report


class SlotRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A slot's process. `birth` is its start in clock ticks: a pid alone may be reused.

    `paused_at` is the time of its last pause (seconds since the epoch), `paused_size` its log's size then.
    """

    release: str
    image: str
    commit: str
    pid: int = 0
    birth: int = 0
    started_at: float = 0.0
    log: str = ""
    stopped: bool = False
    paused_at: float = 0.0
    paused_size: int = 0


class _Seen(msgspec.Struct, frozen=True):
    place: SlotRecord
    alive: bool
    paused: bool


class ProcessRuntime:
    """Implements `Runtime` with processes of the current user."""

    def __init__(self, config: Config, layout: Layout, source: Source) -> None:
        self._config = config
        self._layout = layout
        self._source = source
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    # ── state ────────────────────────────────────────────────────────────────────────────────────

    def host(self, new: Slot) -> Host:
        usage = shutil.disk_usage(self._layout.root)
        port = self._port(new)
        holder = proc.listener(port)
        seen = self._see(new)
        own = seen is not None and seen.alive and holder == seen.place.pid
        taken = (
            {} if holder is None or own else {port: f"pid {holder}" if holder else "another user's process"}
        )
        return Host(f"processes, Python {sys.version.split()[0]}", usage.free, proc.memory_available(), taken)

    def slots(self) -> Slots:
        return Slots(self._state(Slot.BLUE), self._state(Slot.GREEN))

    def endpoint(self, slot: Slot) -> str:
        return f"http://127.0.0.1:{self._port(slot)}"

    def past_the_router(self, slot: Slot, router: int) -> int | None:
        return past_the_router(self._port(slot), router)

    def services(self, release: str) -> Services:
        return Services({})

    def changed_services(self, release: str, compose_files: Mapping[str, str]) -> tuple[str, ...]:
        return ()

    def stopped_services(self, release: str) -> tuple[str, ...]:
        return ()

    def image(self, release: str) -> Image | None:
        try:
            data = self._layout.release(release).joinpath("image.json").read_bytes()
        except OSError:
            return None
        return msgspec.json.decode(data, type=_ImageFile).image()

    def env_value(self, release: str, key: str) -> str | None:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            data = self._layout.env_snapshot(release).read_bytes()
            return msgspec.json.decode(data, type=dict[str, str]).get(key)
        return None

    def retained(self, release: str) -> Retained:
        image = self.image(release)
        there = image is not None and self._layout.tree(release).is_dir()
        snapshot = self._layout.release(release) / "command.json"
        return Retained(
            release,
            image is not None,
            image.digest if image else None,
            image_present=there,
            compose=snapshot.exists(),
            env=is_private(self._layout.env_snapshot(release)),
        )

    def read_log(self, slot: Slot, since: float) -> LogReader:
        return LogFileReader(lambda: self._log(slot, since))

    def log_tail(self, slot: Slot, most: int) -> list[LogLine]:
        found = self._log(slot, 0.0)
        return tail(found.path, most) if found else []

    # ── actions ──────────────────────────────────────────────────────────────────────────────────

    def build(self, release: str, commit: str, say: Say, *, no_cache: bool = False) -> Image:
        tree, config = self._layout.tree(release), self._config
        # Also for a known release: its tree was just recreated, without earlier preparation.
        prepare = tuple(self._filled(a, 0) for a in config.process.prepare)
        if prepare:
            done = stream(prepare, say, cwd=tree)
            if done.code != 0:
                raise ActionError(
                    f"{prepare[0]} failed",
                    expected="exit code 0",
                    found=f"exit code {done.code}",
                    log=done.last(),
                )
        if (known := self.image(release)) is None or known.commit != commit or no_cache:
            digest = f"tree:{self._source.tag(release).tree}"
            known = Image(digest, commit)
        env = EnvOnHost(self._layout.root / config.env.file)
        replace_file(self._layout.env_snapshot(release), msgspec.json.encode(env.values()), 0o600)
        command = msgspec.json.encode(config.process.command).decode()
        replace_file(self._layout.release(release) / "command.json", command, 0o600)
        file = msgspec.json.encode(_ImageFile(known.digest, known.commit)).decode()
        replace_file(self._layout.release(release) / "image.json", file, 0o644)
        return known

    def start_services(self, release: str, say: Say) -> None:
        """Do nothing: processes have no other services."""

    def start(self, slot: Slot, release: str) -> str:
        seen = self._own(slot, release)
        if seen is not None and seen.alive:
            return f"pid {seen.place.pid} is already running"
        return self._launch(slot, release)

    def wake(self, slot: Slot, release: str) -> str:
        seen = self._see(slot)
        if seen is not None and seen.place.release == release and seen.alive:
            _thaw(seen.place)
            return f"pid {seen.place.pid} continued" if seen.paused else f"pid {seen.place.pid} runs"
        return self.start(slot, release)

    def pause(self, slot: Slot, release: str) -> str:
        seen = self._see(slot)
        if seen is None or seen.place.release != release or not seen.alive:
            return "nothing runs"
        if why := why_not_paused(self._config.standby.mode, seen.place.pid):
            self.stop(slot, release)
            return f"pid {seen.place.pid} stopped, not paused: {why}"
        os.killpg(seen.place.pid, signal.SIGSTOP)  # its workers too: each slot leads a group of its own
        until = time.monotonic() + 5.0
        while not proc.paused(seen.place.pid) and time.monotonic() < until:
            time.sleep(0.005)  # the signal is delivered when the process runs next
        log = Path(seen.place.log)
        size = log.stat().st_size if log.is_file() else 0
        self._write(slot, msgspec.structs.replace(seen.place, paused_at=time.time(), paused_size=size))
        return f"pid {seen.place.pid} paused"

    def stop(self, slot: Slot, release: str) -> None:
        seen = self._see(slot)
        if seen is None or seen.place.release != release:
            return
        if seen.place.pid:
            self._end(seen.place)
        self._write(slot, msgspec.structs.replace(seen.place, stopped=True))

    def remove(self, slot: Slot, release: str) -> None:
        seen = self._see(slot)
        if seen is None or seen.place.release != release:
            return
        self.stop(slot, release)
        self._file(slot).unlink(missing_ok=True)

    def evict(self, slot: Slot, release: str) -> None:
        seen = self._see(slot)
        if seen is None or seen.place.release != release:
            return
        self.stop(slot, release)
        self._layout.release(release).mkdir(parents=True, exist_ok=True)
        self._file(slot).rename(self._kept(release))

    def restore(self, slot: Slot, release: str) -> None:
        if self._own(slot, release) is None and self._kept(release).exists():
            self._kept(release).rename(self._file(slot))

    def prune(self, keep: tuple[str, ...]) -> str:
        standing = {s.release for s in (self._state(Slot.BLUE), self._state(Slot.GREEN))}
        releases = self._layout.state / "releases"
        old = [p.name for p in releases.iterdir() if p.name not in keep and p.name not in standing]
        for release in old:
            self._source.remove_tree(release)
        return f"{len(old)} old releases removed" if old else "nothing to remove"

    # ── one slot ─────────────────────────────────────────────────────────────────────────────────

    def _launch(self, slot: Slot, release: str) -> str:
        image = self.image(release)
        if image is None:
            raise ActionError(
                f"{release} is not built", expected="its tree", found="none", remedy=f"l9 deploy {release}"
            )
        self._source.repair_tree(release)
        port, tree = self._port(slot), self._layout.tree(release)
        log = self._layout.state / "logs" / f"{slot}-{release}-{time.time_ns()}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        place = SlotRecord(release=release, image=image.digest, commit=image.commit, log=str(log))
        self._write(slot, place)  # before the process, so that it can be found after a crash in between
        command = msgspec.json.decode(
            self._layout.release(release).joinpath("command.json").read_bytes(), type=tuple[str, ...]
        )
        values = msgspec.json.decode(self._layout.env_snapshot(release).read_bytes(), type=dict[str, str])
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
            **values,
            "PORT": str(port),
            **self._marks(slot),
            "L9_RELEASE": release,
            "L9_COMMIT": image.commit,
        }
        with log.open("ab") as out:
            child = subprocess.Popen(
                tuple(self._filled(a, port) for a in command),
                cwd=tree,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._children[child.pid] = child
        self._write(
            slot,
            msgspec.structs.replace(
                place, pid=child.pid, birth=proc.birth(child.pid), started_at=time.time()
            ),
        )
        return f"pid {child.pid} on port {port}"

    def _end(self, place: SlotRecord) -> None:
        """Send SIGTERM, then SIGKILL after the grace period; a stopped process is continued first.

        The first process is to end its workers. Those that it leaves behind would keep the port.
        """
        self._end_first(place)
        if proc.alive(place.pid, 0):
            return  # it outlived SIGKILL, or its number is another process's by now
        for sign, patience in ((signal.SIGTERM, self._config.drain.grace), (signal.SIGKILL, 5.0)):
            until = time.monotonic() + patience
            for pid in proc.group(place.pid):
                proc.send(pid, 0, sign)
                proc.send(pid, 0, signal.SIGCONT)
            while proc.group(place.pid) and time.monotonic() < until:
                time.sleep(0.02)

    def _end_first(self, place: SlotRecord) -> None:
        for sign, patience in ((signal.SIGTERM, self._config.drain.grace), (signal.SIGKILL, 5.0)):
            proc.send(place.pid, place.birth, sign)
            _thaw(place)
            until = time.monotonic() + patience
            while time.monotonic() < until:
                self._reap(place.pid)
                if not proc.alive(place.pid, place.birth):
                    return
                time.sleep(0.02)

    def _own(self, slot: Slot, release: str) -> _Seen | None:
        """Return the release in the slot, None if the slot is free. Raises ActionError for another release."""
        seen = self._see(slot)
        if seen is not None and seen.place.release != release:
            raise ActionError(
                f"slot {slot} is not free",
                expected="an empty slot",
                found=seen.place.release,
                remedy="l9 status",
            )
        return seen

    def _see(self, slot: Slot) -> _Seen | None:
        try:
            place = msgspec.json.decode(self._file(slot).read_bytes(), type=SlotRecord)
        except (OSError, msgspec.MsgspecError):
            return None
        if not place.pid and not place.stopped:
            pid = proc.find({**self._marks(slot), "L9_RELEASE": place.release})
            if pid is not None:
                place = msgspec.structs.replace(place, pid=pid, birth=proc.birth(pid), started_at=time.time())
                self._write(slot, place)
        self._reap(place.pid)
        alive = bool(place.pid) and proc.alive(place.pid, place.birth)
        return _Seen(place, alive, alive and proc.paused(place.pid))

    def _log(self, slot: Slot, since: float) -> FoundLog | None:
        """Return the log of the latest process. Lines have no times, but the log's size at the last pause is known."""
        seen = self._see(slot)
        if seen is None or not (seen.place.started_at or os.path.exists(seen.place.log)):
            return None
        paused = seen.place.paused_at and since >= seen.place.paused_at
        return FoundLog(Path(seen.place.log), seen.place.paused_size if paused else 0, seen.alive)

    def _state(self, slot: Slot) -> SlotState:
        seen = self._see(slot)
        if seen is None:
            return SlotState(slot)
        alive = SlotStatus.RUNNING if seen.alive else SlotStatus.EXITED
        status = SlotStatus.PAUSED if seen.paused else alive
        child = self._children.get(seen.place.pid)
        return SlotState(
            slot,
            status,
            seen.place.release,
            seen.place.image,
            seen.place.started_at,
            exit_code=child.returncode if child else None,
        )

    def _reap(self, pid: int) -> None:
        if (child := self._children.get(pid)) is not None:
            child.poll()

    def _marks(self, slot: Slot) -> dict[str, str]:
        return {"L9_ROOT": str(self._layout.root), "L9_SLOT": str(slot)}

    def _port(self, slot: Slot) -> int:
        ports = self._config.target.ports
        return ports.blue if slot is Slot.BLUE else ports.green

    def _filled(self, argument: str, port: int) -> str:
        return argument.replace("{python}", sys.executable).replace("{port}", str(port))

    def _file(self, slot: Slot) -> Path:
        return self._layout.state / "slots" / f"{slot}.json"

    def _kept(self, release: str) -> Path:
        return self._layout.release(release) / "slot.json"

    def _write(self, slot: Slot, place: SlotRecord) -> None:
        replace_file(self._file(slot), msgspec.json.encode(place), 0o600)


def _thaw(place: SlotRecord) -> None:
    """Continue all processes of a slot, the first one last: one that watches its workers by the clock would kill them.

    After a pause a worker reports at once that it lives.
    """
    others = proc.group(place.pid)
    for pid in others:
        proc.send(pid, 0, signal.SIGCONT)
    if others and proc.paused(place.pid):
        time.sleep(WORKERS_FIRST)
    proc.send(place.pid, place.birth, signal.SIGCONT)


class _ImageFile(msgspec.Struct, frozen=True):
    digest: str
    commit: str

    def image(self) -> Image:
        return Image(self.digest, self.commit)
