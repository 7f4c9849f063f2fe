"""The whole path under load, on real parts: each case asserts failed requests, live slots, journal and exit code.

`test_on_processes.py` and `test_on_a_host.py` run all of them, each on its own kind of place, one after the other:
what is live when a case begins is what the one before it left, as on a server that lives on.
"""

from __future__ import annotations

import contextlib
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.kept import Kept
from e2e.place import (
    Deploying,
    Place,
    deploy,
    l9,
    l9_json,
    last_body,
    live_release,
    load,
    next_release,
    unexcused,
)
from l9.configuration import load as load_config
from l9.core.states import Slot, State
from l9.demo import backend
from l9.drivers.caddy.site import FLAG

__all__ = (
    "live",
    "place",
    "test_agent_killed_after_the_switch",
    "test_agent_killed_in_mid_deploy",
    "test_bad_last_line_is_set_aside_and_changes_no_exit_code",
    "test_caddy_reloaded_and_restarted_keeps_the_colour",
    "test_flag_flipped_in_the_bake_is_no_success",
    "test_flag_flipped_to_a_standby_is_seen_and_mended",
    "test_journal_from_a_backup_is_noticed",
    "test_link_cut_in_mid_deploy",
    "test_readiness_before_and_after",
    "test_release_that_breaks_after_the_switch_is_rolled_back",
    "test_resume_after_a_fail_state_finishes_the_run",
    "test_rollback_is_watched_and_says_that_it_is_sick",
    "test_rollback_needs_no_env_file",
    "test_rollback_warm_then_cold",
    "test_second_deploy_without_a_failed_request",
    "test_torn_journal_changes_no_exit_code",
    "test_traceback_in_the_log_closes_the_gate",
    "test_two_deploys_at_once",
    "test_unhealthy_release_is_refused",
    "test_user_past_the_router_is_answered_before_the_old_slot_stops",
)

# Long enough on the host for another deploy to come to it meanwhile.
SLOW_TO_START = 'if "L9_SLOT" in os.environ:\n    import time\n\n    time.sleep(4)\n'
BAKED = ("gate-opened", State.BAKE)
# A client of the port argv[1] with one connection, past the router; after a line on standard input it asks slowly.
PAST_THE_ROUTER = """
import http.client, select, sys
link = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
def ask(path):
    link.request("GET", path)
    answer = link.getresponse()
    answer.read()
    return answer.status
print(ask("/version"), flush=True)
while not select.select([sys.stdin], [], [], 0.2)[0]:
    ask("/version")
print(ask("/slow?seconds=1"), flush=True)
"""
# Well until somebody asks for /break, and again once /mend was asked for.
BREAKS_WHEN_ASKED = """

_broken = []


@app.middleware("http")
async def _breaks(request, call_next):
    if request.url.path == "/break":  # pragma: no cover
        _broken.append(1)
    if request.url.path == "/mend":  # pragma: no cover
        _broken.clear()
    if _broken:  # pragma: no cover
        return JSONResponse({"status": "unhealthy", "error": "out of order"}, 503)
    return await call_next(request)
"""


@pytest.fixture
def place(kept: Kept, request: pytest.FixtureRequest) -> Iterator[Place]:
    """Yield the place as the case before left it; a place that a failed case leaves is thrown away."""
    failed = request.session.testsfailed
    yield kept.place()
    if request.session.testsfailed > failed:
        kept.abandon()


@pytest.fixture
def live(place: Place) -> Place:
    """A place where a good release is live."""
    if live_release(place) is None:
        assert deploy(place, next_release(place))["outcome"] == State.SUCCESS
    return place


def ask(place: Place, path: str) -> None:
    """Send one request through the public route, whatever the answer."""
    with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(place.url + path, timeout=10):
        pass


def settled(place: Place, tag: str | None, outcome: State, exit_code: int) -> None:
    """The journal's end, the status and the slots all say the same."""
    end = last_body(place)
    assert (end["event"], end["outcome"], end["exit_code"]) == ("run-finished", outcome, exit_code)
    status = l9_json(place, "status")
    assert status["live"]["release"] == tag
    assert place.running_slots() == [status["live"]["slot"]]
    assert status["lock"] is None


def test_second_deploy_without_a_failed_request(live: Place, tmp_path: Path) -> None:
    before, new = live_release(live), next_release(live)
    with load(live, tmp_path) as generator:
        result = deploy(live, new)
    report = generator.stop()
    assert (result["outcome"], result["exit_code"], result["standby"]) == (State.SUCCESS, 0, before), result
    assert unexcused(report) == []
    assert report.total().ok > 100
    entries = l9_json(live, "explain")["entries"]
    (baked,) = (e["body"] for e in entries if (e["body"]["event"], e["body"].get("gate")) == BAKED)
    found = {e["invariant"]: e["found"] for e in baked["evidence"]}
    assert re.fullmatch(r"[\d.]+ s, \d{2,} answers, 0 errors", found["host.few-server-errors"]), found
    settled(live, new, State.SUCCESS, 0)


def test_readiness_before_and_after(kept: Kept, place: Place) -> None:
    kept.drop()
    place = kept.place()  # where nothing is deployed
    new = next_release(place)
    before = {line["title"]: line["verdict"] for line in l9_json(place, "ready")["lines"]}
    assert len(before) == 8
    assert before["Health: the endpoint answers as expected"] == "pending"
    assert set(before.values()) == {"pass", "pending"}
    assert deploy(place, new)["outcome"] == State.SUCCESS
    after = l9_json(place, "ready")
    assert after["ready"]
    assert {line["verdict"] for line in after["lines"]} == {"pass"}, after
    host = l9_json(place, "check", "--substrate", "host")["invariants"]
    verdicts = {one["id"]: one["verdict"] for one in host}
    assert verdicts.pop("host.drift-watched") == "fail"  # the timer has not looked yet
    assert set(verdicts.values()) == {"pass"}, host


def test_unhealthy_release_is_refused(live: Place, tmp_path: Path) -> None:
    good, bad = live_release(live), next_release(live, backend.NEVER_HEALTHY)
    with load(live, tmp_path) as generator:
        result = deploy(live, bad)
    assert (result["outcome"], result["exit_code"]) == (State.REFUSED, 3), result
    assert unexcused(generator.stop()) == []
    settled(live, good, State.REFUSED, 3)
    told = l9(live, "explain", bad).stdout
    assert "DEADLINE" in told
    assert "memory_packet_v2" in told or "503" in told


def test_release_that_breaks_after_the_switch_is_rolled_back(live: Place, tmp_path: Path) -> None:
    good, bad = live_release(live), next_release(live, backend.BREAKS_AFTER_THE_SWITCH)
    with load(live, tmp_path) as generator:
        result = deploy(live, bad)
    assert (result["outcome"], result["exit_code"]) == (State.ROLLED_BACK, 4), result
    assert result["closed"]["gate"] == State.BAKE
    report = generator.stop()
    bad_slot = l9_json(live, "explain", bad)["entries"][0]["body"]["new"]
    assert unexcused(report, bad_slot) == []
    settled(live, good, State.ROLLED_BACK, 4)


def test_user_past_the_router_is_answered_before_the_old_slot_stops(live: Place) -> None:
    """The router knows nothing of a request that does not come through it."""
    old, new = l9_json(live, "status")["live"], next_release(live)
    ports = load_config(live.work).target.ports
    user = live.on_server("python3", "-c", PAST_THE_ROUTER, str(getattr(ports, old["slot"])))
    assert user.stdout is not None
    assert user.stdout.readline() == "200\n"
    running = Deploying(live, "deploy", new)
    running.until(State.BAKE)
    out, _ = user.communicate("now\n", timeout=30)
    code, result = running.end()
    assert (out, code, result["outcome"]) == ("200\n", 0, State.SUCCESS), result
    assert result["standby"] == old["release"]
    settled(live, new, State.SUCCESS, 0)


def test_traceback_in_the_log_closes_the_gate(live: Place, tmp_path: Path) -> None:
    good, bad = live_release(live), next_release(live, backend.TRACEBACK_IN_LOG)
    with load(live, tmp_path) as generator:
        result = deploy(live, bad)
    assert (result["outcome"], result["exit_code"]) == (State.REFUSED, 3), result
    assert any(f["invariant"] == "host.logs-clean" for f in result["closed"]["findings"])
    assert "KeyError" in str(result["closed"]["findings"])
    assert unexcused(generator.stop()) == []
    settled(live, good, State.REFUSED, 3)


def test_rollback_warm_then_cold(live: Place, tmp_path: Path) -> None:
    before, new = live_release(live), next_release(live)
    assert deploy(live, new)["exit_code"] == 0
    with load(live, tmp_path) as generator:
        warm = l9_json(live, "rollback")
        assert (warm["outcome"], warm["live"], warm["exit_code"]) == (State.SUCCESS, before, 0)
        bad = next_release(live, backend.TRACEBACK_IN_LOG)
        assert deploy(live, bad)["exit_code"] == 3  # its slot was the new one's, which stands stopped again
        cold = l9_json(live, "rollback", new)
        assert (cold["outcome"], cold["live"], cold["exit_code"]) == (State.SUCCESS, new, 0)
    assert unexcused(generator.stop()) == []
    settled(live, new, State.SUCCESS, 0)


def test_rollback_is_watched_and_says_that_it_is_sick(live: Place) -> None:
    old, new = next_release(live, BREAKS_WHEN_ASKED), next_release(live)
    assert deploy(live, old)["exit_code"] == 0
    assert deploy(live, new)["exit_code"] == 0
    running = Deploying(live, "rollback")
    running.until(State.PROOF)
    ask(live, "/break")
    code, sick = running.end()
    assert (code, sick["outcome"], sick["live"], sick["standby"]) == (5, State.FAIL_STATE, old, new), sick
    assert sick["closed"] is None
    assert (sick["watched"]["verdict"], "status 503" in sick["watched"]["found"]) == ("fail", True), sick
    settled(live, old, State.FAIL_STATE, 5)  # and it was not left again
    status = l9(live, "status").stdout
    assert "not healthy after the rollback" in status
    assert "status 503" in l9(live, "explain").stdout
    assert l9_json(live, "resume")["outcome"] == State.FAIL_STATE
    ask(live, "/mend")
    well = l9(live, "resume")
    assert (well.returncode, "none failed" in well.stderr) == (0, True), well.stdout + well.stderr
    settled(live, old, State.SUCCESS, 0)
    assert l9_json(live, "resume")["resumed"] is False


def test_resume_after_a_fail_state_finishes_the_run(live: Place) -> None:
    before, new = live_release(live), next_release(live)
    record = live.journal().parent.parent / ".deployed-tag"
    record.unlink()
    record.mkdir()  # so that the record cannot be written
    try:
        stuck = deploy(live, new)
        assert (stuck["outcome"], stuck["exit_code"], stuck["live"]) == (State.FAIL_STATE, 5, new), stuck
        assert stuck["closed"]["gate"] == State.CLEANUP
        assert l9_json(live, "resume")["outcome"] == State.FAIL_STATE
    finally:
        record.rmdir()
    done = l9(live, "resume")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{new} is live" in done.stdout + done.stderr
    assert "FAIL-STATE" not in (done.stdout + done.stderr).splitlines()[-1]
    again = l9_json(live, "resume")
    assert again["resumed"] is False
    assert l9(live, "drift").returncode == 0
    assert l9_json(live, "status")["standby"]["release"] == before
    settled(live, new, State.SUCCESS, 0)


def test_rollback_needs_no_env_file(live: Place) -> None:
    """It starts and probes the release with the environment that was kept for it."""
    before, new = live_release(live), next_release(live)
    assert deploy(live, new)["exit_code"] == 0
    file = live.journal().parent.parent / ".env"
    text = file.read_text(encoding="utf-8")
    file.unlink()
    try:
        back = l9_json(live, "rollback")
        assert (back["outcome"], back["live"]) == (State.SUCCESS, before), back
    finally:
        file.write_text(text, encoding="utf-8")
        file.chmod(0o600)


def test_torn_journal_changes_no_exit_code(live: Place) -> None:
    """A line that a crash left incomplete is cut off; whoever follows the run still sees all of it."""
    new = next_release(live)
    with live.journal().open("ab") as file:
        file.write(b'{"seq":' + b"7" * 3000)
    result = deploy(live, new)
    assert (result["outcome"], result["exit_code"], result["live"]) == (State.SUCCESS, 0, new)
    settled(live, new, State.SUCCESS, 0)


def test_bad_last_line_is_set_aside_and_changes_no_exit_code(live: Place) -> None:
    """A line that is complete and no entry: who reads does not see it, and the next run moves it away."""
    new, bad = next_release(live), b"echo done >> journal.jsonl\n"
    with live.journal().open("ab") as file:
        file.write(bad)
    for command in ("status", "drift", "explain", "history"):
        assert l9(live, command).returncode == 0, command
    assert l9(live, "history", "--verify").returncode == 5
    result = deploy(live, new)
    assert (result["outcome"], result["exit_code"], result["live"]) == (State.SUCCESS, 0, new)
    assert l9(live, "history", "--verify").returncode == 0
    (aside,) = live.journal().parent.glob("journal.jsonl.set-aside-*")
    assert aside.read_bytes() == bad
    aside.unlink()
    settled(live, new, State.SUCCESS, 0)


def test_journal_from_a_backup_is_noticed(live: Place) -> None:
    before = live.journal().read_bytes()
    new = next_release(live)
    assert deploy(live, new)["exit_code"] == 0
    live.journal().write_bytes(before)
    drift = l9(live, "drift")
    assert (drift.returncode, "no such run" in drift.stdout) == (7, True), drift.stdout
    resume = l9(live, "resume")
    assert (resume.returncode, "restored from a backup" in resume.stderr) == (5, True), resume.stderr
    assert live_release(live) == new
    newer = next_release(live)
    assert deploy(live, newer)["exit_code"] == 0
    assert l9(live, "drift").returncode == 0
    settled(live, newer, State.SUCCESS, 0)


def test_link_cut_in_mid_deploy(live: Place, tmp_path: Path) -> None:
    new = next_release(live)
    running = Deploying(live, "deploy", new)
    running.until(State.BLUE_GREEN_LAUNCH)
    live.cut_link()
    running.kill()
    time.sleep(1.0)
    live.mend_link()
    with load(live, tmp_path) as generator:
        resumed = l9_json(live, "resume")
        assert resumed.get("live", new) == new  # attached to it, or came after its end
    assert unexcused(generator.stop()) == []
    settled(live, new, State.SUCCESS, 0)


def test_agent_killed_in_mid_deploy(live: Place, tmp_path: Path) -> None:
    new = next_release(live)
    with load(live, tmp_path) as generator:
        running = Deploying(live, "deploy", new)
        running.until(State.BLUE_GREEN_LAUNCH)
        live.kill_worker()
        code, error = running.end()
        assert (code, error["code"]) == (130, "INTERRUPTED")
        assert l9_json(live, "status")["run"]["state"] == "interrupted"
        assert deploy(live, new)["outcome"] == State.SUCCESS  # the next command recovers and finishes
    assert unexcused(generator.stop()) == []
    settled(live, new, State.SUCCESS, 0)


def test_agent_killed_after_the_switch(live: Place, tmp_path: Path) -> None:
    new = next_release(live)
    with load(live, tmp_path) as generator:
        running = Deploying(live, "deploy", new)
        running.until(State.ROUTE_TRAFFIC)
        live.kill_worker()
        assert running.end()[0] == 130
        assert l9_json(live, "resume")["outcome"] == State.SUCCESS
    assert unexcused(generator.stop()) == []
    settled(live, new, State.SUCCESS, 0)


def test_caddy_reloaded_and_restarted_keeps_the_colour(live: Place) -> None:
    if l9_json(live, "status")["live"]["slot"] == Slot.BLUE:
        assert deploy(live, next_release(live))["exit_code"] == 0  # blue is what an absent flag means
    before = l9_json(live, "status")["live"]
    live.reload_caddy()
    live.kill_caddy()
    live.start_caddy()
    assert l9_json(live, "status")["live"] == before
    assert l9(live, "drift").returncode == 0


def flip_flag(place: Place) -> None:
    """Somebody moves the flag by hand, as a script of theirs may do."""
    flag = place.journal().parent / "route" / FLAG
    if flag.exists():
        flag.unlink()
    else:
        flag.touch()


def test_flag_flipped_to_a_standby_is_seen_and_mended(live: Place) -> None:
    before, new = live_release(live), next_release(live)
    assert deploy(live, new)["standby"] == before
    flip_flag(live)
    public = l9_json(live, "status")["public"]
    assert (public["found"], public["remedy"]) == ("timed out", "l9 resume")
    drift = l9(live, "drift")
    assert drift.returncode == 7
    assert "public route" in drift.stdout
    mended = l9_json(live, "resume")
    assert (mended["outcome"], mended["live"]) == (State.SUCCESS, new), mended
    assert l9(live, "drift").returncode == 0
    assert l9_json(live, "resume")["resumed"] is False
    settled(live, new, State.SUCCESS, 0)


def test_flag_flipped_in_the_bake_is_no_success(live: Place, tmp_path: Path) -> None:
    good, new = live_release(live), next_release(live)
    with load(live, tmp_path) as generator:
        running = Deploying(live, "deploy", new)
        running.until(State.BAKE, "gate-entered")
        flip_flag(live)
        code, result = running.end()
    assert (code, result["outcome"]) == (4, State.ROLLED_BACK), result
    assert result["closed"]["gate"] == State.BAKE
    assert f"from {l9_json(live, 'status')['live']['slot']} with {good}" in str(result["closed"]["findings"])
    assert unexcused(generator.stop()) == []
    settled(live, good, State.ROLLED_BACK, 4)


def test_two_deploys_at_once(live: Place, tmp_path: Path) -> None:
    one, other = next_release(live, SLOW_TO_START), next_release(live)
    with load(live, tmp_path) as generator:
        first = Deploying(live, "deploy", one)
        first.until(State.HOST_READY)
        second = Deploying(live, "deploy", other, "--wait", "90")
        second.until_told(f"waiting up to 90 s for deploy {one} by ")
        third = l9_json(live, "deploy", other)
        assert third["exit_code"] == 6
        assert re.search(rf"deploy ({one}|{other}) by ", third["evidence"][0]["observed"]), third
        for code, result in (first.end(), second.end()):
            assert (code, result["outcome"]) == (0, State.SUCCESS), result["closed"]
    assert unexcused(generator.stop()) == []
    settled(live, other, State.SUCCESS, 0)
