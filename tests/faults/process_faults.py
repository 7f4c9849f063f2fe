"""Faults of processes: killed, stopped, starved, cut off, and the machine rebooted."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from faults.fault import Fault, Lasts, in_runs
from faults.fault_place import FaultPlace
from faults.moments import Moment
from l9.core.states import State

KILL, STOP, CONT = signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT
FROZEN = 2.0  # seconds for which a stopped process stands still
AWAY = 3.0  # seconds for which a killed daemon is away

Pids = Callable[[FaultPlace], list[int]]


def _send(pids: Pids, number: signal.Signals) -> Callable[[FaultPlace], None]:
    def send(place: FaultPlace) -> None:
        for pid in pids(place):
            place.signal(pid, number)

    return send


def _operator(number: signal.Signals) -> Callable[[FaultPlace], None]:
    def send(place: FaultPlace) -> None:
        with suppress(ProcessLookupError):
            os.kill(place.operator_pid(), number)

    return send


def _worker(place: FaultPlace) -> list[int]:
    return [place.worker_pid()]


def _live(place: FaultPlace) -> list[int]:
    return [place.main_pid(place.container(place.scene.live))]


def _new(place: FaultPlace) -> list[int]:
    return [place.main_pid(place.container(place.scene.other))]


def _database(place: FaultPlace) -> list[int]:
    return [place.main_pid("l9-api-db-1")]


def _daemon(name: str) -> Pids:
    return lambda place: [place.daemon_pid(name)]


def new_slot_runs(moment: Moment) -> str:
    """The rule of faults of the new slot: it has been started, and is not the old one yet."""
    early = (State.HOST_READY, State.VPS_TAG_VERIFIED, State.IMAGES_READY, State.RELEASE_RETAINED)
    if moment.state is None or moment.state in early or moment == Moment(moment.act, State.BLUE_GREEN_LAUNCH):
        return "nothing runs in the new slot"
    return ""


def old_slot_runs(moment: Moment) -> str:
    """The rule of faults of the old slot: after SHUTDOWN's step it stands by, and others speak of that."""
    late = moment == Moment(moment.act, State.SHUTDOWN, acted=True) or moment.state is State.CLEANUP
    return "the old slot stands by" if late else ""


def _signals(name: str, title: str, pids: Pids, *, control: str = "", **more: Any) -> tuple[Fault, Fault]:
    """A process killed, and the same one stopped for a while; `control` names the process of their controls."""
    killed, stopped = f"{name}-killed", f"{name}-stopped"
    controls = (f"{control}-killed", f"{control}-stopped") if control else ("", "")
    stop, go_on = _send(pids, STOP), _send(pids, CONT)
    return (
        Fault(killed, f"SIGKILL of {title}", _send(pids, KILL), control=controls[0], **more),
        Fault(stopped, f"SIGSTOP of {title}", stop, go_on, Lasts.WHILE, FROZEN, control=controls[1], **more),
    )


def _restart(daemon: str) -> Callable[[FaultPlace], None]:
    def start(place: FaultPlace) -> None:
        place.start_caddy() if daemon == "caddy" else place.host.start_docker()

    return start


def _cut_sessions(place: FaultPlace) -> None:
    for pid in place.sessions():
        place.signal(pid, KILL)


def _black_hole(flag: str) -> Callable[[FaultPlace], None]:
    def rule(place: FaultPlace) -> None:
        place.sh('iptables "$1" INPUT -p tcp --dport 22 -j DROP', flag)
        place.sh('iptables "$1" OUTPUT -p tcp --sport 22 -j DROP', flag)

    return rule


def _eat_memory(place: FaultPlace) -> None:
    """Let the new slot's memory run out: the kernel ends its server, not the process that eats."""
    script = """
    id=$(docker inspect --format '{{.Id}}' "$1") || exit 0
    docker update --memory 160m --memory-swap 160m "$1" >/dev/null
    group=$(find /sys/fs/cgroup/memory -type d -name "$id" | head -1)
    test -n "$group" || exit 3
    echo -1000 >/proc/self/oom_score_adj
    echo $$ >"$group/cgroup.procs"
    exec timeout 5 python3 -c 'x = bytearray(150 << 20)
for i in range(0, len(x), 4096): x[i] = 1'
    """
    place.sh(script, place.container(place.scene.other), check=False)


FAULTS = (
    *_signals("worker", "the worker", _worker, not_applicable=in_runs, names=("interrupted", "resume")),
    *_signals(
        "agent",
        "the agent",
        lambda place: place.agent_pids(),
        not_applicable=in_runs,
        names=("link", "resume", "connection"),
    ),
    Fault("operator-killed", "SIGKILL of the operator's command", _operator(KILL), not_applicable=in_runs),
    Fault(
        "operator-stopped",
        "SIGSTOP of the operator's command",
        _operator(STOP),
        _operator(CONT),
        Lasts.WHILE,
        FROZEN,
        not_applicable=in_runs,
    ),
    *_signals(
        "live-slot",
        "the live release",
        _live,
        not_applicable=old_slot_runs,
        cuts=True,
        names=("exit", "restart", "answer", "health", "start", "running"),
    ),
    *_signals(
        "new-slot",
        "the new release",
        _new,
        not_applicable=new_slot_runs,
        cuts=True,
        control="live-slot",
        names=("exit", "restart", "answer", "health", "start", "running"),
    ),
    Fault(
        "new-slot-out-of-memory",
        "memory of the new slot exhausted",
        _eat_memory,
        not_applicable=new_slot_runs,
        cuts=True,
        control="live-slot-killed",
        names=("memory", "OOM", "restart", "exit", "health", "answer"),
    ),
    Fault(
        "caddy-killed",
        "Caddy killed, and back after 3 s",
        _send(_daemon("caddy"), KILL),
        _restart("caddy"),
        Lasts.WHILE,
        AWAY,
        cuts=True,
        names=("Caddy",),
    ),
    Fault(
        "caddy-stopped",
        "SIGSTOP of Caddy",
        _send(_daemon("caddy"), STOP),
        _send(_daemon("caddy"), CONT),
        Lasts.WHILE,
        FROZEN,
        cuts=True,
        names=("Caddy", "answer", "route"),
    ),
    Fault(
        "dockerd-killed",
        "dockerd killed, and back after 3 s",
        _send(_daemon("dockerd"), KILL),
        _restart("dockerd"),
        Lasts.WHILE,
        AWAY,
        cuts=True,
        stays=True,  # the database, whose restart policy is its project's own, is down until l9 starts it
        names=("docker", "engine", "exited", "started again"),
    ),
    Fault(
        "dockerd-stopped",
        "SIGSTOP of dockerd",
        _send(_daemon("dockerd"), STOP),
        _send(_daemon("dockerd"), CONT),
        Lasts.WHILE,
        FROZEN,
        cuts=True,
        names=("docker", "Docker", "engine"),
    ),
    *_signals(
        "database", "PostgreSQL", _database, cuts=True, names=("health", "503", "database", "answer", "db")
    ),
    Fault(
        "ssh-reset",
        "the ssh connection reset",
        _cut_sessions,
        not_applicable=in_runs,
        names=("link", "resume", "connection"),
    ),
    Fault(
        "ssh-black-holed",
        "ssh's packets dropped",
        _black_hole("-I"),
        _black_hole("-D"),
        Lasts.WHILE,
        AWAY,
        not_applicable=in_runs,
        names=("link", "resume", "connection"),
    ),
    Fault(
        "reboot",
        "the machine rebooted",
        lambda place: place.host.reboot(),
        cuts=True,
        names=("interrupted", "resume", "link", "connection"),
    ),
)
