"""Invariants of the host before anything changes there: it can take the release, and a rollback is possible."""

from __future__ import annotations

import shlex

from l9.checks.context import Context
from l9.checks.environment.facts import Environment
from l9.checks.git.versions import TagFormat
from l9.checks.git.workspace_invariants import listed
from l9.checks.host.facts import Checkout, HostTag, Route, Site
from l9.core.actions import WriteEnv
from l9.core.facts import Facts, Host, Retained
from l9.core.invariant import Weight, invariant, short
from l9.core.states import StepStatus
from l9.core.verdict import Fail, Pass, Unknown, Verdict

MB = 1_000_000


@invariant(
    "host.engine-ready",
    Host,
    why="a release runs in containers, which need an engine",
    clause="spec 5.1 prerequisites",
)
def ENGINE_READY(facts: Facts, _context: Context) -> Verdict:
    return Pass(facts.the(Host).engine)


@invariant(
    "host.site-ready",
    Route,
    Site,
    why="a switch has no effect if the router does not read the flag file",
    clause="spec 1.3 host",
)
def SITE_READY(facts: Facts, _context: Context) -> Verdict:
    site = facts.the(Site)
    if site.problem:
        return Fail("a site whose slot the flag file selects", site.problem, site.remedy)
    if site.hangs is not None:
        return Pass(f"the router accepts requests; {site.hangs} behind it does not answer")
    return Pass(f"the route answers, active slot {facts.the(Route).active}")


@invariant(
    "host.env-complete",
    Environment,
    why="a missing variable would take the release down after it has replaced the old one",
    clause="spec 5.1 step 3",
)
def ENV_COMPLETE(facts: Facts, context: Context) -> Verdict:
    env = facts.the(Environment)
    source = context.run.env.source if context.run.env else ""
    if source and not env.resolved:
        wanted = f"every key of .env.example in {source}"
        return Unknown(
            "not resolved yet: a deploy does it", f"l9 deploy {context.run.tag}", wanted, not_yet=True
        )
    edit = f"$EDITOR {shlex.quote(source or env.path)}"
    if not env.exists and not source:
        return Fail(f"an environment file {env.path}", "none", "l9 provision")
    if env.missing:
        return Fail(
            f"every key of .env.example in {source or env.path}", f"missing: {listed(env.missing)}", edit
        )
    if env.wrong:
        wanted = listed(tuple(f"{w.key}: {w.expected}" for w in env.wrong))
        return Fail(wanted, f"invalid value of {listed(tuple(w.key for w in env.wrong))}", edit)
    if env.mode & 0o077:
        remedy = f"chmod 600 {shlex.quote(env.path)}"
        return Fail(f"{env.path} readable by its owner only", f"mode {env.mode:04o}", remedy)
    where = f"resolved from {source}" if source else "mode 0600"
    return Pass(f"every key of .env.example has a valid value, {where}")


@invariant(
    "host.env-put-back",
    Environment,
    why="the release that is live again must start with its own environment, not the refused release's",
    clause="spec 5.2",
)
def ENV_PUT_BACK(facts: Facts, context: Context) -> Verdict:
    path = facts.the(Environment).path
    written = [step for step in context.run.steps if isinstance(step.action, WriteEnv)]
    if all(step.status is StepStatus.UNDONE for step in written):
        return Pass(f"{path} is as it was before the run" if written else f"the run did not change {path}")
    found = "the refused release's environment; the file from before is kept in .l9/env"
    return Fail(f"{path} as it was before the run", found, f"$EDITOR {shlex.quote(path)}")


@invariant(
    "host.checkout-unedited",
    Checkout,
    why="an edit made by hand is in no release, and a deploy would overwrite it silently",
    clause="spec 1.3 host (no drift)",
)
def CHECKOUT_UNEDITED(facts: Facts, _context: Context) -> Verdict:
    seen = facts.the(Checkout)
    if not seen.edited:
        return Pass("no edits in the live checkout")
    stash = shlex.join(("git", "-C", seen.root, "stash", "push", "--", *seen.edited[:5]))
    return Fail("a live checkout identical to its tag", f"edited by hand: {listed(seen.edited)}", stash)


@invariant(
    "host.ports-free",
    Host,
    why="the launch fails if another program holds the port",
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
    free, least = facts.the(Host).disk_free, context.settings.needs.disk
    if free >= least:
        return Pass(f"{free // MB} MB free")
    return Fail(f"{least // MB} MB of disk free", f"{free // MB} MB", "docker system df")


@invariant(
    "host.memory-free", Host, why="both slots run side by side during a deploy", clause="spec 5.1 step 5"
)
def MEMORY_FREE(facts: Facts, context: Context) -> Verdict:
    free, least = facts.the(Host).memory_available, context.settings.needs.memory
    if free >= least:
        return Pass(f"{free // MB} MB available")
    return Fail(f"{least // MB} MB of memory available", f"{free // MB} MB", "free -m")


@invariant(
    "host.way-back",
    Retained,
    why="a rollback must be possible before anything changes",
    clause="spec 5.2",
)
def WAY_BACK(facts: Facts, context: Context) -> Verdict:
    kept = facts.the(Retained)
    if context.run.previous is None:
        return Pass("first deploy: nothing to roll back to")
    if context.run.previous == context.run.tag:
        return Pass(f"{kept.tag} is deployed again, which recreates its retained parts")
    lacking = _lacking(kept)
    if not lacking:
        return Pass(f"rollback to {kept.tag} is ready: image {short(kept.image)}, compose, env and settings")
    found = f"missing: {', '.join(lacking)}"
    return Fail(f"everything that a rollback to {kept.tag} needs", found, f"l9 deploy {kept.tag} --again")


@invariant(
    "host.release-kept",
    Retained,
    why="a rollback to a pruned release would end in an outage",
    clause="spec 5.2",
)
def RELEASE_KEPT(facts: Facts, _context: Context) -> Verdict:
    kept = facts.the(Retained)
    lacking = _lacking(kept)
    if not lacking:
        return Pass(f"{kept.tag}: image {short(kept.image)}, compose, env and settings kept")
    return Fail(f"{kept.tag} retained", f"missing: {', '.join(lacking)}", f"l9 rollback {kept.tag} --rebuild")


def _lacking(kept: Retained) -> tuple[str, ...]:
    parts = {
        "image": kept.image_present,
        "compose snapshot": kept.compose,
        "env snapshot of mode 0600": kept.env,
        "settings": kept.settings,
    }
    return tuple(name for name, there in parts.items() if not there)


@invariant(
    "host.newer-than-live",
    Retained,
    why="an older release goes live by a rollback: instant, checked first, and recorded as one",
    clause="spec 5.2",
    weight=Weight.RULE,
)
def NEWER_THAN_LIVE(_facts: Facts, context: Context) -> Verdict:
    run, form = context.run, TagFormat(context.settings.release.tag)
    live, mine = form.parse(run.previous or ""), form.parse(run.tag)
    if live is None or mine is None:
        return Pass("no live version to compare with")
    if live <= mine:
        return Pass(f"{run.tag} is already live" if run.previous == run.tag else f"newer than {run.previous}")
    back = f"l9 rollback {run.tag}" + ("" if run.tag in run.kept else " --rebuild")
    remedy = back if run.was_good else "l9 check --explain host.newer-than-live"
    known = "was live before" if run.was_good else "was never live here"
    return Fail(f"a release newer than {run.previous}, which is live", f"{run.tag}, which {known}", remedy)


@invariant(
    "host.tag-never-moved",
    HostTag,
    why="a tag that named another object in an earlier run is an alarm, even if all clones agree now",
    clause="spec 1.1 (tags are immutable)",
)
def TAG_NEVER_MOVED(_facts: Facts, context: Context) -> Verdict:
    run = context.run
    if not run.objects:
        return Pass(f"no earlier run had another object under {run.tag}")
    found = f"{', '.join(one[:12] for one in run.objects[:3])} in earlier runs (moved!)"
    return Fail(f"{run.tag} is {run.tag_object[:12]} in every run on record", found, f"l9 explain {run.tag}")


@invariant(
    "host.tag-same",
    HostTag,
    why="the host must build exactly the tag object that was checked",
    clause="spec 5.1 step 1",
)
def TAG_SAME(facts: Facts, context: Context) -> Verdict:
    tag, wanted = facts.the(HostTag).tag, context.run.tag_object
    if tag.object_id == wanted:
        return Pass(f"the same tag object {wanted[:12]}, commit {tag.commit[:12]}")
    found = f"{tag.object_id[:12]} (moved!)" if tag.object_id else "no such tag on the host"
    return Fail(f"tag object {wanted[:12]}", found, f"git ls-remote origin {context.run.tag}")


@invariant("host.tag-on-main", HostTag, why="an orphaned commit must not go live", clause="spec 5.1 step 1")
def TAG_ON_MAIN(facts: Facts, context: Context) -> Verdict:
    main = context.settings.release.main
    if facts.the(HostTag).tag.on_main:
        return Pass(f"on origin/{main} in the host's clone")
    return Fail(
        f"reachable from origin/{main}", "not reachable in the host's clone", f"git push origin {main}"
    )
