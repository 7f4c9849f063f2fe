"""The embedded default as a place: processes as slots, a pipe in place of ssh, real Caddy and PostgreSQL."""

from __future__ import annotations

import subprocess
from pathlib import Path

from e2e.place import kill_holder
from l9.configuration import load
from l9.core.states import Slot
from l9.demo.stage import Stage, Timing
from l9.drivers.git.source import GitSource
from l9.drivers.process.runtime import ProcessRuntime

TIMING = Timing(soak=0.3, bake=2.5, grace=2.0, deadline=8.0)
# The demo runs the backend's whole test gate; here each case deploys several times.
QUICK_TEST = ("{python}", "-m", "compileall", "-q", "api")


class EmbeddedPlace(Stage):
    """A Stage with the ways to disturb it. Its link is a pipe: to cut it is to end the agent that follows."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, TIMING, test=QUICK_TEST, coverage=0)

    def journal(self) -> Path:
        return self.layout.journal

    def cut_link(self) -> None:
        """Nothing lies between the two sides of a pipe: the case kills the operator's side instead."""

    def mend_link(self) -> None:
        """See cut_link."""

    def kill_worker(self) -> None:
        kill_holder(self.layout)

    def reload_caddy(self) -> None:
        assert self.caddy
        self.caddy.reload()

    def kill_caddy(self) -> None:
        assert self.caddy
        self.caddy.kill()

    def start_caddy(self) -> None:
        assert self.caddy
        self.caddy.start()

    def on_server(self, *argv: str) -> subprocess.Popen[str]:
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def running_slots(self) -> list[str]:
        config = load(self.work)
        slots = ProcessRuntime(
            config, self.layout, GitSource(self.layout, "main", self.files.allowed_signers)
        ).slots()
        return [str(s) for s in Slot if slots[s].status == "running"]
