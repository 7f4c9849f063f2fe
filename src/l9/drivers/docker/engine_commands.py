"""Docker Engine: paths of its API, and parsers of its responses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from l9.core.facts import SlotState
from l9.core.states import Slot, SlotStatus
from l9.drivers.compose import names

MINIMUM_API = (1, 42)  # Engine 23
QUICK_HEALTH_API = (1, 44)  # Engine 25: `start_interval` in healthchecks
_NANOSECONDS = 1e9
# The engine's defaults for a healthcheck; seconds.
_INTERVAL = 30.0
_START_INTERVAL = 5.0


class Container(msgspec.Struct, frozen=True):
    """A container as `inspect` shows it. `status` is the engine's own term.

    `execs`: commands that run in it now, including health probes. `probed_at`: when the last health probe
    ended. `probe_interval`: seconds from there to the next one; None without a healthcheck.
    """

    id: str
    name: str
    status: str
    image: str
    labels: Mapping[str, str] = {}
    started_at: float = 0.0
    restarts: int = 0
    oom_killed: bool = False
    exit_code: int | None = None
    health: str | None = None
    restart_policy: str = "no"
    tty: bool = False
    execs: int = 0
    probed_at: float = 0.0
    probe_interval: float | None = None
    pid: int = 0

    @property
    def running(self) -> bool:
        """True if its process exists, also while paused or restarting."""
        return self.status in ("running", "paused", "restarting")

    def of(self, instance: str, release: str | None = None) -> bool:
        """True if l9 created it for this instance (and release)."""
        mine = self.labels.get(names.INSTANCE) == instance
        return mine and (release is None or self.labels.get(names.RELEASE) == release)


class ImageInfo(msgspec.Struct, frozen=True):
    """An image as `inspect` shows it. `workdir` is its working directory."""

    id: str
    labels: Mapping[str, str]
    tags: tuple[str, ...]
    size: int
    checks_health: bool
    workdir: str = "/"


def path(kind: str, thing: str = "", act: str = "", **query: str | int | Mapping[str, list[str]]) -> str:
    """Build a path of the API, such as `/containers/NAME/stop?t=30`. Mappings, such as filters, become JSON."""
    parts = "/".join(quote(p, safe="") for p in (kind, thing, act) if p)
    texts = {k: json.dumps(v) if isinstance(v, Mapping) else str(v) for k, v in query.items()}
    return f"/{parts}{f'?{urlencode(texts)}' if texts else ''}"


def parse_api(version: Mapping[str, Any]) -> tuple[int, ...]:
    """Parse the newest API version that the engine supports, from `/version`."""
    return tuple(int(n) for n in str(version.get("ApiVersion", "0")).split("."))


def parse_container(raw: Mapping[str, Any]) -> Container:
    """Parse the response of `/containers/NAME/json`."""
    state, config = raw["State"], raw["Config"]
    ended = state["Status"] in ("exited", "dead", "restarting")
    return Container(
        id=raw["Id"],
        name=raw["Name"].removeprefix("/"),
        status=state["Status"],
        image=raw["Image"],
        labels=config.get("Labels") or {},
        started_at=parse_time(state["StartedAt"]) or 0.0,
        restarts=raw["RestartCount"],
        oom_killed=state["OOMKilled"],
        exit_code=state["ExitCode"] if ended else None,
        health=(state.get("Health") or {}).get("Status"),
        restart_policy=raw["HostConfig"]["RestartPolicy"]["Name"] or "no",
        tty=config["Tty"],
        execs=len(raw.get("ExecIDs") or ()),
        probed_at=_probed_at(state),
        probe_interval=_probe_interval(config, state),
        pid=state.get("Pid", 0),
    )


def _probed_at(state: Mapping[str, Any]) -> float:
    """Return the time at which the newest health probe ended; 0 before the first."""
    probes = (state.get("Health") or {}).get("Log") or [{}]
    return parse_time(probes[-1].get("End", "")) or 0.0


def _probe_interval(config: Mapping[str, Any], state: Mapping[str, Any]) -> float | None:
    check, health = config.get("Healthcheck") or {}, state.get("Health") or {}
    if (check.get("Test") or ["NONE"])[0] == "NONE" or not health:
        return None
    interval = check.get("Interval", 0) / _NANOSECONDS or _INTERVAL
    if health["Status"] != "starting":
        return float(interval)
    return float(min(interval, check.get("StartInterval", 0) / _NANOSECONDS or _START_INTERVAL))


def rests(found: Container, unpaused_at: float, now: float, need: float) -> bool:
    """True if no command is starting in the container, and no health probe begins within `need` seconds.

    A command that is frozen while it starts never finishes starting, and some of containerd's
    shims (1.6.20 of Debian 12) then answer no request about that container, not even to unpause it.
    unpaused_at: when it was last unpaused (0 for never): the engine restarts its probe interval then.
    """
    if found.execs:
        return False
    if found.probe_interval is None:
        return True
    counted_from = max(found.probed_at, found.started_at, unpaused_at)
    return now + need <= counted_from + found.probe_interval


def slot_state(slot: Slot, instance: str, found: Container | None) -> SlotState:
    """Return a slot's state from the container of its name. A container that l9 did not create has no release."""
    if found is None:
        return SlotState(slot)
    return SlotState(
        slot=slot,
        status=SlotStatus(found.status) if found.status in set(SlotStatus) else SlotStatus.EXITED,
        release=found.labels.get(names.RELEASE) if found.of(instance) else None,
        image=found.image,
        started_at=found.started_at,
        restarts=found.restarts,
        oom_killed=found.oom_killed,
        exit_code=found.exit_code,
        health=None if found.health == "none" else found.health,
    )


def service_status(found: Container | None, *, one_shot: bool) -> str:
    """Return the status of a service that is not a slot; only `running` and `done` are good."""
    if found is None:
        return "absent"
    if found.status == "running":
        return "unhealthy" if found.health == "unhealthy" else "running"
    if found.status in ("exited", "dead"):
        return "done" if one_shot and found.exit_code == 0 else f"exited with {found.exit_code}"
    return found.status


def parse_image(raw: Mapping[str, Any]) -> ImageInfo:
    """Parse the response of `/images/NAME/json`."""
    config = raw.get("Config") or {}
    test = (config.get("Healthcheck") or {}).get("Test") or ["NONE"]
    return ImageInfo(
        id=raw["Id"],
        labels=config.get("Labels") or {},
        tags=tuple(raw.get("RepoTags") or ()),
        size=raw.get("Size", 0),
        checks_health=test[0] != "NONE",
        workdir=config.get("WorkingDir") or "/",
    )


def parse_time(text: str) -> float | None:
    """Parse a time as seconds since the epoch; None if invalid, 0 for the engine's year 1 (never)."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.timestamp() if at.year > 1 and at.tzinfo else 0.0
