"""Invariants of the four stages (spec 2.1): each passed on exactly this tree, and its results fit the release."""

from __future__ import annotations

from l9.checks.context import Context
from l9.checks.dependencies.facts import Locks
from l9.checks.git.versions import TagFormat
from l9.checks.git.workspace_invariants import listed
from l9.checks.pipeline.stages import CgmpReport, normal_name
from l9.core.facts import Facts
from l9.core.invariant import Check, invariant
from l9.core.states import Stage
from l9.core.verdict import Fail, Pass, Unknown, Verdict

_LATER = Unknown("ORACLE has not run on this tree", "l9 cgmp", "the release to be started", not_yet=True)
_NOT_OF_THE_LOCK = ("pip", "setuptools", "wheel")


def _green(stage: Stage) -> Check:
    def check(facts: Facts, _context: Context) -> Verdict:
        result = facts.the(CgmpReport).of(stage)
        if result is None:
            wanted = f"{stage.name} green on this tree"
            return Unknown(f"{stage.name} has not run on this tree", "l9 cgmp", wanted, not_yet=True)
        if result.ok:
            unchanged = f" (unchanged; it took {result.seconds:.1f} s)" if result.cached else ""
            return Pass(result.found + unchanged)
        return Fail(f"{stage.name} green", result.found, result.command, result.tail)

    return check


FIX_PASSED = invariant(
    "workspace.fix-passed",
    CgmpReport,
    why="reviewers and users should not find what a formatter or a type checker finds",
    clause="spec 2.1 FIX",
)(_green(Stage.FIX))

SIM_PASSED = invariant(
    "workspace.sim-passed",
    CgmpReport,
    why="a release that fails its own tests must not go to a server",
    clause="spec 2.1 SIM",
)(_green(Stage.SIM))

COV_PASSED = invariant(
    "workspace.cov-passed",
    CgmpReport,
    why="a changed line that no test runs is tested by users",
    clause="spec 2.1 COV",
)(_green(Stage.COV))

ORACLE_PASSED = invariant(
    "workspace.oracle-passed",
    CgmpReport,
    why="a release that does not start, or does not answer as recorded, must be found before a host is changed",
    clause="spec 2.1 ORACLE",
)(_green(Stage.ORACLE))


@invariant(
    "workspace.cgmp-this-tree",
    CgmpReport,
    why="green stages of another tree prove nothing about this one",
    clause="spec 1.2 TESTS-GREEN",
)
def CGMP_THIS_TREE(facts: Facts, context: Context) -> Verdict:
    report = facts.the(CgmpReport)
    wanted, again = context.run.tree, f"l9 cgmp {context.run.tag}".strip()
    if not wanted or report.tree != wanted:
        return Fail(f"stages of tree {wanted[:12]}", f"stages of tree {report.tree[:12]}", again)
    if report.passed:
        return Pass(f"tree {report.tree[:12]}, in a {report.where}")
    missing = ", ".join(s.name for s in Stage if (found := report.of(s)) is None or not found.ok)
    return Unknown(f"not green yet: {missing}", again, "all four stages green", not_yet=True)


@invariant(
    "workspace.api-fits-version",
    CgmpReport,
    why="the version tells clients if they can upgrade without changes",
    clause="spec 3.3",
)
def API_FITS_VERSION(facts: Facts, context: Context) -> Verdict:
    report = facts.the(CgmpReport)
    if report.of(Stage.ORACLE) is None:
        return _LATER
    change, base = report.api, report.base
    if change is None or base is None or change.level in ("none", "patch"):
        return Pass("no change of the API that affects clients")
    parts = 1 if change.level == "major" else 2
    changes = "; ".join((change.breaking or change.added)[:3])
    mine = TagFormat(context.settings.release.tag).parse(context.run.tag)
    if mine is None:
        return Pass(f"the next release must be a {change.level.upper()}: {changes}")
    if (mine.major, mine.minor, mine.patch)[:parts] > base.version[:parts]:
        return Pass(f"a {change.level.upper()} since {base.tag}: {changes}")
    wanted = f"a {change.level.upper()} release after {base.tag}"
    return Fail(wanted, changes, f"l9 release {change.level}", (*change.breaking, *change.added))


@invariant(
    "workspace.image-matches-lock",
    CgmpReport,
    Locks,
    why="production must run exactly the locked versions",
    clause="spec 1.3 local (pip freeze)",
)
def IMAGE_MATCHES_LOCK(facts: Facts, _context: Context) -> Verdict:
    report, locks = facts.the(CgmpReport), facts.the(Locks).reports
    if report.of(Stage.ORACLE) is None:
        return _LATER
    if report.freeze is None:
        nothing = "no Python in the image" if report.image else "no image"
        return Pass(f"{nothing}: nothing to compare")
    main = [path for path in locks if path.rsplit("/", 1)[-1] == "requirements.txt"]
    if not main:
        return Pass("no requirements.txt to compare with")
    pins = [pin for path in main for pin in locks[path].exact]
    wanted = {pin.name: pin.version for pin in pins}
    needed = {pin.name for pin in pins if not pin.marker}
    installed = {
        name: version for name, version in map(_pinned, report.freeze) if name not in _NOT_OF_THE_LOCK
    }
    wrong = [f"{n} {installed[n]} is not locked" for n in sorted(installed.keys() - wanted.keys())]
    wrong += [f"{n} is not installed" for n in sorted(needed - installed.keys())]
    wrong += [f"{n} {v}, locked {wanted[n]}" for n, v in sorted(installed.items()) if wanted.get(n, v) != v]
    if not wrong:
        return Pass(f"{len(installed)} packages, as in {listed(tuple(sorted(main)))}")
    return Fail(
        f"the versions in {listed(tuple(sorted(main)))}",
        listed(tuple(wrong)),
        "l9 cgmp --again",
        tuple(wrong),
    )


def _pinned(line: str) -> tuple[str, str]:
    name, _, version = line.partition("==")
    return normal_name(name), version
