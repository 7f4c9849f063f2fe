"""Writes the report while the load runs: one bucket per tenth of a second, and each failure immediately."""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import BinaryIO

import msgspec

from l9.demo.load_report import (
    BOUNDS_MS,
    LATE_SECONDS,
    SCHEMA,
    AnyRow,
    Bucket,
    End,
    Failure,
    Kind,
    Mark,
    Reconnected,
    Start,
    Traffic,
)

# Further failures are only counted in their bucket, so that a dead server cannot fill the disk.
MOST_FAILURES = 20_000


@dataclass(slots=True)
class _Tally:
    """The current bucket."""

    ts: float
    sent: int = 0
    ok: Counter[str] = field(default_factory=Counter)
    releases: Counter[str] = field(default_factory=Counter)
    slots: Counter[str] = field(default_factory=Counter)
    latency_sum: float = 0.0
    latency_max: float = 0.0
    latency: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))
    lag_sum: float = 0.0
    lag_max: float = 0.0
    late: int = 0
    skipped: int = 0
    echoes: int = 0
    events: int = 0
    unlisted: Counter[str] = field(default_factory=Counter)


class Recorder:
    """The only writer of the report. Durations are in seconds; every row is flushed when it is written."""

    def __init__(self, out: BinaryIO, *, url: str, rate: float) -> None:
        self._out = out
        self._failures = 0
        self.in_flight = 0
        self._tally = _Tally(ts=time.time())
        self._write(Start(ts=self._tally.ts, schema=SCHEMA, url=url, rate=rate, pid=os.getpid()))

    def sent(self, lag: float) -> None:
        """Record a request that started `lag` seconds after its scheduled time."""
        tally = self._tally
        tally.sent += 1
        tally.lag_sum += lag
        tally.lag_max = max(tally.lag_max, lag)
        tally.late += lag > LATE_SECONDS

    def skipped(self) -> None:
        """Record a request that was not started because too many are in flight."""
        self._tally.skipped += 1

    def answered(self, slot: str, release: str) -> None:
        """Record the slot and the release named by an answer, good or bad; empty if it names none."""
        if slot:
            self._tally.slots[slot] += 1
        if release:
            self._tally.releases[release] += 1

    def ok(self, traffic: Traffic, latency: float) -> None:
        """Record a good answer, `latency` seconds after the request's scheduled time."""
        tally = self._tally
        tally.ok[traffic] += 1
        if traffic == "slow":
            return
        tally.latency_sum += latency
        tally.latency_max = max(tally.latency_max, latency)
        tally.latency[bisect_left(BOUNDS_MS, latency * 1000)] += 1

    def failed(
        self,
        traffic: Traffic,
        kind: Kind,
        *,
        method: str,
        path: str,
        waited: float,
        status: int = 0,
        error: str = "",
        slot: str = "",
        release: str = "",
    ) -> None:
        """Record a failed request, `waited` seconds after its scheduled time."""
        self._failures += 1
        if self._failures > MOST_FAILURES:
            self._tally.unlisted[kind] += 1
            return
        now = time.time()
        self._write(
            Failure(
                ts=now,
                scheduled=now - waited,
                traffic=traffic,
                kind=kind,
                method=method,
                path=path,
                status=status,
                error=error,
                slot=slot,
                release=release,
            )
        )

    def echo(self) -> None:
        self._tally.echoes += 1

    def events(self, count: int) -> None:
        self._tally.events += count

    def reconnected(self, traffic: Traffic, code: int, gap: float) -> None:
        self._write(Reconnected(ts=time.time(), traffic=traffic, code=code, gap=gap))

    def mark(self, label: str, ts: float) -> None:
        """Record the start of a step of the caller, which begins a new bucket."""
        self.flush()
        self._write(Mark(ts=ts, label=label))

    def flush(self) -> None:
        """Write the bucket and start the next."""
        tally, now = self._tally, time.time()
        self._tally = _Tally(ts=now)
        self._write(
            Bucket(
                ts=tally.ts,
                seconds=round(now - tally.ts, 6),
                sent=tally.sent,
                ok=dict(tally.ok),
                releases=dict(tally.releases),
                slots=dict(tally.slots),
                latency_sum=round(tally.latency_sum, 6),
                latency_max=round(tally.latency_max, 6),
                latency=tally.latency if any(tally.latency) else [],
                lag_sum=round(tally.lag_sum, 6),
                lag_max=round(tally.lag_max, 6),
                late=tally.late,
                skipped=tally.skipped,
                echoes=tally.echoes,
                events=tally.events,
                in_flight=self.in_flight,
                unlisted=dict(tally.unlisted),
            )
        )

    def end(self, reason: str) -> None:
        self.flush()
        self._write(End(ts=time.time(), reason=reason))

    def _write(self, row: AnyRow) -> None:
        self._out.write(msgspec.json.encode(row) + b"\n")
        self._out.flush()
