"""Invariants of the host (spec 1.3, VPS RUNTIME), in the order in which the table needs them."""

from __future__ import annotations

import shlex
from shlex import quote

from l9.core.facts import (
    Bake,
    Checkout,
    Environment,
    Facts,
    Health,
    Host,
    HostTag,
    Image,
    InFlight,
    Logs,
    Proof,
    Record,
    Retained,
    Route,
    Services,
    Slots,
    Smoke,
    Traffic,
)
from l9.core.invariants.invariant import Context, invariant
from l9.core.invariants.workspace import shown
from l9.core.logs import Outcome
from l9.core.states import State
from l9.core.verdict import Fail, Pass, Pending, Verdict

QUIET = "no request in flight"
MB = 1_000_000


@invariant("host.engine-ready", Host, why="no engine, no release", clause="spec 5.1 prerequisites")
def ENGINE_READY(facts: Facts, _context: Context) -> Verdict:
    return Pass(facts.the(Host).engine)


@invariant(
    "host.site-ready",
    Route,
    why="a switch that the router does not read moves nothing",
    clause="spec 1.3 host",
)
def SITE_READY(facts: Facts, _context: Context) -> Verdict:
    route = facts.the(Route)
    if route.problem:
        return Fail("a site whose colour the flag file decides", route.problem, route.remedy)
    return Pass(f"the route answers, active slot {route.active}")


@invariant(
    "host.env-complete",
    Environment,
    why="a missing variable takes the release down after it has replaced the old one",
    clause="spec 5.1 step 3",
)
def ENV_COMPLETE(facts: Facts, _context: Context) -> Verdict:
    env = facts.the(Environment)
    if not env.exists:
        return Fail(f"an environment file {env.path}", "none", "l9 provision")
    if env.missing:
        return Fail(
            f"every key of .env.example in {env.path}",
            f"missing: {shown(env.missing)}",
            f"$EDITOR {quote(env.path)}",
        )
    if env.mode & 0o077:
        remedy = f"chmod 600 {quote(env.path)}"
        return Fail(f"{env.path} readable by its owner only", f"mode {env.mode:04o}", remedy)
    return Pass("every key of .env.example has a value, mode 0600")


@invariant(
    "host.checkout-unedited",
    Checkout,
    why="an edit made by hand is in no release, and a deploy would overwrite it without a word",
    clause="spec 1.3 host (no drift)",
)
def CHECKOUT_UNEDITED(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(Checkout)
    if not seen.edited:
        return Pass("nobody edited the live checkout")
    stash = shlex.join(("git", "-C", seen.root, "stash", "push", "--", *seen.edited[:5]))
    return Fail("a live checkout as its tag has it", f"edited by hand: {shown(seen.edited)}", stash)


@invariant(
    "host.ports-free",
    Host,
    why="a port that another program holds fails the launch halfway",
    clause="spec 5.1 step 5",
)
def PORTS_FREE(facts: Facts, _context: Context) -> Verdict:
    taken = facts.the(Host).ports_taken
    if not taken:
        return Pass("the idle slot's port is free")
    port, holder = next(iter(sorted(taken.items())))
    return Fail(f"port {port} free", f"held by {holder}", f"ss -ltnp 'sport = :{port}'")


@invariant("host.disk-free", Host, why="a full disk stops the build and then the database", clause="spec 5.1")
def DISK_FREE(facts: Facts, context: Context) -> Verdict:
    free, least = facts.the(Host).disk_free, context.rules.min_disk
    if free >= least:
        return Pass(f"{free // MB} MB free")
    return Fail(f"{least // MB} MB of disk free", f"{free // MB} MB", "docker system df")


@invariant("host.memory-free", Host, why="two slots run side by side for a while", clause="spec 5.1 step 5")
def MEMORY_FREE(facts: Facts, context: Context) -> Verdict:
    free, least = facts.the(Host).memory_available, context.rules.min_memory
    if free >= least:
        return Pass(f"{free // MB} MB available")
    return Fail(f"{least // MB} MB of memory available", f"{free // MB} MB", "free -m")


@invariant(
    "host.way-back",
    Retained,
    why="a rollback is proved possible before anything changes",
    clause="spec 5.2",
)
def WAY_BACK(facts: Facts, context: Context) -> Verdict:
    kept = facts.the(Retained)
    if context.run.previous is None:
        return Pass("first deploy: there is nothing to go back to")
    if context.run.previous == context.run.tag:
        return Pass(f"{kept.tag} is deployed again, which makes all that is kept of it anew")
    lacking = _lacking(kept)
    if not lacking:
        return Pass(f"{kept.tag} can be gone back to: image {short(kept.image)}, compose and env kept")
    found = f"missing: {', '.join(lacking)}"
    return Fail(f"all that {kept.tag} needs to come back", found, f"l9 deploy {kept.tag} --again")


@invariant(
    "host.release-kept",
    Retained,
    why="a rollback to a release that was pruned ends in an outage",
    clause="spec 5.2",
)
def RELEASE_KEPT(facts: Facts, _context: Context) -> Verdict:
    kept = facts.the(Retained)
    lacking = _lacking(kept)
    if not lacking:
        return Pass(f"{kept.tag}: image {short(kept.image)}, compose and env kept")
    return Fail(f"{kept.tag} retained", f"missing: {', '.join(lacking)}", f"l9 deploy {kept.tag}")


def _lacking(kept: Retained) -> tuple[str, ...]:
    parts = {"image": kept.image_present, "compose snapshot": kept.compose, "env snapshot": kept.env}
    return tuple(name for name, there in parts.items() if not there)


def short(digest: str | None) -> str:
    """A digest as people quote it: twelve digits after the algorithm."""
    return (digest or "none").removeprefix("sha256:")[:12]


@invariant(
    "host.tag-same",
    HostTag,
    why="the host must build the very object that was judged",
    clause="spec 5.1 step 1",
)
def TAG_SAME(facts: Facts, context: Context) -> Verdict:
    tag, wanted = facts.the(HostTag).tag, context.run.tag_object
    if tag.object_id == wanted:
        return Pass(f"the same tag object {wanted[:12]}, commit {tag.commit[:12]}")
    found = f"{tag.object_id[:12]} (moved!)" if tag.object_id else "no such tag on the host"
    return Fail(f"tag object {wanted[:12]}", found, f"git ls-remote origin {context.run.tag}")


@invariant("host.tag-on-main", HostTag, why="no orphaned commit goes live", clause="spec 5.1 step 1")
def TAG_ON_MAIN(facts: Facts, context: Context) -> Verdict:
    main = str(context.run.settings.get("main", "main"))
    if facts.the(HostTag).tag.on_main:
        return Pass(f"on origin/{main}, seen from the host")
    return Fail(f"reachable from origin/{main}", "it is not, seen from the host", f"git push origin {main}")


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
        return Fail("the project's other services running", shown(down), "docker compose ps --all")
    return Pass(f"{shown(tuple(sorted(status)))} running" if status else "the project has no other services")


@invariant(
    "host.new-slot-up", Slots, why="a container of this release, not just any", clause="spec 1.2 LAUNCH"
)
def NEW_SLOT_UP(facts: Facts, context: Context) -> Verdict:
    run = context.run
    slot = facts.the(Slots)[run.new]
    if slot.release == run.tag and slot.status in ("running", "restarting", "exited"):
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
        return Pass(
            f"first healthy answer {streak.first_ok_at - context.run.entered[State.GREEN_LAUNCHED]:.1f} s after launch"
        )
    if slot.status in ("exited", "absent"):
        return _unhealthy(facts, context, f"the process ended with exit code {slot.exit_code}")
    if context.elapsed > context.rules.deadline:
        return _unhealthy(facts, context, f"not in {context.rules.deadline:g} s")
    return Pending(_last(facts), context.elapsed, context.rules.deadline)


@invariant(
    "host.healthy-for-soak",
    Health,
    Slots,
    Logs,
    why="one good answer may be luck",
    clause="spec 1.3 host (green for 10 s)",
)
def HEALTHY_FOR_SOAK(facts: Facts, context: Context) -> Verdict:
    streak, soak = facts.the(Health).streak, context.rules.soak
    slot = facts.the(Slots)[context.run.new]
    if slot.status in ("exited", "absent"):
        return _unhealthy(facts, context, f"the process ended with exit code {slot.exit_code}")
    if streak.healthy_since is not None:
        held = context.now - streak.healthy_since
        if held >= soak:
            return Pass(f"healthy for {held:.1f} s without a break, {streak.samples} probes")
        return Pending(f"healthy for {held:.1f} of {soak:g} s", held, soak)
    if context.elapsed > context.rules.deadline + soak:
        return _unhealthy(facts, context, f"never {soak:g} s without a break")
    return Pending(_last(facts), 0, soak)


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
    if context.run.wake == "paused":
        return Pass("woken from standby: the engine's last word is from the pause, our own probes decide")
    if health in (None, "none"):
        return Pass("the image has no healthcheck")
    if health == "healthy":
        return Pass("the engine says healthy")
    if health == "unhealthy":
        return _unhealthy(facts, context, "the engine's healthcheck says unhealthy")
    if context.elapsed > context.rules.deadline:
        return _unhealthy(facts, context, f"the engine's healthcheck still says {health}")
    return Pending(f"the engine's healthcheck says {health}", context.elapsed, context.rules.deadline)


def _last(facts: Facts) -> str:
    last = facts.the(Health).streak.last
    return last.detail if last else "no answer yet"


def _unhealthy(facts: Facts, context: Context, found: str) -> Fail:
    logs = facts.the(Logs)
    cause = f"; probable cause: {logs.cause}" if logs.cause else ""
    run = context.run
    return Fail(
        f"{run.tag} healthy within {context.rules.deadline:g} s",
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
    verdict = _logs(facts, context)
    if isinstance(verdict, Fail):
        return verdict
    healthy_at = facts.the(Health).streak.first_ok_at
    if healthy_at is None or facts.the(Logs).at < healthy_at:
        return Pending("reading the log", 0, 0)  # a log read before it came up says nothing of how it came up
    return verdict


@invariant(
    "host.logs-stay-clean", Logs, why="some errors only real traffic brings out", clause="spec 5.1 step 6"
)
def LOGS_STAY_CLEAN(facts: Facts, context: Context) -> Verdict:
    verdict = _logs(facts, context)
    return verdict if isinstance(verdict, Fail) else _once_baked(context, verdict)


def _logs(facts: Facts, context: Context) -> Pass | Fail:
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
        return Pass(f"inconclusive: {report.reason}")
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
    return Pass(
        f"{len(results)} smoke requests as expected" if results else "no smoke requests are configured"
    )


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
    return _once_baked(context, passed) if context.gate is State.BAKED else passed


@invariant(
    "host.route-set",
    Route,
    why="the flag on disk is what survives a restart of the router",
    clause="spec 5.1 step 7",
)
def ROUTE_SET(facts: Facts, context: Context) -> Verdict:
    active = facts.the(Route).active
    if active is context.run.new:
        return Pass(f"traffic goes to {active}")
    return Fail(f"traffic to {context.run.new}", f"it goes to {active}", "l9 resume")


@invariant(
    "host.route-proved", Proof, why="the router's word is not proof; an answer is", clause="spec 5.1 step 10"
)
def ROUTE_PROVED(facts: Facts, context: Context) -> Verdict:
    return _proved(facts.the(Proof), context, str(context.run.new), context.run.tag)


def _proved(proof: Proof, context: Context, slot: str, release: str) -> Verdict:
    wanted = context.rules.proofs
    if proof.consecutive >= wanted:
        return Pass(f"{proof.consecutive} answers in a row from {slot} with {release}")
    found = proof.problem or f"{proof.slot or 'no slot'} with {proof.release or 'no release'}"
    if context.elapsed > context.rules.proof_deadline:
        return Fail(
            f"{wanted} answers in a row from {slot} with {release}", found, f"l9 explain {context.run.id}"
        )
    return Pending(f"{proof.consecutive} of {wanted} answers from {slot}", proof.consecutive, wanted)


def _once_baked(context: Context, passed: Pass) -> Verdict:
    """A good bake is only known at its end."""
    bake = context.rules.bake
    if context.elapsed >= bake:
        return passed
    return Pending(f"watched for {context.elapsed:.0f} of {bake:g} s", context.elapsed, bake)


@invariant("host.few-server-errors", Traffic, why="real users find what probes do not", clause="design: bake")
def FEW_SERVER_ERRORS(facts: Facts, context: Context) -> Verdict:
    seen, rules = facts.the(Traffic), context.rules
    if seen.answers < rules.min_answers:
        return _once_baked(
            context, Pass(f"inconclusive: only {seen.answers} real answers (wanted {rules.min_answers})")
        )
    share = seen.server_errors / seen.answers
    if share > rules.max_error_share:
        return Fail(
            f"at most {rules.max_error_share:.1%} of real answers 5xx",
            f"{share:.1%} ({seen.server_errors} of {seen.answers})",
            f"l9 explain {context.run.id}",
            seen.examples,
        )
    return _once_baked(context, Pass(f"{seen.server_errors} of {seen.answers} real answers were 5xx"))


@invariant(
    "host.answers-stay-good",
    Bake,
    Logs,
    why="healthy at the switch, broken a second later",
    clause="design: bake",
)
def ANSWERS_STAY_GOOD(facts: Facts, context: Context) -> Verdict:
    bake = facts.the(Bake)
    if len(bake.failures) >= context.rules.bake_failures:
        last = bake.failures[-1]
        return Fail(
            f"{last.name}: {last.expected}",
            f"{last.found} ({len(bake.failures)} failures in {bake.rounds} rounds)",
            f"l9 explain {context.run.id}",
            facts.the(Logs).tail,
        )
    if not bake.rounds and context.rules.bake:
        return Pending("first round", 0, context.rules.bake)
    return _once_baked(
        context,
        Pass(
            f"{bake.rounds} rounds of health and smoke through the public route, {len(bake.failures)} failed"
        ),
    )


@invariant("host.drained", InFlight, why="a request that was accepted is answered", clause="spec 5.1 step 8")
def DRAINED(facts: Facts, context: Context) -> Verdict:
    seen, grace, old = facts.the(InFlight), context.rules.grace, context.run.old
    if old is None:
        return Pass("first deploy: nothing to drain")
    if seen.requests == 0 and seen.quiet >= 3:
        if not seen.streams:
            return Pass(f"{QUIET} on {old} after {context.elapsed:.1f} s")
        return Pass(f"all requests on {old} have ended, {seen.streams} streams are still open")
    left = "an unknown number of" if seen.requests is None else str(seen.requests)
    if context.elapsed >= grace:
        return Pass(f"grace of {grace:g} s is over with {left} requests open on {old}")
    return Pending(f"{left} requests in flight on {old}", context.elapsed, grace)


@invariant(
    "host.old-stands-by",
    Slots,
    why="the old slot must not work on, and must be there to go back to",
    clause="spec 5.1 step 10 (or leave as standby)",
)
def OLD_STANDS_BY(facts: Facts, context: Context) -> Verdict:
    run = context.run
    if run.old is None:
        return Pass("first deploy: no old slot")
    old = facts.the(Slots)[run.old]
    if not old.serves:
        return Pass(f"{old.release or 'nothing'} {old.status} in {run.old}")
    return Fail(f"{run.old} paused or stopped", f"{old.release} {old.status}", "l9 resume")


@invariant(
    "host.record-true",
    Record,
    why="what the host says is deployed is what runs",
    clause="spec 1.3 host (no drift)",
)
def RECORD_TRUE(facts: Facts, context: Context) -> Verdict:
    record, run = facts.the(Record), context.run
    if record.deployed_tag == run.tag and record.checkout_commit == run.commit:
        return Pass(f".deployed-tag says {run.tag}, checkout on {run.commit[:12]}")
    return Fail(
        f"{run.tag} on {run.commit[:12]}",
        f"{record.deployed_tag} on {str(record.checkout_commit)[:12]}",
        "l9 drift",
    )


@invariant(
    "host.previous-live",
    Route,
    Slots,
    Proof,
    why="after going back, the public route must serve what it served before",
    clause="spec 5.2",
)
def PREVIOUS_LIVE(facts: Facts, context: Context) -> Verdict:
    run = context.run
    if run.old is None or run.previous is None:
        return Pass("nothing was live before")
    route, old = facts.the(Route), facts.the(Slots)[run.old]
    if route.active is not run.old:
        return Fail(f"traffic to {run.old}", f"it goes to {route.active}", "l9 resume")
    if not old.serves or old.release != run.previous:
        return Fail(
            f"{run.previous} running in {run.old}", f"{old.release or 'nothing'} {old.status}", "l9 rollback"
        )
    if not run.switched:
        return Pass(f"users never left {run.previous} in {run.old}")
    return _proved(facts.the(Proof), context, str(run.old), run.previous)


@invariant(
    "host.new-slot-gone",
    Slots,
    why="a refused release must not work on in the background",
    clause="spec 1.2 ROLLBACK",
)
def NEW_SLOT_GONE(facts: Facts, context: Context) -> Verdict:
    run = context.run
    slot = facts.the(Slots)[run.new]
    if slot.release == run.tag and slot.status in ("running", "restarting"):
        return Fail(f"{run.tag} not running in {run.new}", f"{slot.status}", "l9 resume")
    return Pass(f"{run.tag} does not run in {run.new}")
