"""The spec's own lists, as tables: readiness for production (part 9) and the checklist (8.1, 8.2).

A line is judged by the invariants that it names, and by nothing else: none is ticked by hand.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from l9.core.catalogue import Judged


class Criterion(msgspec.Struct, frozen=True):
    """One line. `needs` are ids of invariants; one that is only judged in a deploy is taken from the record."""

    group: str
    title: str
    clause: str
    needs: tuple[str, ...]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A criterion and what was found of it. `verdict` is the weightiest of its invariants' (see WORST_FIRST)."""

    group: str
    title: str
    clause: str
    verdict: str
    evidence: tuple[Judged, ...]


WORST_FIRST = ("fails", "unknown", "later", "advice", "holds")


def _part_9(title: str, *needs: str) -> Criterion:
    return Criterion("Production readiness", title, "spec 9", needs)


READINESS = (
    _part_9(
        "Code: CGMP passes for exactly this tree", "workspace.tests-passed", "workspace.tested-this-tree"
    ),
    _part_9("Dependencies: all exact, nothing floats", "workspace.dependencies-locked"),
    _part_9(
        "Git: tag annotated, its signature as required, on main",
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
    _part_9("Health: the endpoint answers as it should", "host.live-healthy"),
    _part_9("Observability: the log can be read, and is clean", "host.live-log-clean"),
    _part_9("Smoke tests: the API does its work", "host.smoke-passed"),
    _part_9("Rollback plan: the previous release is known and all there", "host.way-back"),
)


def assess(
    criteria: tuple[Criterion, ...],
    judged: tuple[Judged, ...],
    record: Mapping[str, str],
    release: str | None,
) -> tuple[Line, ...]:
    """Each criterion with its evidence.

    In: what was judged now; and what is on record, by invariant, of the deploy that took `release` live. Out: a
    line each, in order; an invariant that nobody judged is `later`.
    """
    known = {one.id: one for one in judged}

    def found(need: str) -> Judged:
        if need in known:
            return known[need]
        if need in record:
            return Judged(
                id=need, verdict="holds", found=f"{record[need]} (on record, when {release} went live)"
            )
        return Judged(id=need, verdict="later", found="judged in a deploy, and none is on record")

    return tuple(_line(criterion, tuple(map(found, criterion.needs))) for criterion in criteria)


def _line(criterion: Criterion, evidence: tuple[Judged, ...]) -> Line:
    return Line(
        group=criterion.group,
        title=criterion.title,
        clause=criterion.clause,
        verdict=min((one.verdict for one in evidence), key=WORST_FIRST.index),
        evidence=evidence,
    )
