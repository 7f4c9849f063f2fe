"""The behaviour of a running release: each field is one fault, and the default is a good release."""

from __future__ import annotations

from dataclasses import dataclass

TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "/app/api.py", line 7, in packet',
    "    raise ValueError(packet)",
    "ValueError: a packet without a body",
)


@dataclass(frozen=True)
class Behaviour:
    """All times are seconds: those named `after_switch` since public traffic came, the others since the start.

    `logs` are (time, line) pairs; `log_every` is a period and a line; lines are lost at
    `loses_log`. `processes`: how many it works in. `restarts`: the engine starts it again
    when it exits. `stops_in`: how long it takes to end after SIGTERM; `drops`: without answering what is open.
    """

    starts_in: float = 0.2
    never_healthy: bool = False
    unhealthy_after: float | None = None
    healthy_alone: bool = False
    status_in_body: bool = False
    smoke_fails: bool = False
    breaks_after_switch: float | None = None
    breaks_for_users_only: bool = False
    dies_after: float | None = None
    dies_after_switch: float | None = None
    exit_code: int = 1
    oom: bool = False
    restarts: bool = False
    stops_in: float = 0.02
    drops: bool = False
    logs: tuple[tuple[float, str], ...] = ()
    log_every: tuple[float, str] | None = None
    loses_log: float | None = None
    processes: int = 1
    builds: bool = True
    build_seconds: float = 0.1


def logged(at: float, *lines: str) -> tuple[tuple[float, str], ...]:
    """These lines, logged one after the other from `at` seconds after the start on."""
    return tuple((at + n / 1000, line) for n, line in enumerate(lines))


GOOD = Behaviour()
NEVER_HEALTHY = Behaviour(never_healthy=True)
EXITS_AT_START = Behaviour(starts_in=9, dies_after=0.1, exit_code=3, logs=((0.05, "no such module: packet"),))
OUT_OF_MEMORY = Behaviour(starts_in=9, dies_after=0.3, exit_code=137, oom=True)
BREAKS_AFTER_SWITCH = Behaviour(breaks_after_switch=0.4)
DIES_AFTER_SWITCH = Behaviour(dies_after_switch=0.4)
LOGS_A_TRACEBACK = Behaviour(logs=logged(0.1, *TRACEBACK))
LOGS_A_TRACEBACK_LATE = Behaviour(logs=logged(0.4, *TRACEBACK))
FLAPS = Behaviour(unhealthy_after=0.3)
SMOKE_FAILS = Behaviour(smoke_fails=True)
RESTARTS_IN_SOAK = Behaviour(dies_after=0.4, restarts=True)
ANSWERS_503_IN_BODY = Behaviour(status_in_body=True)
HEALTHY_ONLY_ALONE = Behaviour(healthy_alone=True)
DOES_NOT_BUILD = Behaviour(builds=False)
STOPS_SLOWLY = Behaviour(stops_in=0.3)
HEARS_NO_SIGTERM = Behaviour(stops_in=3600)
DROPS_AT_SIGTERM = Behaviour(drops=True)  # as a shell does that is told to stop in place of its child

REFUSED_BEFORE_THE_SWITCH = {
    "never-healthy": NEVER_HEALTHY,
    "exits-at-start": EXITS_AT_START,
    "out-of-memory": OUT_OF_MEMORY,
    "logs-a-traceback": LOGS_A_TRACEBACK,
    "logs-a-traceback-in-the-soak": LOGS_A_TRACEBACK_LATE,
    "unhealthy-in-the-soak": FLAPS,
    "smoke-fails": SMOKE_FAILS,
    "restarts-in-the-soak": RESTARTS_IN_SOAK,
    "answers-503-in-the-body": ANSWERS_503_IN_BODY,
    "healthy-only-alone": HEALTHY_ONLY_ALONE,
    "does-not-build": DOES_NOT_BUILD,
}
REFUSED_AFTER_THE_SWITCH = {
    "breaks-after-the-switch": BREAKS_AFTER_SWITCH,
    "dies-after-the-switch": DIES_AFTER_SWITCH,
    "dies-of-memory-after-the-switch": Behaviour(dies_after_switch=0.3, exit_code=137, oom=True),
    "restarts-after-the-switch": Behaviour(dies_after_switch=0.3, restarts=True),
    "logs-a-traceback-in-the-bake": Behaviour(logs=logged(1.2, *TRACEBACK)),
    "unhealthy-in-the-bake": Behaviour(unhealthy_after=1.0),
}
GOOD_ENOUGH = {
    "good": GOOD,
    "starts-slowly": Behaviour(starts_in=1.5),
    "starts-at-once": Behaviour(starts_in=0.0),
    "stops-slowly": STOPS_SLOWLY,
    "hears-no-sigterm": HEARS_NO_SIGTERM,
    "drops-at-sigterm": DROPS_AT_SIGTERM,
}
