"""The load's report: JSON Lines rows, and the counts of any span of time.

`sent` counts requests by their start, everything else by their end. Times are seconds of the wall clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

SCHEMA = "l9.load/1"
# Upper bounds of the latency histogram, in milliseconds; the last class has none.
BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
# A request that starts later than this is late; with more than 1 % late requests the figures are invalid.
LATE_SECONDS = 0.05
LATE_SHARE = 0.01

Traffic = Literal["keepalive_get", "keepalive_post", "new_connection", "slow", "websocket", "sse"]
Kind = Literal["transport", "status_5xx", "status_unexpected", "stream"]


class Row(msgspec.Struct, frozen=True, tag_field="row", tag=str.lower, omit_defaults=True):
    """One line of the report."""

    ts: float


class Start(Row, frozen=True):
    schema: str
    url: str
    rate: float
    pid: int


class Bucket(Row, frozen=True):
    """The counts of `seconds` from ts on.

    latency_*: seconds from the scheduled time, of good quick requests; latency: their histogram by BOUNDS_MS.
    lag_*: delays of requests' starts, in seconds; late: the number of those beyond LATE_SECONDS.
    skipped: requests not started because too many were in flight. unlisted: failures not listed, by kind.
    """

    seconds: float
    sent: int = 0
    ok: dict[str, int] = {}
    releases: dict[str, int] = {}
    slots: dict[str, int] = {}
    latency_sum: float = 0.0
    latency_max: float = 0.0
    latency: list[int] = []
    lag_sum: float = 0.0
    lag_max: float = 0.0
    late: int = 0
    skipped: int = 0
    echoes: int = 0
    events: int = 0
    in_flight: int = 0
    unlisted: dict[str, int] = {}


class Failure(Row, frozen=True):
    """A failed request. ts: the time of its failure; scheduled: the time it should have started."""

    scheduled: float
    traffic: Traffic
    kind: Kind
    method: str
    path: str
    status: int = 0
    error: str = ""
    slot: str = ""
    release: str = ""


class Reconnected(Row, frozen=True):
    """A stream that the server closed normally, reconnected after gap seconds. code: that of the close frame."""

    traffic: Traffic
    code: int
    gap: float


class Mark(Row, frozen=True):
    label: str


class End(Row, frozen=True):
    reason: str


AnyRow = Start | Bucket | Failure | Reconnected | Mark | End
_DECODER = msgspec.json.Decoder(AnyRow)


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of a span. releases, slots: answers, good or bad, by the value of their headers."""

    sent: int
    ok: int
    failures: tuple[Failure, ...]
    by_kind: Mapping[str, int]
    by_traffic: Mapping[str, int]
    paths_5xx: Mapping[str, int]
    releases: Mapping[str, int]
    slots: Mapping[str, int]
    reconnected: int
    echoes: int
    events: int
    latency_mean: float
    latency_max: float
    latency: tuple[int, ...]
    lag_mean: float
    lag_max: float
    late: int
    skipped: int

    @property
    def failed(self) -> int:
        return sum(self.by_kind.values())

    @property
    def is_late(self) -> bool:
        """True if the generator could not keep its schedule, which makes the figures invalid."""
        return self.skipped > 0 or self.late > LATE_SHARE * self.sent

    def percentile(self, share: float) -> float:
        """Return the upper bound, in seconds, of the histogram class of that percentile; 0 without answers."""
        wanted, total = share * sum(self.latency), 0
        for bound, count in zip((*BOUNDS_MS, None), self.latency, strict=False):
            total += count
            if count and total >= wanted:
                return self.latency_max if bound is None else min(bound / 1000, self.latency_max)
        return 0.0


@dataclass(frozen=True, slots=True)
class LoadReport:
    """All rows so far; `end` is None while the load runs, or if it was killed."""

    start: Start | None = None
    buckets: tuple[Bucket, ...] = ()
    failures: tuple[Failure, ...] = ()
    reconnects: tuple[Reconnected, ...] = ()
    marks: tuple[Mark, ...] = ()
    end: End | None = None

    @classmethod
    def of(cls, rows: Iterable[AnyRow]) -> LoadReport:
        rows = tuple(rows)
        return cls(
            start=next((row for row in rows if isinstance(row, Start)), None),
            buckets=tuple(row for row in rows if isinstance(row, Bucket)),
            failures=tuple(row for row in rows if isinstance(row, Failure)),
            reconnects=tuple(row for row in rows if isinstance(row, Reconnected)),
            marks=tuple(row for row in rows if isinstance(row, Mark)),
            end=next((row for row in rows if isinstance(row, End)), None),
        )

    @classmethod
    def read(cls, path: Path) -> LoadReport:
        """Read a report file, without an incomplete last line. Raises OSError, msgspec.MsgspecError."""
        return cls.of(Tail(path).rows())

    def between(self, since: float = 0.0, until: float = float("inf")) -> Counts:
        """Return the counts of [since, until): exact for failures, to a tenth of a second (or a mark) otherwise."""
        buckets = [row for row in self.buckets if since <= row.ts < until]
        failures = tuple(row for row in self.failures if since <= row.ts < until)
        ok, releases, slots = Counter[str](), Counter[str](), Counter[str]()
        by_kind = Counter[str](row.kind for row in failures)
        latency = [0] * (len(BOUNDS_MS) + 1)
        for row in buckets:
            ok.update(row.ok)
            releases.update(row.releases)
            slots.update(row.slots)
            by_kind.update(row.unlisted)
            for index, count in enumerate(row.latency):
                latency[index] += count
        sent = sum(row.sent for row in buckets)
        return Counts(
            sent=sent,
            ok=sum(ok.values()),
            failures=failures,
            by_kind=dict(by_kind),
            by_traffic=dict(ok),
            paths_5xx=dict(Counter(row.path for row in failures if row.kind == "status_5xx")),
            releases=dict(releases),
            slots=dict(slots),
            reconnected=sum(since <= row.ts < until for row in self.reconnects),
            echoes=sum(row.echoes for row in buckets),
            events=sum(row.events for row in buckets),
            latency_mean=sum(row.latency_sum for row in buckets) / max(sum(latency), 1),
            latency_max=max((row.latency_max for row in buckets), default=0.0),
            latency=tuple(latency),
            lag_mean=sum(row.lag_sum for row in buckets) / max(sent, 1),
            lag_max=max((row.lag_max for row in buckets), default=0.0),
            late=sum(row.late for row in buckets),
            skipped=sum(row.skipped for row in buckets),
        )

    def total(self) -> Counts:
        return self.between()

    def marked(self, label: str) -> float:
        """Return the time of the last mark with that label. Raises KeyError."""
        for mark in reversed(self.marks):
            if mark.label == label:
                return mark.ts
        raise KeyError(label)


@dataclass(slots=True)
class Tail:
    """Reads the rows of a growing report; each call parses only new lines."""

    path: Path
    _offset: int = 0
    _rows: list[AnyRow] = field(default_factory=list)

    def rows(self) -> tuple[AnyRow, ...]:
        with self.path.open("rb") as report:
            report.seek(self._offset)
            added = report.read()
        whole = added[: added.rfind(b"\n") + 1]
        self._rows += [_DECODER.decode(line) for line in whole.splitlines()]
        self._offset += len(whole)
        return tuple(self._rows)
