"""Invariants of the new slot: its image, health, log and answers (spec 1.3, VPS RUNTIME)."""

from __future__ import annotations

from l9.checks.context import Context
from l9.checks.git.workspace_invariants import listed
from l9.checks.host.bake import once_baked
from l9.checks.host.facts import Health, Logs, Smoke
from l9.checks.host.wake import QUIET, is_over, soak_of
from l9.checks.logs.report import Outcome
from l9.core.facts import Facts, Image, Services, Slots
from l9.core.invariant import invariant, short
from l9.core.states import SlotStatus, State
from l9.core.verdict import Fail, Pass, Pending, Unknown, Verdict

MB = 1_000_000


@invariant(
    "host.image-ready",
    Image,
    why="a slot runs one image, identified by digest and built from this commit",
    clause="spec 1.2 IMAGES-READY",
)
def IMAGE_READY(facts: Facts, context: Context) -> Verdict:
    image, wanted = facts.the(Image), context.run.commit
    if image.commit == wanted:
        size = f", {image.size // MB} MB" if image.size else ""
        return Pass(f"image {short(image.digest)} of commit {wanted[:12]}{size}")
    return Fail(
        f"an image of commit {wanted[:12]}",
        f"an image of {image.commit[:12] or 'no commit'}",
        f"l9 explain {context.run.id}",
    )


@invariant(
    "host.services-up",
    Services,
    why="the release is healthy only when they run",
    clause="spec 5.1 prerequisites",
)
def SERVICES_UP(facts: Facts, _context: Context) -> Verdict:
    status = facts.the(Services).status
    down = tuple(f"{n} {s}" for n, s in sorted(status.items()) if s not in ("running", "done"))
    if down:
        return Fail("the project's other services running", listed(down), "docker compose ps --all")
    return Pass(f"{listed(tuple(sorted(status)))} running" if status else "the project has no other services")


@invariant(
    "host.new-slot-up", Slots, why="the slot must run a container of this release", clause="spec 1.2 LAUNCH"
)
def NEW_SLOT_UP(facts: Facts, context: Context) -> Verdict:
    run = context.run
    slot = facts.the(Slots)[run.new]
    if slot.release == run.tag and slot.status in (
        SlotStatus.RUNNING,
        SlotStatus.RESTARTING,
        SlotStatus.EXITED,
    ):
        return Pass(f"{run.tag} {slot.status} in {run.new}, image {short(slot.image)}")
    found = f"{slot.release or 'nothing'} {slot.status}"
    return Fail(f"{run.tag} running in {run.new}", found, f"l9 explain {run.id}")


@invariant(
    "host.healthy-in-time",
    Health,
    Slots,
    Logs,
    why="the wait for a release that never comes up must end",
    clause="spec 5.1 step 5",
)
def HEALTHY_IN_TIME(facts: Facts, context: Context) -> Verdict:
    streak, slot = facts.the(Health).streak, facts.the(Slots)[context.run.new]
    if streak.first_ok_at is not None:
        launched = context.run.entered[State.BLUE_GREEN_LAUNCH]
        return Pass(f"first healthy answer {streak.first_ok_at - launched:.1f} s after launch")
    if slot.status in (SlotStatus.EXITED, SlotStatus.ABSENT):
        return _unhealthy(facts, context, f"the process ended with exit code {slot.exit_code}")
    if context.elapsed > context.settings.health.deadline:
        return _unhealthy(facts, context, f"not healthy in {context.settings.health.deadline:g} s")
    return Pending(_last(facts), context.elapsed, context.settings.health.deadline)


@invariant(
    "host.healthy-for-soak",
    Health,
    Slots,
    Logs,
    why="a single healthy answer is no proof of a healthy release",
    clause="spec 1.3 host (green for 10 s)",
)
def HEALTHY_FOR_SOAK(facts: Facts, context: Context) -> Verdict:
    streak, soak = facts.the(Health).streak, soak_of(context)
    slot = facts.the(Slots)[context.run.new]
    if slot.status in (SlotStatus.EXITED, SlotStatus.ABSENT):
        return _unhealthy(facts, context, f"the process ended with exit code {slot.exit_code}")
    if streak.healthy_since is not None:
        held = context.now - streak.healthy_since
        if held >= soak:
            return Pass(f"healthy for {held:.1f} s without a break, {streak.samples} probes")
        return Pending(f"healthy for {held:.1f} of {soak:g} s", held, soak)
    if context.elapsed > context.settings.health.deadline + soak:
        return _unhealthy(facts, context, f"never healthy for {soak:g} s without a break")
    return Pending(_last(facts), 0, soak, timed=False)


@invariant(
    "host.engine-health",
    Slots,
    Health,
    Logs,
    why="the image's own healthcheck must pass, if it has one",
    clause="spec 1.3 host",
)
def ENGINE_HEALTH(facts: Facts, context: Context) -> Verdict:
    health = facts.the(Slots)[context.run.new].health
    if context.run.wake in (SlotStatus.PAUSED, SlotStatus.RUNNING):
        # Also of one that runs: it may have been woken a moment ago, by hand or by the run before.
        return Pass("not started by this run: the engine's last result may be of a pause, l9's probes decide")
    if health in (None, "none"):
        return Pass("the image has no healthcheck")
    if health == "healthy":
        return Pass("the engine reports healthy")
    if health == "unhealthy":
        return _unhealthy(facts, context, "the engine's healthcheck reports unhealthy")
    if context.elapsed > context.settings.health.deadline:
        return _unhealthy(facts, context, f"the engine's healthcheck still reports {health}")
    return Pending(
        f"the engine's healthcheck reports {health}", context.elapsed, context.settings.health.deadline
    )


def _last(facts: Facts) -> str:
    last = facts.the(Health).streak.last
    return last.detail if last else "no answer yet"


def _unhealthy(facts: Facts, context: Context, found: str) -> Fail:
    logs = facts.the(Logs)
    cause = f"; probable cause: {logs.cause}" if logs.cause else ""
    run = context.run
    return Fail(
        f"{run.tag} healthy within {context.settings.health.deadline:g} s",
        f"{found}; last answer: {_last(facts)}{cause}",
        f"l9 explain {run.id}",
        logs.tail,
    )


@invariant(
    "host.logs-clean",
    Logs,
    Health,
    why="the log shows errors that no probe finds",
    clause="spec 5.1 step 6",
)
def LOGS_CLEAN(facts: Facts, context: Context) -> Verdict:
    verdict = judge_log(facts, context)
    if not isinstance(verdict, Pass):
        return verdict
    # The log must be read after the first healthy answer, so that it covers the whole start.
    healthy_at, read_at = facts.the(Health).streak.first_ok_at, facts.the(Logs).at
    seen, streak = facts.the(Logs), facts.the(Health).streak
    if seen.noise and not is_over(seen.noise_at, streak, context.now):
        if context.elapsed > context.settings.health.deadline + context.settings.health.soak:
            found = f"{seen.noise} after the wake, and no quiet since"
            return Fail(
                "the noise of the wake ends by itself", found, f"l9 explain {context.run.id}", seen.tail
            )
        return Pending(f"woken with {seen.noise}", context.now - seen.noise_at, QUIET)
    if healthy_at is None or read_at < healthy_at:
        health = context.settings.health
        if healthy_at is not None and context.elapsed > health.deadline + health.soak:
            return Unknown("the log grows faster than it can be read", f"l9 explain {context.run.id}")
        return Pending("reading the log", 0, 0)
    return Pass(f"{verdict.found}; after the wake {seen.noise}, which ended") if seen.noise else verdict


@invariant(
    "host.logs-stay-clean", Logs, why="some errors occur only under real traffic", clause="spec 5.1 step 6"
)
def LOGS_STAY_CLEAN(facts: Facts, context: Context) -> Verdict:
    verdict = judge_log(facts, context)
    if isinstance(verdict, Fail):
        return verdict
    if isinstance(verdict, Unknown):
        # Heavy traffic makes logs rotate: lost lines alone do not roll a live release back.
        verdict = Pass(f"inconclusive: {verdict.reason}")
    return once_baked(context, verdict)


def judge_log(facts: Facts, context: Context) -> Pass | Fail | Unknown:
    """Judge the log that was read; Unknown if lines of it were lost."""
    report = facts.the(Logs).report
    if report.outcome is Outcome.ERRORS:
        first = report.excerpt[0].splitlines()
        return Fail(
            "no error in the log that the live slot does not log too",
            f"{first[-1]} ({report.reason})",
            f"l9 explain {context.run.id}",
            tuple(line for text in report.excerpt for line in text.splitlines()),
        )
    if report.outcome is Outcome.INCONCLUSIVE:
        return Unknown(report.reason, f"l9 explain {context.run.id}", "every line that was logged")
    return Pass(report.reason)


@invariant(
    "host.smoke-passed",
    Smoke,
    why="/health can answer 200 while the application is broken",
    clause="spec 5.1 step 6",
)
def SMOKE_PASSED(facts: Facts, context: Context) -> Verdict:
    results = facts.the(Smoke).results
    for result in results:
        if not result.ok:
            return Fail(f"{result.name}: {result.expected}", result.found, f"l9 explain {context.run.id}")
    count = f"smoke {len(results)} of {len(results)}" if results else "no smoke requests are configured"
    return Pass(f"{context.run.new} answers, {count}")


@invariant(
    "host.new-slot-steady",
    Slots,
    Logs,
    why="probes do not see a restart or an OOM kill between two of them",
    clause="field notes, log rule 7",
)
def NEW_SLOT_STEADY(facts: Facts, context: Context) -> Verdict:
    slot, run = facts.the(Slots)[context.run.new], context.run
    restarts = max(0, slot.restarts - run.woken_restarts)
    out_of_memory = slot.oom_killed and not run.woken_oom
    if out_of_memory or restarts or not slot.serves or slot.release != run.tag:
        found = (
            "out of memory: killed"
            if out_of_memory
            else f"{slot.status}, {restarts} restarts, exit code {slot.exit_code}"
        )
        return Fail(
            f"{run.tag} running, never restarted",
            found,
            f"l9 explain {context.run.id}",
            facts.the(Logs).tail,
        )
    passed = Pass("running, no restart, no OOM kill")
    return once_baked(context, passed) if context.gate is State.BAKE else passed
