"""An open-loop load on a public URL, in a separate process: its handle, and `python -m l9.demo.load`."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from l9.demo.child import PartError, end, spawn, tail
from l9.demo.load_plan import API_KEY_VARIABLE, Plan, parse
from l9.demo.load_report import LoadReport, Tail

START_SECONDS = 15.0


class Load:
    """A handle on the load's process; also a context manager.

    rate: quick requests per second, besides slow ones and streams. more: other fields of Plan, by name.
    report: the JSON Lines file to write; the generator's own messages go to `<report>.log`.
    Failed requests are in the report; PartError means that the generator itself failed.
    """

    def __init__(self, url: str, rate: float, report: Path, *, api_key: str = "", **more: object) -> None:
        self._plan = replace(Plan(url=url, report=report, rate=rate, api_key=api_key), **more)  # type: ignore[arg-type]  # by name
        self._log = report.with_name(report.name + ".log")
        self._tail = Tail(report)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return once requests are being sent. Raises PartError if none is within 15 s."""
        try:
            self._plan.report.parent.mkdir(parents=True, exist_ok=True)
            self._plan.report.unlink(missing_ok=True)
        except OSError as error:
            raise PartError(
                "the load's report cannot be written",
                expected=f"a writable file {self._plan.report}",
                found=str(error),
                remedy=f"ls -ld {self._plan.report}",
            ) from error
        self._tail = Tail(self._plan.report)
        self._process = spawn(
            (sys.executable, "-m", "l9.demo.load", "--control", *self._plan.argv()),
            log=self._log,
            env={**os.environ, API_KEY_VARIABLE: self._plan.api_key},
            stdin=subprocess.PIPE,
        )
        deadline = time.monotonic() + START_SECONDS
        while self.snapshot().start is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._fail("the load did not start", expected=f"a report within {START_SECONDS:g} s")
            time.sleep(0.01)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def mark(self, label: str) -> float:
        """Start a step: write it to the report and return its time (wall clock), for LoadReport.between."""
        now = time.time()
        if self._process is None or self._process.stdin is None:
            raise PartError("no load to mark", expected="a started load", found="none")
        try:
            self._process.stdin.write(json.dumps({"label": label, "ts": now}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._fail("the load has ended unexpectedly", expected="a running load")
        return now

    def snapshot(self) -> LoadReport:
        """Return the report so far, complete up to a tenth of a second ago."""
        try:
            return LoadReport.of(self._tail.rows())
        except FileNotFoundError:
            return LoadReport()

    def stop(self) -> LoadReport:
        """End the load within 3 s, requests in flight included, and return the whole report. Idempotent."""
        if self._process is not None:
            end(self._process, (signal.SIGTERM, self._plan.slow_seconds + 3.0))
            with suppress(BrokenPipeError):
                if self._process.stdin is not None:
                    self._process.stdin.close()
            self._process = None
        return self.snapshot()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _fail(self, message: str, *, expected: str) -> None:
        code = self._process.poll() if self._process is not None else None
        self.stop()
        raise PartError(
            message,
            expected=expected,
            found="no report" if code is None else f"exit code {code}",
            remedy=f"cat {self._log}",
            log=tail(self._log),
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the generator. Exit codes: 0 ended on request, whatever the answers were; 1 a bug; 2 usage."""
    from l9.demo.load_generator import BUG, Generator

    plan, control = parse(sys.argv[1:] if argv is None else argv)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # thousands of requests may hang, each with a socket
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65536)), hard))
    return int(asyncio.run(Generator(plan, control=control).run()).startswith(BUG))


if __name__ == "__main__":
    sys.exit(main())
