"""Docker Engine: paths, and what its answers are taken to say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from l9.core.facts import SlotState
from l9.core.states import Slot
from l9.drivers.docker import engine_commands as docker
from l9.drivers.docker.engine_commands import Container

INSPECTED: dict[str, Any] = {
    "Id": "c0ffee",
    "Name": "/shop-blue",
    "Image": "sha256:1",
    "RestartCount": 2,
    "State": {
        "Status": "running",
        "OOMKilled": False,
        "ExitCode": 0,
        "StartedAt": "2026-11-23T21:06:06.827266739Z",
        "Health": {"Status": "healthy"},
    },
    "Config": {"Labels": {"dev.l9.instance": "shop", "dev.l9.release": "v1"}, "Tty": False},
    "HostConfig": {"RestartPolicy": {"Name": "unless-stopped"}},
}
STARTED = 1795467966.827266


def inspected(**state: Any) -> Container:
    return docker.parse_container({**INSPECTED, "State": {**INSPECTED["State"], **state}})


def test_paths() -> None:
    assert docker.path("containers", "a/b c", "stop") == "/containers/a%2Fb%20c/stop"
    assert docker.path("containers", "json", all=1) == "/containers/json?all=1"
    filters = docker.path("images", "json", filters={"label": ["a=b"]})
    assert filters == "/images/json?filters=%7B%22label%22%3A+%5B%22a%3Db%22%5D%7D"


def test_the_api() -> None:
    assert docker.parse_api({"ApiVersion": "1.45"}) == (1, 45)
    assert docker.parse_api({}) == (0,)
    assert docker.parse_api({"ApiVersion": "1.9"}) < docker.MINIMUM_API


def test_a_container() -> None:
    assert inspected() == Container(
        id="c0ffee",
        name="shop-blue",
        status="running",
        image="sha256:1",
        labels={"dev.l9.instance": "shop", "dev.l9.release": "v1"},
        started_at=STARTED,
        restarts=2,
        exit_code=None,
        health="healthy",
        restart_policy="unless-stopped",
    )


def probed(
    check: dict[str, Any] | None, execs: list[str] | None = None, **health: Any
) -> tuple[int, float, float | None]:
    state = {**INSPECTED["State"], "Health": health or None}
    config = {**INSPECTED["Config"], "Healthcheck": check}
    found = docker.parse_container({**INSPECTED, "State": state, "Config": config, "ExecIDs": execs})
    return found.execs, found.probed_at, found.probe_interval


def test_when_the_engine_probes() -> None:
    check = {"Test": ["CMD", "true"], "Interval": 7_500_000_000, "StartInterval": 250_000_000}
    ended = [{"End": "2026-11-23T21:00:00Z"}, {"End": "2026-11-23T21:06:06.827266739Z"}]
    assert probed(None) == (0, 0.0, None)
    assert probed({"Test": ["NONE"]}, Status="none") == (0, 0.0, None)
    assert probed(check) == (0, 0.0, None)  # it has not run yet
    assert probed(check, ["c0"], Status="healthy", Log=ended) == (1, STARTED, 7.5)
    assert probed(check, Status="unhealthy", Log=None) == (0, 0.0, 7.5)
    assert probed(check, Status="starting", Log=[]) == (0, 0.0, 0.25)
    defaults = {"Test": ["CMD", "true"]}
    assert probed(defaults, Status="healthy")[2] == 30.0
    assert probed(defaults, Status="starting")[2] == 5.0
    assert probed({**defaults, "Interval": 1_000_000_000}, Status="starting")[2] == 1.0


def test_a_container_rests_between_probes_only() -> None:
    still = msgspec.structs.replace(inspected(), started_at=50.0)
    assert docker.rests(still, unpaused_at=0.0, now=100.0, need=1.0)
    assert not docker.rests(msgspec.structs.replace(still, execs=1), unpaused_at=0.0, now=100.0, need=1.0)
    probed = msgspec.structs.replace(still, probed_at=90.0, probe_interval=10.0)
    for now, unpaused_at, rests in (
        (98.9, 0.0, True),
        (99.1, 0.0, False),  # the next one is near
        (101.0, 0.0, False),  # it is due: any moment now
        (99.1, 95.0, True),  # counted anew since then
        (104.1, 95.0, False),
    ):
        assert docker.rests(probed, unpaused_at, now, need=1.0) is rests, (now, unpaused_at)
    just_started = msgspec.structs.replace(probed, started_at=98.0, probed_at=0.0)
    assert docker.rests(just_started, unpaused_at=0.0, now=106.9, need=1.0)


def test_a_bare_container_that_never_ran() -> None:
    raw = {
        **INSPECTED,
        "State": {
            "Status": "created",
            "OOMKilled": False,
            "ExitCode": 0,
            "StartedAt": "0001-01-01T00:00:00Z",
        },
        "Config": {"Labels": None, "Tty": True},
        "HostConfig": {"RestartPolicy": {"Name": ""}},
    }
    found = docker.parse_container(raw)
    assert (found.started_at, found.labels, found.tty, found.restart_policy) == (0.0, {}, True, "no")
    assert (found.exit_code, found.health, found.running) == (None, None, False)


def test_whose_a_container_is() -> None:
    assert inspected().of("shop")
    assert inspected().of("shop", "v1")
    assert not inspected().of("shop", "v2")
    assert not inspected().of("other", "v1")


@pytest.mark.parametrize(
    ("engine", "status", "runs"),
    [
        ("created", "created", False),
        ("running", "running", True),
        ("paused", "paused", True),
        ("restarting", "restarting", True),
        ("removing", "exited", False),
        ("exited", "exited", False),
        ("dead", "exited", False),
    ],
)
def test_the_state_of_a_slot(engine: str, status: str, runs: bool) -> None:
    found = inspected(Status=engine)
    assert found.running is runs
    assert docker.slot_state(Slot.BLUE, "shop", found).status == status


def test_a_slot() -> None:
    assert docker.slot_state(Slot.GREEN, "shop", None) == SlotState(Slot.GREEN)
    dead = inspected(Status="exited", ExitCode=137, OOMKilled=True, Health={"Status": "none"})
    assert docker.slot_state(Slot.BLUE, "shop", dead) == SlotState(
        Slot.BLUE, "exited", "v1", "sha256:1", STARTED, restarts=2, oom_killed=True, exit_code=137
    )
    assert docker.slot_state(Slot.BLUE, "other", dead).release is None


@pytest.mark.parametrize(
    ("state", "one_shot", "status"),
    [
        ({}, False, "running"),
        ({"Health": {"Status": "starting"}}, False, "running"),
        ({"Health": {"Status": "unhealthy"}}, False, "unhealthy"),
        ({"Status": "exited"}, True, "done"),
        ({"Status": "exited"}, False, "exited with 0"),
        ({"Status": "exited", "ExitCode": 1}, True, "exited with 1"),
        ({"Status": "dead", "ExitCode": 1}, True, "exited with 1"),
        ({"Status": "paused"}, False, "paused"),
    ],
)
def test_the_status_of_a_service(state: dict[str, Any], one_shot: bool, status: str) -> None:
    assert docker.service_status(inspected(**state), one_shot=one_shot) == status
    assert docker.service_status(None, one_shot=one_shot) == "absent"


def test_images() -> None:
    raw = {
        "Id": "sha256:1",
        "RepoTags": ["a:1"],
        "Size": 5,
        "Config": {"Labels": {"a": "b"}, "Healthcheck": {"Test": ["CMD", "x"]}},
    }
    found = docker.parse_image(raw)
    assert (found.id, found.tags, found.size, found.labels, found.checks_health) == (
        "sha256:1", ("a:1",), 5, {"a": "b"}, True,
    )  # fmt: skip
    bare = docker.parse_image({"Id": "sha256:1", "RepoTags": None, "Config": None})
    assert (bare.tags, bare.size, bare.labels, bare.checks_health, bare.workdir) == ((), 0, {}, False, "/")
    assert not docker.parse_image({"Id": "x", "Config": {"Healthcheck": {"Test": ["NONE"]}}}).checks_health


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-23T21:06:06.827266739Z", STARTED),
        ("0001-01-01T00:00:00Z", 0.0),
        ("2026-11-23", 0.0),
        ("hello", None),
    ],
)
def test_times(text: str, at: float | None) -> None:
    assert docker.parse_time(text) == at
