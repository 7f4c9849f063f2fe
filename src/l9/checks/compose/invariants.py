"""Invariants of the user's compose file for production (spec 4.1 and 4.2)."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote

from l9.checks.compose.facts import ComposeFile
from l9.checks.compose.production import Production, Service, seconds
from l9.checks.context import Context
from l9.checks.dockerfile.facts import Dockerfile
from l9.core.facts import Facts
from l9.core.invariant import Weight, invariant
from l9.core.verdict import Fail, Pass, Verdict

DATABASE_PORTS = frozenset(
    map(
        str,
        (
            *(1433, 1521, 2379, 3306, 4222, 5432, 5672, 5984, 6379, 7687),
            *(8086, 9042, 9092, 9200, 11211, 15672, 26257, 27017),
        ),
    )
)
NOT_GRACEFUL = ("", "SIGKILL", "KILL", "9", "SIGSTOP", "STOP", "19")


def judged(facts: Facts, judge: Callable[[Production], str], expected: str, holds: str) -> Verdict:
    """Pass if `judge` returns no problem, or if there is no compose file."""
    file = facts.the(ComposeFile)
    if file.production is None:
        return Pass(file.absent)
    found = judge(file.production)
    return Fail(expected, found, f"$EDITOR {quote(file.path)}") if found else Pass(f"{holds} in {file.path}")


def first(found: list[str]) -> str:
    """Format the first one and the number of the rest; empty if there are none."""
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{found[0]}{more}" if found else ""


def mounts(services: tuple[Service, ...], *, code: bool) -> str:
    """The mounts over the image's own code, or those of other files of the repository."""
    return first(
        [f"{one.name}: {m.source}:{m.target}" for one in services for m in one.mounts if m.code is code]
    )


@invariant(
    "workspace.no-source-mounts",
    ComposeFile,
    why="with the source mounted over the image, the checkout runs and not the tested image",
    clause="spec 4.1",
)
def NO_SOURCE_MOUNTS(facts: Facts, _context: Context) -> Verdict:
    return judged(
        facts, lambda p: mounts(p.slots, code=True), "the code baked into the image", "no source mounted"
    )


@invariant(
    "workspace.no-repository-mounts",
    ComposeFile,
    why="a file mounted from the checkout is not the file that was built and tested",
    clause="spec 4.1",
    weight=Weight.RULE,  # l9 mounts the file from the tag's own tree
)
def NO_REPOSITORY_MOUNTS(facts: Facts, _context: Context) -> Verdict:
    expected = "no file of the repository mounted into the application"
    return judged(facts, lambda p: mounts(p.slots, code=False), expected, "no file of the repository mounted")


@invariant(
    "workspace.stop-grace-period",
    ComposeFile,
    why="by default, the engine kills a stopping container after 10 s",
    clause="spec 4.2",
    weight=Weight.RULE,
)
def STOP_GRACE_PERIOD(facts: Facts, _context: Context) -> Verdict:
    def judge(found: Production) -> str:
        return first(
            [
                f"{one.name}: {one.stop_grace_period or 'none'}"
                for one in found.slots
                if not seconds(one.stop_grace_period)
            ]
        )

    return judged(facts, judge, "a stop_grace_period such as 30s", "stop_grace_period")


@invariant(
    "workspace.stop-signal",
    ComposeFile,
    Dockerfile,
    why="a server finishes its requests only on a signal that it handles",
    clause="spec 4.2",
    weight=Weight.RULE,
)
def STOP_SIGNAL(facts: Facts, _context: Context) -> Verdict:
    recipe = facts.the(Dockerfile).recipe
    of_image = recipe.stop_signal if recipe else ""

    def judge(found: Production) -> str:
        signals = {one.name: one.stop_signal or of_image for one in found.slots}
        return first([f"{name}: {s or 'none'}" for name, s in signals.items() if s.upper() in NOT_GRACEFUL])

    return judged(facts, judge, "a stop_signal such as SIGTERM", "stop_signal")


@invariant(
    "workspace.restart-policy",
    ComposeFile,
    why="a service without a restart policy stays down after a crash or a reboot of the host",
    clause="spec 4.2",
    weight=Weight.RULE,
)
def RESTART_POLICY(facts: Facts, _context: Context) -> Verdict:
    def judge(found: Production) -> str:
        # One of two slots is idle, and only a deploy starts it.
        slots = () if any(map(restarts, found.slots)) else found.slots
        lasting = tuple(one for one in found.others if not one.once)
        return first(
            [f"{s.name}: restart {s.restart or 'unset'}" for s in (*slots, *lasting) if not restarts(s)]
        )

    return judged(facts, judge, "a restart policy such as unless-stopped", "restart policies")


def restarts(service: Service) -> bool:
    """True if the engine restarts the service."""
    return service.restart.partition(":")[0] in ("always", "unless-stopped", "on-failure")


@invariant(
    "workspace.database-not-published",
    ComposeFile,
    why="a published port bypasses the host's firewall, and the other services do not need it",
    clause="spec 4.2",
    weight=Weight.RULE,  # a private network between hosts is a reason
)
def DATABASE_NOT_PUBLISHED(facts: Facts, _context: Context) -> Verdict:
    def judge(found: Production) -> str:
        return first([line for one in found.others for line in exposed(one, loopback=False)])

    verdict = judged(facts, judge, "no database port published", "no database port published")
    file = facts.the(ComposeFile)
    others = file.production.others if file.production else ()
    local = [line for one in others for line in exposed(one, loopback=True)]
    if isinstance(verdict, Pass) and local:
        found, remedy = f"only on this host: {first(local)}", f"$EDITOR {quote(file.path)}"
        return Fail("no database port published", found, remedy, excused="advice")
    return verdict


def exposed(service: Service, *, loopback: bool) -> list[str]:
    """The published ports of a database, on the loopback interface or on others."""
    ports = [
        f"{service.name}: {port}"
        for port in service.ports
        if port.loopback is loopback and (service.database or port.target in DATABASE_PORTS)
    ]
    everywhere = service.database and service.host_network and not loopback
    return [*ports, f"{service.name}: network_mode: host"] if everywhere else ports
