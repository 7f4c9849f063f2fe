"""The demo's story: seven steps on real parts under constant load, and a table of the results."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from l9.cli.context import Project
from l9.cli.render.view import View
from l9.cli.server.deploy import deploy
from l9.cli.server.rollback import rollback
from l9.configuration import load
from l9.core import events as ev
from l9.core.states import State
from l9.demo import backend
from l9.demo.load import Load
from l9.demo.load_report import LoadReport
from l9.demo.stage import Stage
from l9.drivers.files.lock import LockFile
from l9.errors import Interrupted, L9Error
from l9.protocol.answers.run_lines import EntryLine, Lines
from l9.protocol.answers.runs import DemoResult, DemoStep, Explain
from l9.protocol.answers.status import Status

RATE = 100.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step's outcome; `begun` and `ended` are seconds since the epoch."""

    number: int
    title: str
    outcome: str
    exit_code: int
    wanted: int
    begun: float
    ended: float
    bad_release: str = ""


class Story:
    """Plays the seven steps on a stage, and shows them on `screen`."""

    def __init__(self, stage: Stage, screen: View) -> None:
        self._stage = stage
        self._screen = screen
        self._steps: list[Step] = []
        self._load = Load(stage.url, RATE, stage.root / "load.jsonl", api_key=stage.api_key)

    def play(self) -> DemoResult:
        """Play the story and return the report. `ok`: every step ended as expected."""
        self._act("first deploy of v0.5.0-l9", 0, lambda: self._deploy("v0.5.0-l9"))
        self._load.start()
        try:
            self._act("v0.5.1-l9, a good release", 0, lambda: self._deploy("v0.5.1-l9"))
            self._act("v0.5.2-l9, never healthy", 3, lambda: self._deploy("v0.5.2-l9", backend.NEVER_HEALTHY))
            self._act(
                "v0.5.3-l9, breaks after the switch",
                4,
                lambda: self._deploy("v0.5.3-l9", backend.BREAKS_AFTER_THE_SWITCH),
                bad="v0.5.3-l9",
            )
            self._act("v0.6.0-l9, the deployer is killed", 0, self._killed)
            self._act("rollback by hand", 0, lambda: rollback(self._project(), None, self._screen))
            self._act("a file is edited on the host", 7, self._drift)
            time.sleep(0.5)
        finally:
            report = self._load.stop()
        return self._report(report)

    # ── the steps ────────────────────────────────────────────────────────────────────────────────

    def _act(self, title: str, wanted: int, act: Callable[[], int], bad: str = "") -> None:
        number = len(self._steps) + 1
        self._screen.note("")
        self._screen.note(f"── {number}. {title} ".ljust(78, "─"))
        begun = time.time()
        if self._load.pid is not None:
            self._load.mark(title)
        try:
            code = act()
        except L9Error as error:
            self._screen.note(f"{error.message}: {error.found}", "closed")
            code = error.exit_code
        self._steps.append(
            Step(number, title, _outcome(code), code, wanted, begun, time.time(), bad_release=bad)
        )

    def _project(self) -> Project:
        return Project(self._stage.work, load(self._stage.work))

    def _deploy(self, tag: str, added: str = "") -> int:
        self._release(tag, added)
        return deploy(self._project(), tag, self._screen)

    def _release(self, tag: str, added: str = "", message: str = "") -> None:
        """Make a release as a developer does: stages, attestation, tag."""
        for line in self._stage.release(tag, added, message):
            icon, _, text = line.partition(" ")
            self._screen.note(text, "open" if icon == "✔" else icon)

    def _killed(self) -> int:
        """Start a deploy, kill it on both sides during the soak, and let the next command recover."""
        stage = self._stage
        self._release("v0.6.0-l9", message="Start a new kernel system")
        child = subprocess.Popen(
            (sys.executable, "-m", "l9", "deploy", "v0.6.0-l9", "--json"),
            cwd=stage.work,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert child.stdout is not None  # noqa: S101  # PIPE above
        for line in child.stdout:
            message = msgspec.json.decode(line, type=Lines)
            if not isinstance(message, EntryLine):
                continue
            body = message.entry.body
            if isinstance(body, ev.GateOpened) and body.gate is State.BLUE_GREEN_LAUNCH:
                break
            self._screen.entry(message.entry)
        holder = LockFile(stage.layout.lock).holder()
        child.kill()
        if holder is not None:
            os.kill(holder.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        self._screen.note(
            f"SIGKILL to the deployer here (pid {child.pid}) and on the host (pid {holder.pid if holder else '-'})",
            "warn",
        )
        status = stage.ask(Status, "status")
        state = status.run.state if status.run else "not on record"
        self._screen.note(f"l9 status: {status.live.release} is live, the run is {state}")
        try:
            return deploy(self._project(), "v0.6.0-l9", self._screen)
        except Interrupted as error:
            self._screen.note(error.message, "closed")
            return error.exit_code

    def _drift(self) -> int:
        edited = self._stage.host / "api" / "server_memory.py"
        with edited.open("a", encoding="utf-8") as file:
            file.write("# a quick fix, by hand\n")
        done = self._stage.l9("drift")
        for line in done.stdout.rstrip().splitlines():
            self._screen.note(line, " ")
        return done.returncode

    # ── the report ───────────────────────────────────────────────────────────────────────────────

    def _report(self, report: LoadReport) -> DemoResult:
        rows, ok = [], True
        for step, following in zip(self._steps, [*self._steps[1:], None], strict=True):
            until = following.begun if following else float("inf")
            counts = report.between(step.begun, until)
            bad_slot = self._slot_of(step.bad_release) if step.bad_release else None
            excused = sum(f.status == 500 and f.slot == bad_slot for f in counts.failures) if bad_slot else 0
            good = step.exit_code == step.wanted and counts.failed == excused
            ok = ok and good
            rows.append(
                DemoStep(
                    step=step.number,
                    title=step.title,
                    outcome=step.outcome,
                    exit_code=step.exit_code,
                    wanted=step.wanted,
                    seconds=round(step.ended - step.begun, 1),
                    served=counts.sent - counts.failed,
                    failed=counts.failed,
                    excused=excused,
                    ok=good,
                )
            )
        late = report.total().is_late
        return DemoResult(ok=ok, steps=tuple(rows), late=late, files=str(self._stage.root))

    def _slot_of(self, release: str) -> str:
        """Return the slot of a release's run, from the journal."""
        started = self._stage.ask(Explain, "explain", release).entries[0].body
        return started.new if isinstance(started, ev.RunStarted) else ""


def _outcome(code: int) -> str:
    return {0: "done", 3: "refused", 4: "rolled back", 5: "needs a person", 7: "drift found"}.get(
        code, "failed"
    )


def table(report: DemoResult) -> str:
    """Return the report as text."""
    lines = [f"{'':2}{'step':<38} {'outcome':<11} {'exit':>4} {'seconds':>7} {'served':>6} {'failed':>6}"]
    for row in report.steps:
        failed = f"{row.failed}*" if row.excused else str(row.failed)
        lines.append(
            f"{'✔' if row.ok else '✘'} {row.step}. {row.title:<35} {row.outcome:<11} "
            f"{row.exit_code:>4} {row.seconds:>7.1f} {row.served:>6} {failed:>6}"
        )
    if any(row.excused for row in report.steps):
        lines.append("  * all of them status 500 from the bad release, before the rollback")
    if report.late:
        lines.append("  ▲ the load generator was late: this machine was too busy, the figures are invalid")
    lines.append(f"  files: {report.files}")
    return "\n".join(lines)


def files_root() -> Path:
    """Create a directory for the demo's files that PostgreSQL's user can access."""
    import tempfile

    base = Path("/var/tmp") if Path("/var/tmp").is_dir() else Path(tempfile.gettempdir())  # noqa: S108  # mkdtemp below
    return Path(tempfile.mkdtemp(prefix="l9-demo-", dir=base))
