"""`l9 deploy` and a plain in-place compose script, on the same host, under the same open-loop load."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.figures import Figure
from bench.ground import COMMAND_SECONDS, Done, Ground, HostGround, MeasureError, Pace, l9_program, timed
from e2e.host_place import ORIGIN, PATH
from l9.demo.load import Load
from l9.demo.load_report import Counts, LoadReport

HERE = Path(__file__).parent
L9_DEPLOY = HERE / "l9_deploy.sh"
PLAIN_FILES = {"plain_deploy.sh": 0o755, "plain_compose.yml": 0o644}
PLAIN_PATH, PLAIN_PORT = "/srv/plain", 8080
PLAIN_SITE = f":{PLAIN_PORT} {{\n\treverse_proxy 127.0.0.1:8100\n}}\n"
RATE = 60.0  # requests per second, besides slow ones and streams
PATIENCE = 30  # seconds that both wait for a release to become healthy
PACE = Pace(soak=1.0, bake=5.0, grace=5.0, deadline=PATIENCE)
WINDOW = 0.1
QUICK = ("keepalive_get", "keepalive_post", "new_connection")
# It does not start, so that neither tool can make it healthy.
BROKEN = '\nraise SystemExit("the schema that this release expects is not there")\n'


@dataclass(frozen=True)
class Under:
    """The result of a command, and the load's counts during it."""

    done: Done
    counts: Counts
    outage: float


def side_by_side(ground: Ground, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure a good and a broken release with each; a person using the plain script reacts immediately."""
    if not isinstance(ground, HostGround):
        return []
    ground.set_pace(PACE)
    numbers = itertools.count()
    say("the same application as a plain compose project")
    live = _install_plain(ground, next(numbers))
    good: list[tuple[Under, Under]] = []
    bad: list[tuple[Under, Under]] = []
    for run in range(runs):
        say(f"a good release under load, {run + 1} of {runs}: l9")
        tag = _release(ground, next(numbers))
        mine = _under_load(ground, ground.url, partial(_l9, ground, tag))
        say(f"a good release under load, {run + 1} of {runs}: plain script")
        live = _release(ground, next(numbers))
        theirs = _under_load(ground, _plain_url(ground), partial(_plain, ground, live))
        good.append((_ended(mine, 0), _ended(theirs, 0)))
        say(f"a broken release under load, {run + 1} of {runs}: l9")
        tag = _release(ground, next(numbers), BROKEN)
        mine = _under_load(ground, ground.url, partial(_l9, ground, tag))
        say(f"a broken release under load, {run + 1} of {runs}: plain script")
        tag = _release(ground, next(numbers), BROKEN)
        theirs = _under_load(ground, _plain_url(ground), partial(_broken_and_back, ground, tag, live))
        bad.append((_ended(mine, 3), _ended(theirs, 0)))
    pace = f"soak {PACE.soak:g} s, bake {PACE.bake:g} s, drain up to {PACE.grace:g} s are in l9's time by configuration"
    person = "the plain script, then a person who immediately deploys the previous release"
    return [
        _pair("load.good.seconds", "a good release under load, with build", "s", good, _seconds, "ratio", pace),
        _pair("load.good.failed", "a good release: failed requests", "", good, _failed, note=_sent(good)),
        _pair("load.good.outage", "a good release: seconds with failing requests", "s", good, _outage),
        _pair(
            "load.broken.seconds", "a broken release: until the good one is safe", "s", bad, _seconds, "ratio",
            person,
        ),
        _pair("load.broken.failed", "a broken release: failed requests", "", bad, _failed, note=_sent(bad)),
        _pair("load.broken.outage", "a broken release: seconds of outage", "s", bad, _outage),
    ]  # fmt: skip


def _l9(ground: HostGround, tag: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "L9": l9_program()[0]}
    argv = (str(L9_DEPLOY), tag)
    return subprocess.run(
        argv, cwd=ground.work, env=env, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
    )


def _plain(ground: HostGround, tag: str) -> subprocess.CompletedProcess[str]:
    script = 'cd "$1" && exec ./plain_deploy.sh "$2" "$3"'
    argv = ("sh", "-c", script, "-", PLAIN_PATH, tag, str(PATIENCE))
    return ground.host.run(argv, check=False, timeout=COMMAND_SECONDS)


def _broken_and_back(ground: HostGround, tag: str, live: str) -> subprocess.CompletedProcess[str]:
    done = _plain(ground, tag)
    if done.returncode != 1:
        raise MeasureError(f"the plain script did not notice {tag}: {done.stdout}{done.stderr}")
    return _plain(ground, live)


def _install_plain(ground: HostGround, number: int) -> str:
    """Install the plain project beside l9's, with the same .env and its own database, and deploy its first release."""
    root = ground.host.path(PLAIN_PATH)
    root.mkdir()
    for name, mode in PLAIN_FILES.items():
        file = root / name.replace("plain_compose", "compose")
        file.write_bytes((HERE / name).read_bytes())
        file.chmod(mode)
    env = root / ".env"
    env.touch(mode=0o600)
    env.write_bytes(ground.host.path(f"{PATH}/.env").read_bytes())
    caddyfile = ground.host.path("/etc/caddy/Caddyfile")
    caddyfile.write_text(f"{caddyfile.read_text(encoding='utf-8')}\n{PLAIN_SITE}", encoding="utf-8")
    ground.host.reload_caddy()
    ground.host.run(("git", "clone", "--quiet", ORIGIN, f"{PLAIN_PATH}/app"))
    script = 'cd "$1" && docker compose up --detach --quiet-pull db'
    ground.host.run(("sh", "-c", script, "-", PLAIN_PATH), timeout=COMMAND_SECONDS)
    tag = _release(ground, number)
    done = _plain(ground, tag)
    if done.returncode:
        raise MeasureError(f"the plain project did not start: {done.stdout}{done.stderr}")
    return tag


def _release(ground: HostGround, number: int, added: str = "") -> str:
    """Push a new release to origin, so that neither side can reuse the other's image layers."""
    tag = f"v0.6.{number}-l9"
    ground.release(tag, added)
    ground.git("push", "--quiet", "origin", "main", tag)
    return tag


def _under_load(ground: HostGround, url: str, run: Callable[[], subprocess.CompletedProcess[str]]) -> Under:
    report = ground.root / "load.jsonl"
    with Load(url, RATE, report, api_key=ground.api_key) as load:
        time.sleep(2.0)  # until streams are open and slow requests in flight
        began = load.mark("begin")
        done = timed(run)
        time.sleep(2.5)  # for requests in flight: slow ones take two seconds
        found = load.stop()
    counts = found.between(since=began)
    if counts.ok == 0:
        raise MeasureError(f"the load on {url} got no good answer")
    return Under(done, counts, outage(found, began))


def outage(report: LoadReport, since: float) -> float:
    """Return the seconds in which quick requests failed, in tenths, by scheduled time."""
    failed = {
        int(f.scheduled / WINDOW) for f in report.failures if f.traffic in QUICK and f.scheduled >= since
    }
    return len(failed) * WINDOW


def _ended(found: Under, code: int) -> Under:
    if found.done.code != code:
        raise MeasureError(
            f"ended with {found.done.code}, not {code}:\n{found.done.out[-2000:]}{found.done.err[-2000:]}"
        )
    return found


def _plain_url(ground: HostGround) -> str:
    return f"{ground.url}:{PLAIN_PORT}"


def _seconds(found: Under) -> float:
    return found.done.seconds


def _failed(found: Under) -> float:
    return float(found.counts.failed)


def _outage(found: Under) -> float:
    return found.outage


def _sent(pairs: list[tuple[Under, Under]]) -> str:
    """Return a note on the number of requests, and on a generator that was late."""
    mine, theirs = (sum(pair[n].counts.sent for pair in pairs) for n in (0, 1))
    late = sum(under.counts.is_late for pair in pairs for under in pair)
    busy = (
        f"; the generator was late in {late} of {2 * len(pairs)} runs: the machine was busy" if late else ""
    )
    return f"of {mine:,} requests sent to l9's, {theirs:,} to the plain one{busy}"


def _pair(
    key: str,
    title: str,
    unit: str,
    pairs: list[tuple[Under, Under]],
    value: Callable[[Under], float],
    compare: str = "",
    note: str = "",
) -> Figure:
    mine, theirs = (tuple(value(pair[n]) for pair in pairs) for n in (0, 1))
    target = 0.0 if value is not _seconds else None
    return Figure(key, title, unit, mine, target, "the plain script", theirs, compare, note)
