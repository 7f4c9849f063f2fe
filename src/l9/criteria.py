"""The spec's lists as tables: production readiness (part 9) and the checklist (8.1, 8.2).

A line is judged only by the invariants that it names; no line is ticked by hand.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from l9.catalogue import Judged, catalogue
from l9.core.verdict import VerdictKind


class Criterion(msgspec.Struct, frozen=True):
    """One line. `needs` are ids of invariants; those that only a deploy judges are taken from the record."""

    group: str
    title: str
    clause: str
    needs: tuple[str, ...]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A criterion with its evidence. `verdict` and `closes` are those of its worst invariant."""

    group: str
    title: str
    clause: str
    verdict: VerdictKind
    closes: bool
    evidence: tuple[Judged, ...]


WORST_FIRST = (VerdictKind.FAIL, VerdictKind.UNKNOWN, VerdictKind.PENDING, VerdictKind.PASS)


CGMP = (
    "workspace.fix-passed",
    "workspace.sim-passed",
    "workspace.cov-passed",
    "workspace.oracle-passed",
    "workspace.cgmp-this-tree",
)


def _part_9(title: str, *needs: str) -> Criterion:
    return Criterion("Production readiness", title, "spec 9", needs)


READINESS = (
    _part_9(
        "Code: CGMP passes for exactly this tree",
        *CGMP,
    ),
    _part_9("Dependencies: all locked to exact versions", "workspace.dependencies-locked"),
    _part_9(
        "Git: tag annotated, signed if required, on main",
        "repository.tag-annotated",
        "repository.tag-signature",
        "repository.tag-on-main",
    ),
    _part_9(
        "Host: services up, Caddy configured, environment in place",
        "host.engine-ready",
        "host.services-up",
        "host.site-ready",
        "host.env-complete",
    ),
    _part_9("Health: the endpoint answers as expected", "host.live-healthy"),
    _part_9("Observability: the log is readable and clean", "host.live-log-clean"),
    _part_9("Smoke tests: the API works", "host.smoke-passed"),
    _part_9("Rollback plan: the previous release is known and complete", "host.way-back"),
)


# Entries of the record that only the journal has.
DEPLOYED, WENT_BACK = "record.deployed", "record.went-back"


def _part_8(group: str, *lines: tuple[str, tuple[str, ...]]) -> tuple[Criterion, ...]:
    return tuple(Criterion(group, title, "spec 8", needs) for title, needs in lines)


CHECKLIST = (
    *_part_8(
        "Deployment invariants (8.1)",
        ("Local: CGMP passes", CGMP),
        ("Local: dependencies locked", ("workspace.dependencies-locked", "workspace.project-matches-lock")),
        ("Local: git status clean", ("workspace.no-untracked-files", "workspace.no-uncommitted-changes")),
        ("Git: only tagged commits deployed", ("repository.tag-exists", "repository.tag-annotated")),
        ("Git: tag on main", ("repository.tag-on-main",)),
        ("Host: container healthy", ("host.engine-health", "host.healthy-for-soak")),
        ("Host: the health endpoint answers", ("host.live-healthy",)),
        ("Host: no traceback in the log", ("host.live-log-clean",)),
        ("Host: free of drift", ("host.record-true", "host.checkout-unedited")),
    ),
    *_part_8(
        "Local policy (8.2)",
        ("Hooks check commits and pushes", ("workspace.hooks-installed",)),
        (".env.example documents every variable", ("workspace.env-documented", "workspace.env-no-secrets")),
        ("requirements.txt has exact versions", ("workspace.dependencies-locked",)),
        ("Dockerfile pins base image and OS packages", (
            "workspace.base-image-by-digest", "workspace.no-latest-image", "workspace.os-packages-pinned"
        )),
    ),
    *_part_8(
        "Git workflow (8.2)",
        ("Main is protected", ("repository.main-protected",)),
        ("Branches are named and short-lived", (
            "repository.branch-names", "repository.branches-short-lived"
        )),
        ("Tags say what they release", ("repository.tag-message", "repository.tag-message-form")),
        ("The deployed release is on record", ("host.record-true",)),
    ),
    *_part_8(
        "Docker and host (8.2)",
        ("Health endpoint implemented", ("host.live-healthy",)),
        ("Compose file has a healthcheck", ("workspace.healthcheck-declared",)),
        ("Two slots behind one route", ("host.site-ready",)),
        ("A rollback has succeeded, and one is possible now", (WENT_BACK, "host.way-back")),
    ),
    *_part_8(
        "Deployment (8.2)",
        ("Deploy script exists, and a deploy has succeeded", ("workspace.scripts-there", DEPLOYED)),
        ("Pre-flight checks: git, engine, environment", (
            "workspace.no-uncommitted-changes", "host.engine-ready", "host.env-complete"
        )),
        ("Smoke tests after deployment", ("host.smoke-passed",)),
        ("Metadata recorded", ("host.record-true",)),
    ),
    *_part_8(
        "Monitoring (8.2)",
        ("Drift is checked every hour", ("host.drift-watched",)),
        ("Logs are readable", ("host.live-log-clean",)),
        ("Failures are reported", ("workspace.failures-told",)),
    ),
)  # fmt: skip


def assess(
    criteria: tuple[Criterion, ...],
    judged: tuple[Judged, ...],
    record: Mapping[str, str],
    release: str | None,
) -> tuple[Line, ...]:
    """Each criterion with its evidence.

    `judged` are the verdicts of now; `record` holds, by invariant, the evidence of the deploy that took `release` live.
    Returns one line per criterion, in order; an invariant in neither is pending.
    """
    known = {one.id: one for one in judged}
    reasons = {invariant.id: invariant.why for invariant in catalogue()}

    def evidence(need: str) -> Judged:
        if need in known:
            return known[need]
        why = reasons.get(need, "")
        if need in record:
            since = "" if need.startswith("record.") else f" (on record, when {release} went live)"
            found, verdict = f"{record[need]}{since}", VerdictKind.PASS
        else:
            found, verdict = "not on record yet", VerdictKind.PENDING
        return Judged(id=need, why=why, verdict=verdict, found=found)

    return tuple(_line(criterion, tuple(map(evidence, criterion.needs))) for criterion in criteria)


def _line(criterion: Criterion, evidence: tuple[Judged, ...]) -> Line:
    worst = min(evidence, key=_weight)
    return Line(
        group=criterion.group,
        title=criterion.title,
        clause=criterion.clause,
        verdict=worst.verdict,
        closes=worst.closes,
        evidence=evidence,
    )


def _weight(one: Judged) -> tuple[bool, int]:
    """The sort key of a verdict, worst first; excused ones come just before passes."""
    excused = one.verdict.closes and not one.closes
    return one.verdict is VerdictKind.PASS or excused, WORST_FIRST.index(one.verdict)
