from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from l9.demo.child import PartError
from l9.demo.load import Load
from l9.demo.load_plan import API_KEY_VARIABLE, Plan, parse
from l9.demo.load_report import LoadReport


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def load(url: str, tmp_path: Path, rate: float = 100, **more: object) -> Load:
    return Load(url, rate, tmp_path / "load.jsonl", **more)


def quiet(url: str, tmp_path: Path, **more: object) -> Load:
    """Only what the test is about: no streams, hardly a slow request."""
    return load(
        url, tmp_path, **{"websockets": 0, "streams": 0, "slow_rate": 0.01, "slow_path": "/slow", **more}
    )


def test_all_kinds_of_traffic_at_three_hundred_a_second(upstream, tmp_path):
    with load(upstream.url, tmp_path, rate=300, api_key="secret", websockets=2, streams=2) as running:
        pid = running.pid
        time.sleep(2.6)
        assert running.snapshot().total().ok > 500
        began = time.monotonic()
        report = running.stop()
    total = report.total()
    assert time.monotonic() - began < 3.5
    assert pid is not None
    assert not is_alive(pid)
    assert total.failed == 0, total.failures[:3]
    assert set(total.by_traffic) == {"keepalive_get", "keepalive_post", "new_connection", "slow"}
    assert total.sent == total.ok > 600
    assert total.by_traffic["slow"] >= 8, "those in flight at the stop are counted"
    assert total.echoes > 10
    assert total.events > 50
    assert total.releases == {"v0.5.0-l9": total.ok + 2}, "the two streams name theirs as well"
    assert total.slots == {"blue": total.ok + 2}
    assert 0 < total.latency_mean <= total.latency_max
    assert 0 <= total.lag_mean <= total.lag_max
    assert total.percentile(0.5) <= total.percentile(0.99) <= total.latency_max
    assert report.end is not None
    assert report.end.reason == "SIGTERM"
    assert upstream.bearers == {"", "Bearer secret"}


def test_the_key_is_in_no_command_line_and_in_no_file(upstream, tmp_path):
    with quiet(upstream.url, tmp_path, api_key="secret-key") as running:
        arguments = Path(f"/proc/{running.pid}/cmdline").read_text()
    assert "secret-key" not in arguments
    assert API_KEY_VARIABLE in arguments
    assert all("secret-key" not in path.read_text() for path in tmp_path.iterdir())


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_kept_alive_connection_that_breaks_is_a_failure_and_is_not_retried(background, tmp_path, reset):
    """The server answers the first request of each connection, and closes without an answer to the second."""
    swallowed = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal swallowed
        for turn in range(2):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = [
                    line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
                ]
                if lengths:
                    await reader.readexactly(int(lengths[0].split(b":")[1]))
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            if turn:
                swallowed += 1
                if reset:
                    linger = struct.pack("ii", 1, 0)
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                break
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
        writer.close()

    server = background.run(asyncio.start_server(serve, "127.0.0.1", 0))
    with quiet(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", tmp_path) as running:
        time.sleep(1.0)
        total = running.stop().total()
    server.close()
    assert swallowed > 20
    assert total.by_kind == {"transport": swallowed}
    assert {failure.traffic for failure in total.failures} == {"keepalive_get", "keepalive_post"}
    assert total.sent == total.ok + total.failed


def test_no_server_at_all_is_a_failure_of_transport(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with load(f"http://127.0.0.1:{unused.getsockname()[1]}", tmp_path) as running:
            time.sleep(0.5)
            total = running.stop().total()
    assert total.ok == 0
    assert total.by_kind["transport"] > 20
    assert total.by_kind["stream"] == 2
    assert "ClientConnectorError" in total.failures[0].error


def test_answers_of_500_are_counted_apart_and_name_their_release(upstream, tmp_path):
    upstream.status["/memory/packet"] = 500
    with load(upstream.url, tmp_path) as running:
        time.sleep(0.6)
        total = running.stop().total()
    assert set(total.by_kind) == {"status_5xx"}
    assert total.paths_5xx == {"/memory/packet": total.failed}
    assert {(row.status, row.slot, row.release) for row in total.failures} == {(500, "blue", "v0.5.0-l9")}
    assert set(total.by_traffic) == {"keepalive_get", "new_connection", "slow"}


def test_an_unexpected_status_is_a_failure_of_its_own(upstream, tmp_path):
    upstream.status.update({"/health": 404, "/memory/packet": 302})
    with quiet(upstream.url, tmp_path) as running:
        time.sleep(0.4)
        total = running.stop().total()
    assert set(total.by_kind) == {"status_unexpected"}
    assert {row.status for row in total.failures} == {404, 302}


def test_a_request_that_never_ends_is_a_failure_when_the_load_stops(upstream, tmp_path):
    with load(upstream.url, tmp_path, slow_path="/slow?seconds=60", slow_seconds=0.2) as running:
        time.sleep(0.5)
        total = running.stop().total()
    assert total.by_kind["transport"] == 2
    assert {row.error for row in total.failures} == {"unfinished 0.9 s after the load's end"}


def test_open_loop_a_server_that_hangs_does_not_slow_the_schedule(upstream, tmp_path):
    with quiet(upstream.url, tmp_path, get_path="/health?seconds=0.7") as running:
        time.sleep(1.5)
        total = running.stop().total()
    assert total.sent >= 130, "a closed loop would have sent some ten"
    assert total.failed == 0
    assert total.latency_max > 0.7


def test_marks_attribute_failures_to_steps(upstream, tmp_path):
    with quiet(upstream.url, tmp_path) as running:
        running.mark("good")
        time.sleep(0.5)
        upstream.status["/health"] = 503
        bad = running.mark("bad")
        time.sleep(0.5)
        upstream.status.clear()
        good = running.mark("good again")
        time.sleep(0.5)
        report = running.stop()
    assert report.between(report.marked("good"), bad).failed <= 1, "one may be under way at the mark"
    assert report.between(bad, good).failed > 20
    assert report.between(good).failed <= 1
    assert report.marked("bad") == bad


@pytest.mark.parametrize("code", [1001, 1012])
def test_a_websocket_that_is_sent_away_and_comes_back_is_no_failure(upstream, tmp_path, eventually, code):
    with quiet(upstream.url, tmp_path, websockets=1) as running:
        eventually(lambda: running.snapshot().total().echoes > 2)
        upstream.close_websockets(code)
        echoes = running.snapshot().total().echoes
        eventually(lambda: running.snapshot().total().echoes > echoes + 3)
        report = running.stop()
    assert report.total().failed == 0
    assert [row.code for row in report.reconnects] == [code]
    assert 0 <= report.reconnects[0].gap < 1


def test_a_websocket_that_is_closed_with_an_error_or_cut_is_a_failure(upstream, tmp_path, eventually):
    with quiet(upstream.url, tmp_path, websockets=1) as running:
        eventually(lambda: running.snapshot().total().echoes)
        upstream.close_websockets(1011)
        eventually(lambda: running.snapshot().total().failed == 1)
        eventually(lambda: upstream._sockets)
        upstream.drop_websockets()
        eventually(lambda: running.snapshot().total().failed == 2)
        report = running.stop()
    assert [row.kind for row in report.failures] == ["stream", "stream"]
    assert "code 1011" in report.failures[0].error
    assert "without a close frame" in report.failures[1].error
    assert report.reconnects == ()


def test_a_websocket_that_cannot_come_back_is_a_failure(upstream, tmp_path, eventually):
    with quiet(upstream.url, tmp_path, websockets=1) as running:
        eventually(lambda: running.snapshot().total().echoes)
        upstream.status["/ws"] = 502
        upstream.close_websockets(1012)
        eventually(lambda: running.snapshot().total().failed)
        report = running.stop()
    assert (report.failures[0].traffic, report.failures[0].status) == ("websocket", 502)
    assert report.reconnects == ()


def test_a_message_without_its_echo_is_a_failure(upstream, tmp_path, eventually):
    upstream.echoing = False
    with quiet(upstream.url, tmp_path, websockets=1) as running:
        eventually(lambda: running.snapshot().total().failed, seconds=8)
        report = running.stop()
    assert "no echo within 5 s" in report.failures[0].error


def test_an_event_stream_that_ends_and_comes_back_is_no_failure(upstream, tmp_path, eventually):
    with quiet(upstream.url, tmp_path, streams=1) as running:
        eventually(lambda: running.snapshot().total().events > 3)
        upstream.end_streams()
        eventually(lambda: running.snapshot().reconnects)
        upstream.status["/events"] = 500
        upstream.end_streams()
        eventually(lambda: running.snapshot().failures)
        report = running.stop()
    assert [row.traffic for row in report.reconnects] == ["sse"]
    assert {(row.traffic, row.kind, row.status) for row in report.failures} == {("sse", "stream", 500)}


def test_the_load_ends_with_its_parent(upstream, tmp_path, eventually):
    script = (
        "import sys, time; from pathlib import Path; from l9.demo.load import Load\n"
        f"load = Load({upstream.url!r}, 50, Path({str(tmp_path / 'load.jsonl')!r}))\n"
        "load.start(); print(load.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        os.kill(parent.pid, signal.SIGKILL)
    eventually(lambda: not is_alive(pid), seconds=5)
    assert LoadReport.read(tmp_path / "load.jsonl").end is not None


def test_the_load_ends_by_itself_and_as_a_command(upstream, tmp_path):
    report = tmp_path / "load.jsonl"
    argv = ["-m", "l9.demo.load", "--url", upstream.url, "--rate", "50", "--report", str(report)]
    argv += ["--seconds", "0.5", "--api-key-env", "MY_KEY", "--host", "app.example"]
    done = subprocess.run([sys.executable, *argv], env={**os.environ, "MY_KEY": "k"}, timeout=20, check=False)
    assert done.returncode == 0
    read = LoadReport.read(report)
    assert read.end is not None
    assert read.end.reason == "0.5 s elapsed"
    assert read.total().failed == 0
    assert "Bearer k" in upstream.bearers


def test_a_load_that_cannot_write_its_report_says_why(upstream, tmp_path):
    (tmp_path / "load.jsonl").mkdir()
    running = quiet(upstream.url, tmp_path)
    with pytest.raises(PartError, match="cannot be written") as caught:
        running.start()
    assert "load.jsonl" in caught.value.expected
    assert running.pid is None


def test_a_generator_that_fails_at_its_start_shows_its_log(upstream, tmp_path):
    running = load(upstream.url, tmp_path, rate=-1)
    with pytest.raises(PartError, match="did not start") as caught:
        running.start()
    assert caught.value.found == "exit code 2"
    assert "expected more than 0" in caught.value.log[-1]
    assert running.pid is None


def test_a_load_that_was_killed_is_seen_as_unfinished(upstream, tmp_path, eventually):
    with quiet(upstream.url, tmp_path) as running:
        assert running.pid is not None
        os.kill(running.pid, signal.SIGKILL)
        eventually(lambda: running.pid is None)
        with pytest.raises(PartError, match="ended unexpectedly") as caught:
            running.mark("step")
    assert caught.value.found == "exit code -9"
    assert running.snapshot().end is None


def test_a_load_that_was_not_started_cannot_be_marked(tmp_path):
    with pytest.raises(PartError, match="no load to mark"):
        quiet("http://h", tmp_path).mark("step")


def test_a_plan_survives_its_own_command_line(tmp_path):
    plan = Plan("http://h", tmp_path / "r", rate=7.5, host="x", api_key="k", probe=False, websockets=3)
    assert parse((*plan.argv(), "--control"), {API_KEY_VARIABLE: "k"}) == (plan, True)
    assert "api_key" not in repr(plan)


@pytest.mark.parametrize(
    "argv",
    [["--rate", "0"], ["--seconds", "-1"], ["--api-key-env", "UNSET"], ["--nonsense"], ["--rate", "x"]],
)
def test_wrong_arguments_are_refused(argv, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(["--url", "http://h", "--report", "r", *argv], {})
    assert caught.value.code == 2
    assert capsys.readouterr().err
