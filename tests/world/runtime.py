"""The simulated engine: the same steps, in the same order, as the real runtimes make them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from l9.core.facts import Host, Image, LogLine, LogsLost, Retained, Services, Slots, SlotState
from l9.core.ports import LogReader
from l9.core.states import Slot, SlotStatus
from l9.errors import ActionError

from .acts import Acts
from .behaviour import GOOD
from .machine import Machine, Proc


class FakeLogReader:
    """Implements `LogReader`."""

    def __init__(self, acts: Acts, slot: Slot, since: float) -> None:
        self._acts, self._slot, self._since = acts, slot, since
        self._place: tuple[float, int] = (
            0.0,
            0,
        )  # when the process began, and how many of its lines were read

    def read(self) -> Iterator[LogLine | LogsLost]:
        self._acts.look("runtime.logs")
        proc = self._acts.machine.slots[self._slot]
        if proc is None:
            return
        if proc.log_lost:
            proc.log_lost = False
            yield LogsLost("its log was cut short")
        begun, read = proc.started_at, self._place[1] if self._place[0] == proc.started_at else 0
        for number, line in enumerate(self._acts.machine.log(self._slot, self._since)[read:], read + 1):
            self._place = (begun, number)
            yield line


class FakeRuntime:
    """Implements `Runtime`. Its slots answer at addresses that nobody could guess."""

    def __init__(self, acts: Acts, grace: float) -> None:
        self._acts = acts
        self._machine: Machine = acts.machine
        self._grace = grace
        self.disk_free = 50_000_000_000
        self.memory_available = 4_000_000_000
        self.ports_taken: dict[int, str] = {}
        self.services_status: dict[str, str] = {"postgres": "running"}

    # ── what there is ────────────────────────────────────────────────────────────────────────────

    def host(self, new: Slot) -> Host:
        self._acts.look("runtime.host")
        return Host("a simulated engine", self.disk_free, self.memory_available, dict(self.ports_taken))

    def image(self, release: str) -> Image | None:
        self._acts.look("runtime.image")
        commit = self._machine.built.get(release)
        return Image(f"sha256:{commit}", commit) if commit else None

    def past_the_router(self, slot: Slot, router: int) -> int | None:
        self._acts.look("runtime.past_the_router")
        return self._machine.direct[slot] if self._machine.runs(slot) else 0

    def services(self, release: str) -> Services:
        self._acts.look("runtime.services")
        return Services(dict(self.services_status))

    def stopped_services(self, release: str) -> tuple[str, ...]:
        self._acts.look("runtime.services")
        return tuple(name for name, status in self.services_status.items() if status != "running")

    def changed_services(self, release: str, compose_files: Mapping[str, str]) -> tuple[str, ...]:
        self._acts.look("runtime.services")
        return ()

    def retained(self, release: str) -> Retained:
        self._acts.look("runtime.retained")
        commit = self._machine.built.get(release)
        there = release in self._machine.trees
        digest = f"sha256:{commit}" if commit else None
        return Retained(release, bool(commit), digest, image_present=bool(commit), compose=there, env=there)

    def env_value(self, release: str, key: str) -> str | None:
        """None: what a release was made ready with is not simulated."""
        return None

    def slots(self) -> Slots:
        self._acts.look("runtime.slots")
        self._machine.struck.clear()
        return Slots(self._state(Slot.BLUE), self._state(Slot.GREEN))

    def endpoint(self, slot: Slot) -> str:
        return f"http://{slot}.slots.test:1"

    def read_log(self, slot: Slot, since: float) -> LogReader:
        return FakeLogReader(self._acts, slot, since)

    def log_tail(self, slot: Slot, most: int) -> list[LogLine]:
        self._acts.look("runtime.logs")
        return self._machine.log(slot, 0.0)[-most:]

    # ── what may be done ─────────────────────────────────────────────────────────────────────────

    def build(
        self, release: str, commit: str, say: Callable[[str], None], *, no_cache: bool = False
    ) -> Image:
        with self._acts.act("runtime.build", f"{release} no_cache" if no_cache else release):
            behaviour = self._machine.releases.get(release, GOOD)
            say(f"building {release}")
            self._machine.clock.sleep(behaviour.build_seconds)
            if not behaviour.builds:
                raise ActionError("the build failed", expected="exit code 0", found="exit code 1")
            self._acts.within(f"runtime.build {release}: built, not recorded")
            self._machine.built[release] = commit
        return Image(f"sha256:{commit}", commit)

    def start_services(self, release: str, say: Callable[[str], None]) -> None:
        with self._acts.act("runtime.start_services", release):
            for name in self.services_status:
                self.services_status[name] = "running"

    def start(self, slot: Slot, release: str) -> str:
        with self._acts.act("runtime.start", f"{slot} {release}"):
            proc = self._own(slot, release)
            if proc is not None and proc.status in ("running", "paused"):
                return f"{release} is already running"
            if release not in self._machine.built:
                raise ActionError(f"{release} is not built", expected="an image", found="none")
            self._machine.slots[slot] = Proc(release, self._machine.releases.get(release, GOOD))
            self._acts.within(f"runtime.start {slot} {release}: created, not started")
            self._machine.begin(slot, release)
        return f"{release} started"

    def wake(self, slot: Slot, release: str) -> str:
        with self._acts.act("runtime.wake", f"{slot} {release}"):
            self.services_status.update(dict.fromkeys(self.services_status, "running"))
            proc = self._own(slot, release)
            if proc is not None and proc.status in ("running", "paused"):
                proc.status, proc.fault = "running", ""
                return f"{release} runs"
            if release not in self._machine.built:
                raise ActionError(f"{release} is not built", expected="an image", found="none")
            self._machine.begin(slot, release)
        return f"{release} started"

    def pause(self, slot: Slot, release: str) -> str:
        with self._acts.act("runtime.pause", f"{slot} {release}"):
            proc = self._is(slot, release)
            if proc is None or proc.status != "running":
                return "nothing runs"
            if proc.behaviour.processes > 1:
                self._machine.terminate(proc, slot, self._grace)
                return f"{release} stopped, not paused: it works in {proc.behaviour.processes} processes"
            self._machine.freeze(proc, slot)
        return f"{release} paused"

    def stop(self, slot: Slot, release: str) -> None:
        with self._acts.act("runtime.stop", f"{slot} {release}"):
            proc = self._is(slot, release)
            if proc is not None:
                self._machine.terminate(proc, slot, self._grace)

    def remove(self, slot: Slot, release: str) -> None:
        with self._acts.act("runtime.remove", f"{slot} {release}"):
            proc = self._is(slot, release)
            if proc is not None:
                self._machine.terminate(proc, slot, self._grace)
                self._acts.within(f"runtime.remove {slot} {release}: stopped, not removed")
                self._machine.slots[slot] = None

    def evict(self, slot: Slot, release: str) -> None:
        with self._acts.act("runtime.evict", f"{slot} {release}"):
            proc = self._is(slot, release)
            if proc is not None:
                self._machine.terminate(proc, slot, self._grace)
                self._acts.within(f"runtime.evict {slot} {release}: stopped, not renamed")
                self._machine.slots[slot], self._machine.kept[release] = None, proc

    def restore(self, slot: Slot, release: str) -> None:
        with self._acts.act("runtime.restore", f"{slot} {release}"):
            if self._own(slot, release) is None and release in self._machine.kept:
                self._machine.slots[slot] = self._machine.kept.pop(release)

    def prune(self, keep: tuple[str, ...]) -> str:
        with self._acts.act("runtime.prune", " ".join(keep)):
            machine = self._machine
            standing = {machine.release(slot) for slot in Slot}
            known = set(machine.built) | machine.trees | set(machine.kept)
            old = sorted(known - set(keep) - standing)
            for release in old:
                machine.trees.discard(release)
                machine.settings.discard(release)
                machine.kept.pop(release, None)
                self._acts.within(f"runtime.prune: {release} half removed")
                machine.built.pop(release, None)
        return f"{len(old)} old releases removed"

    # ── one slot ─────────────────────────────────────────────────────────────────────────────────

    def _own(self, slot: Slot, release: str) -> Proc | None:
        proc = self._machine.slots[slot]
        if proc is not None and proc.release != release:
            raise ActionError(f"slot {slot} is not free", expected="an empty slot", found=proc.release)
        return proc

    def _is(self, slot: Slot, release: str) -> Proc | None:
        proc = self._machine.slots[slot]
        return proc if proc is not None and proc.release == release else None

    def _state(self, slot: Slot) -> SlotState:
        proc = self._machine.slots[slot]
        if proc is None:
            return SlotState(slot)
        image = f"sha256:{self._machine.built.get(proc.release)}"
        code = proc.exit_code if proc.status == "exited" else None
        return SlotState(
            slot, SlotStatus(proc.status), proc.release, image, proc.began, proc.restarts, proc.oom, code
        )
