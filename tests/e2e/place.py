"""The places of the end-to-end cases: one face for the embedded default and for a host of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from documented import answer_of, documents
from l9.config.layout import Layout
from l9.core.states import State
from l9.demo.load import Load
from l9.demo.load_report import LoadReport
from l9.drivers.files.lock import LockFile

RATE = 60.0


class Place(Protocol):
    """A repository, a host that releases go to, and the ways to disturb both."""

    work: Path
    url: str
    api_key: str

    def start(self) -> None: ...

    def stop(self) -> None:
        """Leave nothing running, and the host as it was."""
        ...

    def release(self, tag: str, added: str = "") -> None:
        """Commit the reference backend with `added` at its end, and tag it."""
        ...

    def journal(self) -> Path: ...

    def cut_link(self) -> None: ...

    def mend_link(self) -> None: ...

    def kill_worker(self) -> None: ...

    def reload_caddy(self) -> None: ...

    def kill_caddy(self) -> None: ...

    def start_caddy(self) -> None: ...

    def on_server(self, *argv: str) -> subprocess.Popen[str]:
        """Start a program where the slots' ports are, with pipes to and from it."""
        ...

    def running_slots(self) -> list[str]:
        """The slots whose release works on: neither paused, nor stopped."""
        ...


def l9(place: Place, *args: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
    """The command line, as an operator types it."""
    return subprocess.run(
        (sys.executable, "-m", "l9", *args), cwd=place.work, capture_output=True, text=True, timeout=timeout
    )


def l9_json(place: Place, *args: str) -> dict[str, Any]:
    """A command's JSON document, or the last of its JSON Lines."""
    done = l9(place, *args, "--json")
    found = documents(done.stdout)
    assert found, done.stderr
    return answer_of(found[-1])


def deploy(place: Place, tag: str, *options: str) -> dict[str, Any]:
    """Deploy; the result, with the process's exit code."""
    done = l9(place, "deploy", tag, "--json", *options)
    result = answer_of(documents(done.stdout)[-1])
    assert result.get("exit_code") == done.returncode, (done.stdout[-2000:], done.stderr[-2000:])
    return result


class Deploying:
    """A deploy that runs while the test disturbs it; `until` and `until_told` wait for what it says."""

    def __init__(self, place: Place, *args: str) -> None:
        self.process = subprocess.Popen(
            (sys.executable, "-m", "l9", *args, "--json"),
            cwd=place.work,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.seen: list[dict[str, Any]] = []

    def until(self, gate: State, event: str = "gate-opened") -> None:
        """Read on until that gate opened (or was entered). AssertionError when the run ends before."""

        def reached(line: dict[str, Any]) -> bool:
            body = line.get("entry", {}).get("body", {})
            return bool(body.get("event") == event and body.get("gate") == gate)

        self._read_on(reached, f"{gate} was never reached")

    def until_told(self, text: str) -> None:
        """Read on until a note says so, at its beginning. AssertionError when the run ends before."""
        self._read_on(lambda line: str(line.get("text", "")).startswith(text), f"never told: {text}")

    def _read_on(self, found: Callable[[dict[str, Any]], bool], otherwise: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.seen.append(json.loads(line))
            if found(self.seen[-1]):
                return
        raise AssertionError(f"{otherwise}: {self.seen[-3:]}")

    def end(self, timeout: float = 90) -> tuple[int, dict[str, Any]]:
        """The exit code and the answer."""
        out, _ = self.process.communicate(timeout=timeout)
        self.seen += [json.loads(line) for line in out.splitlines()]
        return self.process.returncode, answer_of(self.seen[-1])

    def kill(self) -> None:
        """SIGKILL to the operator's side."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


@contextmanager
def load(place: Place, directory: Path) -> Iterator[Load]:
    """Open-loop load on the public URL while the block runs: keep-alive, new connections, slow, WebSocket, SSE."""
    with Load(place.url, RATE, directory / "load.jsonl", api_key=place.api_key) as generator:
        time.sleep(0.5)
        yield generator
        time.sleep(0.5)


def next_release(place: Place, added: str = "") -> str:
    """Make the release of the next version; its tag."""
    tags = subprocess.run(("git", "tag"), cwd=place.work, capture_output=True, text=True, check=True).stdout
    tag = f"v0.5.{len(tags.split())}-l9"
    place.release(tag, added)
    return tag


def live_release(place: Place) -> str | None:
    """The tag of the release that is live."""
    tag: str | None = l9_json(place, "status")["live"]["release"]
    return tag


def unexcused(report: LoadReport, bad_slot: str | None = None) -> list[str]:
    """The failed requests, but for a bad release's own 500s."""
    return [
        f"{f.kind} {f.method} {f.path} {f.status} {f.error} {f.slot}"
        for f in report.total().failures
        if not (bad_slot and f.status == 500 and f.slot == bad_slot)
    ]


def last_body(place: Place) -> dict[str, Any]:
    """The newest entry of the journal that belongs to a run."""
    lines = place.journal().read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    return dict(next(e["body"] for e in reversed(entries) if e["run"]))


def kill_holder(layout: Layout) -> None:
    """SIGKILL to the worker that holds the lock of a host on this machine."""
    holder = LockFile(layout.lock).holder()
    assert holder, "nobody holds the lock"
    os.kill(holder.pid, signal.SIGKILL)
