"""Invariants of the new slot: its image, its health, its log, its answers (spec 1.3, VPS RUNTIME)."""

from __future__ import annotations

from l9.checks.context import Context
from l9.checks.git.workspace_invariants import listed
from l9.checks.host.bake import once_baked
from l9.checks.host.facts import Health, Logs, Smoke
from l9.checks.logs.logs import Outcome
from l9.core.facts import Facts, Image, Services, Slots
from l9.core.invariant import invariant, short
from l9.core.states import SlotStatus, State
from l9.core.verdict import Fail, Pass, Pending, Unknown, Verdict

MB = 1_000_000


@invariant(
    "host.image-ready",
    Image,
    why="a slot runs one image, named by digest, built from this commit",
    clause="spec 1.2 IMAGES-READY",
)
def IMAGE_READY(facts: Facts, context: Context) -> Verdict:
    image, wanted = facts.the(Image), context.run.commit
    if image.commit == wanted:
        size = f", {image.size // MB} MB" if image.size else ""
        return Pass(f"image {short(image.digest)} of commit {wanted[:12]}{size}")
    return Fail(
        f"an image of commit {wanted[:12]}",
        f"one of {image.commit[:12] or 'no commit'}",
        f"l9 explain {context.run.id}",
    )


@invariant(
    "host.services-up", Services, why="the release needs them to be healthy", clause="spec 5.1 prerequisites"
)
def SERVICES_UP(facts: Facts, _context: Context) -> Verdict:
    status = facts.the(Services).status
    down = tuple(f"{n} {s}" for n, s in sorted(status.items()) if s not in ("running", "done"))
    if down:
        return Fail("the project's other services running", listed(down), "docker compose ps --all")
    return Pass(f"{listed(tuple(sorted(status)))} running" if status else "the project has no other services")


@invariant(
    "host.new-slot-up", Slots, why="a container of this release, not just any", clause="spec 1.2 LAUNCH"
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
    why="a release that never comes up must not be waited for",
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
        return _unhealthy(facts, context, f"not in {context.settings.health.deadline:g} s")
    return Pending(_last(facts), context.elapsed, context.settings.health.deadline)


@invariant(
    "host.healthy-for-soak",
    Health,
    Slots,
    Logs,
    why="one good answer may be luck",
    clause="spec 1.3 host (green for 10 s)",
)
def HEALTHY_FOR_SOAK(facts: Facts, context: Context) -> Verdict:
    streak, soak = facts.the(Health).streak, context.settings.health.soak
    slot = facts.the(Slots)[context.run.new]
    if slot.status in (SlotStatus.EXITED, SlotStatus.ABSENT):
        return _unhealthy(facts, context, f"the process ended with exit code {slot.exit_code}")
    if streak.healthy_since is not None:
        held = context.now - streak.healthy_since
        if held >= soak:
            return Pass(f"healthy for {held:.1f} s without a break, {streak.samples} probes")
        return Pending(f"healthy for {held:.1f} of {soak:g} s", held, soak)
    if context.elapsed > context.settings.health.deadline + soak:
        return _unhealthy(facts, context, f"never {soak:g} s without a break")
    return Pending(_last(facts), 0, soak, timed=False)


@invariant(
    "host.engine-health",
    Slots,
    Health,
    Logs,
    why="the image's own healthcheck has a say where there is one",
    clause="spec 1.3 host",
)
def ENGINE_HEALTH(facts: Facts, context: Context) -> Verdict:
    health = facts.the(Slots)[context.run.new].health
    if context.run.wake is SlotStatus.PAUSED:
        return Pass("woken from standby: the engine's last word is from the pause, our own probes decide")
    if health in (None, "none"):
        return Pass("the image has no healthcheck")
    if health == "healthy":
        return Pass("the engine says healthy")
    if health == "unhealthy":
        return _unhealthy(facts, context, "the engine's healthcheck says unhealthy")
    if context.elapsed > context.settings.health.deadline:
        return _unhealthy(facts, context, f"the engine's healthcheck still says {health}")
    return Pending(
        f"the engine's healthcheck says {health}", context.elapsed, context.settings.health.deadline
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
    why="an error in the log is a failure that no probe asked about",
    clause="spec 5.1 step 6",
)
def LOGS_CLEAN(facts: Facts, context: Context) -> Verdict:
    verdict = judge_log(facts, context)
    if not isinstance(verdict, Pass):
        return verdict
    # A log read before it came up says nothing of how it came up.
    healthy_at, read_at = facts.the(Health).streak.first_ok_at, facts.the(Logs).at
    if healthy_at is None or read_at < healthy_at:
        health = context.settings.health
        if healthy_at is not None and context.elapsed > health.deadline + health.soak:
            return Unknown("more is logged than can be read in time", f"l9 explain {context.run.id}")
        return Pending("reading the log", 0, 0)
    return verdict


@invariant(
    "host.logs-stay-clean", Logs, why="some errors only real traffic brings out", clause="spec 5.1 step 6"
)
def LOGS_STAY_CLEAN(facts: Facts, context: Context) -> Verdict:
    verdict = judge_log(facts, context)
    if isinstance(verdict, Fail):
        return verdict
    if isinstance(verdict, Unknown):
        # Users are on it, and much traffic makes logs rotate: lost lines alone are no reason to go back.
        verdict = Pass(f"inconclusive: {verdict.reason}")
    return once_baked(context, verdict)


def judge_log(facts: Facts, context: Context) -> Pass | Fail | Unknown:
    """The verdict on the log that was read; Unknown where lines of it were lost."""
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
    why="/health may be 200 while the application is broken",
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
    why="a restart or an OOM kill between two probes goes unseen by them",
    clause="field notes, log rule 7",
)
def NEW_SLOT_STEADY(facts: Facts, context: Context) -> Verdict:
    slot = facts.the(Slots)[context.run.new]
    if slot.oom_killed or slot.restarts or not slot.serves or slot.release != context.run.tag:
        what = (
            "killed for lack of memory"
            if slot.oom_killed
            else f"{slot.status}, {slot.restarts} restarts, exit code {slot.exit_code}"
        )
        return Fail(
            f"{context.run.tag} running, never restarted",
            what,
            f"l9 explain {context.run.id}",
            facts.the(Logs).tail,
        )
    passed = Pass("running, no restart, not out of memory")
    return once_baked(context, passed) if context.gate is State.BAKE else passed
