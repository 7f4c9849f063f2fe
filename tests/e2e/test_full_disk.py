"""A disk that fills up in the middle of a run, before one, or is read-only: the exit code says how the run ended."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.host_place import PATH, HostPlace
from e2e.kept import Kept, keeping
from e2e.place import (
    Deploying,
    deploy,
    l9,
    l9_json,
    last_body,
    live_release,
    load,
    next_release,
    unexcused,
)
from hosts.host import Host
from l9.core.states import State
from l9.drivers.files.journal import RESERVE

pytestmark = [pytest.mark.timeout(420), pytest.mark.host]
AGENT = "/usr/lib/l9/l9-api/bin/l9"
# Take all bytes, or all room for files, of the file system that the first argument is on.
FILL = """
import os, sys
with open(sys.argv[1] + "/filler", "wb", buffering=0) as file:
    size = 1 << 20
    while size:
        try:
            file.write(bytes(size))
        except OSError:
            size //= 2
"""
INODES = """
import os, sys
os.mkdir(sys.argv[1] + "/many")
try:
    for number in range(1 << 20):
        os.close(os.open(f"{sys.argv[1]}/many/{number}", os.O_CREAT | os.O_WRONLY))
except OSError:
    pass
"""
FREE = f"rm -rf {PATH}/.l9/filler {PATH}/.l9/many"


class SmallDisk(HostPlace):
    """The target's directory on a file system of its own."""

    def prepare(self) -> None:
        mount = f"mkdir -p {PATH} && mount -t tmpfs -o size=64m,nr_inodes=4000,mode=755 none {PATH}"
        self.host.run(("sh", "-ec", mount))

    def config(self) -> str:
        return super().config().replace("disk = 100_000_000", "disk = 1_000_000")

    def stop(self) -> None:
        self.host.run(("umount", "--lazy", PATH))
        super().stop()

    def sh(self, script: str) -> None:
        self.host.run(("sh", "-c", script))


@pytest.fixture(scope="module")
def kept(host: Host) -> Iterator[Kept]:
    with keeping(lambda root: SmallDisk(root, host)) as found:
        yield found


@pytest.fixture
def live(kept: Kept) -> SmallDisk:
    """A host where two good releases are, one of them live."""
    place = kept.place()
    assert isinstance(place, SmallDisk)
    while not l9_json(place, "status")["standby"]["release"]:
        assert deploy(place, next_release(place))["outcome"] == State.SUCCESS
    return place


@contextmanager
def full(place: SmallDisk, how: str) -> Iterator[None]:
    try:
        place.host.run(("python3", "-c", how, f"{PATH}/.l9"))
        yield
    finally:
        place.sh(FREE)


# In the matrix (`make faults`): both, at each phase.
@pytest.mark.parametrize(
    ("gate", "how"),
    [(State.BLUE_GREEN_LAUNCH, INODES), (State.ROUTE_TRAFFIC, FILL), (State.BAKE, INODES)],
    ids=["BLUE-GREEN-LAUNCH-inodes", "ROUTE-TRAFFIC-bytes", "BAKE-inodes"],
)
def test_disk_that_fills_in_mid_deploy(live: SmallDisk, tmp_path: Path, gate: State, how: str) -> None:
    """The reserve carries the run to its end, and the exit code is the run's own."""
    before, new = live_release(live), next_release(live)
    with load(live, tmp_path) as generator:
        running = Deploying(live, "deploy", new)
        running.until(gate, "gate-opened" if gate is State.BLUE_GREEN_LAUNCH else "gate-entered")
        with full(live, how):
            code, result = running.end()
            end = last_body(live)
            status = l9_json(live, "status")
            assert l9(live, "drift").returncode == 0
    assert unexcused(generator.stop()) == []
    assert (code, result["outcome"]) in ((0, State.SUCCESS), (4, State.ROLLED_BACK)), result
    assert (end["event"], end["exit_code"], end["outcome"]) == ("run-finished", code, result["outcome"])
    assert status["live"]["release"] == result["live"] == (new if code == 0 else before)
    assert (status["public"], status["lock"]) == (None, None)
    assert deploy(live, next_release(live))["exit_code"] == 0
    assert live.journal().with_name("journal.reserve").stat().st_size == RESERVE
    assert l9(live, "history", "--verify").returncode == 0


@pytest.mark.parametrize("how", [FILL, INODES], ids=["bytes", "inodes"])
def test_disk_that_is_full_before_the_start(live: SmallDisk, how: str) -> None:
    """A deploy says so and changes nothing; a rollback is carried by the reserve; the timer has no traceback."""
    before, new = live_release(live), next_release(live)
    with full(live, how):
        refused = deploy(live, new)
        assert (refused["outcome"], refused["exit_code"], refused["live"]) == (State.REFUSED, 3, before)
        assert re.search("disk free|No space left", json.dumps(refused["closed"])), refused
        for command in ("tick", "drift"):
            done = live.host.run((AGENT, command, "--instance", "l9-api"), check=False)
            assert (done.returncode, done.stderr) == (0, ""), done
        back = l9_json(live, "rollback")
        assert (back["outcome"], back["exit_code"]) == (State.SUCCESS, 0), back
        assert live_release(live) == back["live"] != before
    assert l9(live, "drift").returncode == 0
    assert deploy(live, next_release(live))["exit_code"] == 0


def test_disk_that_is_read_only(live: SmallDisk) -> None:
    before, new = live_release(live), next_release(live)
    live.sh(f"mount -o remount,ro {PATH}")
    try:
        for args in (("deploy", new), ("rollback",)):
            error = l9_json(live, *args)
            assert (error["exit_code"], error["changed"]) == (3, False), error
            assert "Read-only file system" in error["evidence"][0]["observed"]
            assert "ro" in live.host.run(error["remedy"][0]["command"].split()).stdout.split()[-1].split(",")
        for args in (("resume",), ("status",), ("drift",), ("history",), ("explain",)):
            assert l9(live, *args).returncode == 0, args
        tick = live.host.run((AGENT, "tick", "--instance", "l9-api"), check=False)
        assert (tick.returncode, "Traceback" in tick.stderr) == (3, False), tick
    finally:
        live.sh(f"mount -o remount,rw {PATH}")
    assert live_release(live) == before
    assert deploy(live, new)["exit_code"] == 0
