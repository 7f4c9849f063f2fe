from __future__ import annotations

import io
import time

import pytest

from l9.demo import load_record
from l9.demo.load_record import Recorder
from l9.demo.load_report import Bucket, End, Failure, LoadReport, Mark, Reconnected, Start, Tail


def failure(ts: float, kind: str = "transport", path: str = "/health") -> Failure:
    return Failure(ts=ts, scheduled=ts - 1, traffic="keepalive_get", kind=kind, method="GET", path=path)


def test_between_counts_the_span_and_nothing_else():
    report = LoadReport(
        buckets=(
            Bucket(ts=10.0, seconds=0.1, sent=5, ok={"slow": 1}, releases={"a": 1}, latency=[0] * 14),
            Bucket(
                ts=10.1, seconds=0.1, sent=4, ok={"keepalive_get": 3}, releases={"a": 1, "b": 2}, echoes=2
            ),
            Bucket(ts=10.2, seconds=0.1, sent=1, ok={"keepalive_get": 9}, releases={"b": 9}),
        ),
        failures=(failure(10.05), failure(10.15, "status_5xx", "/x"), failure(10.25)),
        reconnects=(Reconnected(ts=10.12, traffic="sse", code=0, gap=0.1),),
    )
    counts = report.between(10.1, 10.2)
    assert (counts.sent, counts.ok, counts.failed, counts.echoes, counts.reconnected) == (4, 3, 1, 2, 1)
    assert counts.releases == {"a": 1, "b": 2}
    assert counts.paths_5xx == {"/x": 1}
    assert report.total().failed == 3
    assert report.total().ok == 13


def test_an_empty_report_counts_nothing():
    total = LoadReport().total()
    assert (total.sent, total.failed, total.latency_mean, total.percentile(0.99)) == (0, 0, 0, 0)
    assert not total.is_late


@pytest.mark.parametrize(
    ("late", "skipped", "expected"), [(1, 0, False), (2, 0, True), (0, 1, True)], ids=["1%", "2%", "skipped"]
)
def test_a_late_generator_says_so(late, skipped, expected):
    report = LoadReport(buckets=(Bucket(ts=1, seconds=0.1, sent=100, late=late, skipped=skipped),))
    assert report.total().is_late is expected


def test_percentiles_are_bounds_of_classes():
    latency = [0] * 14
    latency[2], latency[6], latency[13] = 98, 1, 1
    report = LoadReport(buckets=(Bucket(ts=1, seconds=0.1, latency=latency, latency_max=12.5),))
    total = report.total()
    assert (total.percentile(0.5), total.percentile(0.99), total.percentile(1.0)) == (0.005, 0.1, 12.5)


def test_a_report_is_read_while_it_grows_and_torn_lines_wait(tmp_path):
    path = tmp_path / "r"
    with path.open("wb") as out:
        recorder = Recorder(out, url="http://h", rate=1)
        recorder.sent(0.06)
        recorder.answered("green", "v1")
        recorder.ok("keepalive_get", 0.003)
        recorder.mark("step", 5.0)
        tail = Tail(path)
        first = LoadReport.of(tail.rows())
        recorder.reconnected("websocket", 1012, 0.1)
        recorder.end("SIGTERM")
    assert first.marks == (Mark(ts=5.0, label="step"),)
    assert first.total().late == 1
    assert first.end is None
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert LoadReport.of(tail.rows()).end is None
    path.write_bytes(whole)
    read = LoadReport.of(tail.rows())
    assert read == LoadReport.read(path)
    assert isinstance(read.start, Start)
    assert isinstance(read.end, End)
    assert read.marked("step") == 5.0
    with pytest.raises(KeyError):
        read.marked("other")
    counts = read.total()
    assert (counts.slots, counts.releases, counts.latency[2]) == ({"green": 1}, {"v1": 1}, 1)


def test_failures_beyond_the_limit_are_still_counted(monkeypatch, tmp_path):
    monkeypatch.setattr(load_record, "MOST_FAILURES", 2)
    out = io.BytesIO()
    recorder = Recorder(out, url="http://h", rate=1)
    for _ in range(5):
        recorder.failed("slow", "transport", method="GET", path="/slow", waited=1.0)
    recorder.skipped()
    recorder.end("SIGTERM")
    path = tmp_path / "r"
    path.write_bytes(out.getvalue())
    total = LoadReport.read(path).total()
    assert (total.failed, len(total.failures), total.skipped) == (5, 2, 1)
    assert total.failures[0].ts - total.failures[0].scheduled == pytest.approx(1.0)
    assert abs(total.failures[0].ts - time.time()) < 5
