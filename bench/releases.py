"""Deploy and rollback, by the host's clock and from the prompt, each compared with Docker alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure
from bench.ground import COMMAND_SECONDS, Done, Ground, HostGround, MeasureError, l9

ONE, OTHER = "v0.5.0-l9", "v0.5.1-l9"
FIRST_ANSWER = Path(__file__).with_name("first_answer.py")
PLAIN, PLAIN_URL = "bench-plain", "http://127.0.0.1:8200/health"


@dataclass(frozen=True)
class Timeline:
    """The times of a run's milestones, in seconds since its first journal entry."""

    routed: float
    proved: float
    ended: float

    @classmethod
    def of(cls, done: Done) -> Timeline:
        """Read the times from the journal entries in the command's output."""
        entries = [m["entry"] for m in map(json.loads, done.out.splitlines()) if "entry" in m]
        start = next(e["at"] for e in entries if e["body"]["event"] == "run-started")
        opened = {e["body"]["gate"]: e["at"] for e in entries if e["body"]["event"] == "gate-opened"}
        end = next(e["at"] for e in entries if e["body"]["event"] == "run-finished")
        return cls(opened["ROUTE-TRAFFIC"] - start, opened["PROOF"] - start, end - start)


def prepare(ground: Ground) -> None:
    """Deploy two releases once each: images are built, and one release is on standby."""
    for tag in (ONE, OTHER):
        ground.release(tag)
        l9(ground, "deploy", tag, "--json")


def deploys(ground: Ground, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure a deploy of a built image with soak and bake 0, compared with `docker run` of the same image."""
    timelines, walls, plain = [], [], []
    for number in range(runs):
        say(f"deploy of a built image, {number + 1} of {runs}")
        done = l9(ground, "deploy", idle(ground), "--json")
        timelines.append(Timeline.of(done))
        walls.append(done.seconds)
        if isinstance(ground, HostGround):
            plain.append(docker_run(ground))
    beside = {
        "beside_what": "docker run of the same image to the first 200",
        "beside": tuple(plain),
        "compare": "difference",
        "target": 2.0,
    }
    if not plain:
        beside = {"note": "no Docker here to compare with"}
    return [
        _timeline(
            "deploy.proof", "deploy of a built image: to the first proof", timelines, "proved", **beside
        ),
        _timeline(
            "deploy.success", "deploy of a built image: to SUCCESS, old one on standby", timelines, "ended"
        ),
        Figure(
            "deploy.prompt", "deploy of a built image: from the prompt, local gates too", "s", tuple(walls)
        ),
    ]


def warm_rollbacks(ground: Ground, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure `l9 rollback` to a paused standby."""
    done = []
    for number in range(runs):
        say(f"warm rollback, {number + 1} of {runs}")
        done.append(l9(ground, "rollback", idle(ground), "--json"))
    timelines = [Timeline.of(one) for one in done]
    return [
        _timeline("warm.routed", "warm rollback on the host: to ROUTE-TRAFFIC", timelines, "routed"),
        _timeline(
            "warm.proof", "warm rollback on the host: to the first proof", timelines, "proved", target=0.3
        ),
        _timeline("warm.success", "warm rollback on the host: to SUCCESS", timelines, "ended"),
        Figure(
            "warm.prompt",
            "warm rollback from the prompt",
            "s",
            tuple(one.seconds for one in done),
            target=1.0,
        ),
    ]


def cold_rollbacks(ground: Ground, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure `l9 rollback` to a stopped release, compared with `docker start`."""
    done, plain = [], []
    if isinstance(ground, HostGround):
        docker_run(ground)  # creates and stops the container for docker_start
    for number in range(runs):
        say(f"cold rollback, {number + 1} of {runs}")
        ground.stop_standby()
        done.append(l9(ground, "rollback", idle(ground), "--json"))
        if isinstance(ground, HostGround):
            plain.append(docker_start(ground))
    timelines = [Timeline.of(one) for one in done]
    beside = {
        "beside_what": "docker start of the same image to the first 200",
        "beside": tuple(plain),
        "compare": "difference",
        "target": 1.0,
    }
    return [
        _timeline(
            "cold.proof", "cold rollback on the host: to the first proof", timelines, "proved",
            **(beside if plain else {}),
        ),
        Figure("cold.prompt", "cold rollback from the prompt", "s", tuple(one.seconds for one in done)),
    ]  # fmt: skip


def idle(ground: Ground) -> str:
    """Return the one of the two releases that is on standby."""
    live = l9(ground, "status", "--json").result["live"]["release"]
    return OTHER if live == ONE else ONE


def docker_run(ground: HostGround) -> float:
    """Return the seconds from `docker run` of the live image, on its network and environment, to the first 200."""
    container = json.loads(ground.docker("inspect", ground.live()))[0]
    network = next(iter(container["NetworkSettings"]["Networks"]))
    ground.docker("rm", "--force", PLAIN)
    run = ("docker", "run", "--detach", "--name", PLAIN, "--network", network, "--env-file", "/opt/l9/.env")
    try:
        return _first_answer(ground, *run, "--publish", "127.0.0.1:8200:8000", container["Image"])
    finally:
        ground.docker("stop", PLAIN)


def docker_start(ground: HostGround) -> float:
    """Return the seconds from `docker start` of the container of `docker_run` to the first 200."""
    try:
        return _first_answer(ground, "docker", "start", PLAIN)
    finally:
        ground.docker("stop", PLAIN)


def _first_answer(ground: HostGround, *argv: str) -> float:
    script = FIRST_ANSWER.read_text(encoding="utf-8")
    done = ground.host.run(
        ("python3", "-", PLAIN_URL, "30", *argv), input=script, check=False, timeout=COMMAND_SECONDS
    )
    if done.returncode:
        raise MeasureError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return float(done.stdout.split()[-1])


def _timeline(key: str, title: str, found: list[Timeline], point: str, **more: object) -> Figure:
    return Figure(key, title, "s", tuple(getattr(one, point) for one in found), **more)  # type: ignore[arg-type]
