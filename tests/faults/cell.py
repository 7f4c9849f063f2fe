"""One cell of the matrix: a fault at a moment, from a healthy host to a healthy host."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from documented import answer_of, documents
from e2e.host_place import PATH
from e2e.place import Deploying, l9, next_release
from faults.fault import Fault, Lasts
from faults.fault_place import FaultPlace, Scene
from faults.moments import Act, Moment
from faults.questions import (
    ask,
    failures,
    leftovers,
    public_answers,
    remedies,
    report_until,
    status_if_well,
    what_is_wrong,
)
from faults.seen import SETTLE_SECONDS, Seen, Typed
from faults.stop_at import StopAt
from l9.core.states import Slot
from l9.demo import backend

REACH_SECONDS, END_SECONDS = 40.0, 150.0


@dataclass
class Cell:
    """A fault at a moment, on a place."""

    place: FaultPlace
    fault: Fault
    moment: Moment

    def run(self) -> Seen:
        """Run the cell. Raises what the place itself raises: then the place is not good for another one."""
        place = self.place
        load = place.start_load()
        place.scene, place.rivals = scene(place), []
        before = place.scene
        started = load.mark(self.moment.name)
        began = time.time()
        hit, began_at, ended_at = True, started, started
        code: int | None = None
        answer: dict[str, Any] = {}
        text = ""
        if self.moment.act is Act.IDLE:
            began_at, ended_at = self._strike(lambda: None)
        elif self.moment.act is Act.RELEASE:
            command = before.command = Deploying(place, *self._command())
            code, answer, text = self._end(command)
        else:
            words = self._command()
            with StopAt(place.in_state(""), self.moment.reached) as stop:
                command = before.command = Deploying(place, *words)
                hit = stop.wait(REACH_SECONDS, lambda: command.process.poll() is not None)
                if hit:
                    began_at, ended_at = self._strike(stop.release)
                stop.release()
            code, answer, text = self._end(command)
            if hit and self.fault.lasts is Lasts.COMMAND:
                self.fault.end(place)
                ended_at = time.time()
        ran = time.time() - ended_at
        typed, settled, status, drift = self._settle(answer)
        public = public_answers(place)
        until = load.mark("observed")
        report = report_until(load, until)
        return Seen(
            hit=hit,
            ended=round(ended_at - began_at, 2),
            ran=round(ran, 2),
            outcome=_outcome(answer),
            exit_code=code,
            sick=(answer.get("watched") or {}).get("verdict") == "fail",
            message=text,
            before=before.before,
            new=before.new,
            served=tuple(sorted({(slot, release) for _, slot, release in public})),
            statuses=tuple(status for status, _, _ in public),
            running=tuple(place.running_slots()),
            slot=str(status.get("live", {}).get("slot", "")),
            recorded=status.get("recorded"),
            drift=tuple(
                f"{d['what']}: expected {d['expected']}, found {d['found']}" for d in drift.get("drift", ())
            ),
            deployed_tag=place.sh('cat "$1/.deployed-tag" 2>/dev/null || true', PATH),
            locked=status.get("lock") is not None,
            run_state=(status.get("run") or {}).get("state", ""),
            leftovers=leftovers(place),
            typed=tuple(typed),
            rivals=tuple(done.returncode for done in place.rivals),
            sent=report.between(started, until).sent,
            failed=failures(report, started, until, began_at, _excused(self.moment, before)),
            settled=settled,
            seconds=round(time.time() - began, 2),
        )

    def _command(self) -> tuple[str, ...]:
        if self.moment.act is Act.ROLLBACK:
            self.place.scene.new = self.place.scene.standby or ""
            return ("rollback",)
        bad = backend.BREAKS_AFTER_THE_SWITCH if self.moment.act is Act.BAD_DEPLOY else self.fault.code
        self.place.scene.new = next_release(self.place, bad)
        return ("deploy", self.place.scene.new)

    def _strike(self, release: Callable[[], None]) -> tuple[float, float]:
        """Begin the fault, let the run go on, and end it after its time; the times of both."""
        began = time.time()
        self.fault.begin(self.place)
        release()
        if self.fault.lasts is Lasts.WHILE:
            time.sleep(max(0.0, self.fault.seconds - (time.time() - began)))
            self.fault.end(self.place)
        elif self.fault.lasts is Lasts.COMMAND and self.moment.act is Act.IDLE:
            time.sleep(1.0)
            self.fault.end(self.place)
        elif self.fault.lasts is Lasts.MOMENT:
            self.fault.end(self.place)
        return began, time.time()

    def _end(self, command: Deploying) -> tuple[int, dict[str, Any], str]:
        """The command's exit code, its answer, and all that it said."""
        try:
            out, err = command.process.communicate(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            command.kill()
            return 124, {}, f"no end within {END_SECONDS:g} s"
        lines = documents(out)
        answer = answer_of(lines[-1]) if lines else {}
        closed = [line for line in out.splitlines() if "gate-closed" in line or "action-failed" in line]
        return command.process.returncode, answer, "\n".join([*closed, out[-1500:], err[-1500:]])

    def _settle(
        self, answer: dict[str, Any]
    ) -> tuple[list[Typed], float | None, dict[str, Any], dict[str, Any]]:
        """Type what is printed until all is well: the commands, the seconds until then or None, status and drift."""
        place, typed, began = self.place, list[Typed](), time.monotonic()
        pending = remedies(answer)
        while True:
            wrong, status, drift = what_is_wrong(place)
            if not wrong:
                place.status = status
                return typed, round(time.monotonic() - began, 2), status, drift
            if time.monotonic() - began > SETTLE_SECONDS + 15 * len(typed) or len(typed) > 4:
                return typed, None, status, drift or ask(place, "drift")
            pending = [one for one in [*pending, *wrong[1:]] if one not in {t.command for t in typed[-1:]}]
            if wrong[0] == "wait" or not pending:
                time.sleep(0.5)
                pending = pending or remedies(ask(place, "drift"))
                if wrong[0] == "wait":
                    continue
            if pending:
                command, pending = pending[0], []
                argv = shlex.split(command)
                if argv[0] == "l9":
                    done = l9(place, *argv[1:], *(("--yes",) if argv[1] == "provision" else ()))
                else:
                    done = place.host.run(("sh", "-c", command), check=False)
                told = (done.stdout + done.stderr)[-1500:] if done.returncode else ""
                typed.append(Typed(command, done.returncode, told))


def scene(place: FaultPlace) -> Scene:
    """Bring the place to where a cell begins: one release is live, another one stands by, nothing else is wrong."""
    status, place.status = place.status or status_if_well(place), {}
    for _ in range(3):
        live, standby = status.get("live", {}), status.get("standby", {})
        # After `deploy --again` both are of one release, and a rollback goes to an older one.
        if standby.get("status") == "paused" and standby["release"] != live["release"]:
            return Scene(Slot(live["slot"]), live["release"], standby["release"])
        done = l9(place, "deploy", next_release(place))
        assert done.returncode == 0, done.stdout + done.stderr
        status = status_if_well(place)
    raise AssertionError(f"no healthy host to begin with: {what_is_wrong(place)}")


def _outcome(answer: dict[str, Any]) -> str | None:
    found = answer.get("outcome")
    return str(found) if found else None


def _excused(moment: Moment, before: Scene) -> str:
    """The slot whose own 500s are not the fault's: that of a bad release."""
    return str(before.other) if moment.act in (Act.BAD_DEPLOY, Act.RELEASE) else ""
