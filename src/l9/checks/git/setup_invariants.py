"""Invariants of the workspace's setup (scripts, workflows, hooks). No gate needs them."""

from __future__ import annotations

from l9.checks.context import Context
from l9.checks.git.facts import Automation, Hooks
from l9.core.facts import Facts
from l9.core.invariant import Weight, invariant
from l9.core.verdict import Fail, Pass, Verdict

EDIT = "$EDITOR .github/workflows/deploy.yml"
SCRIPTS = ("scripts/deploy.sh", "scripts/rollback.sh", "scripts/drift-check.sh")


@invariant(
    "workspace.scripts-there",
    Automation,
    why="the spec's commands also work for people who do not know l9 yet",
    clause="spec 8.2 deployment",
    weight=Weight.ADVICE,
)
def SCRIPTS_THERE(facts: Facts, _context: Context) -> Verdict:
    missing = [path for path in SCRIPTS if path not in facts.the(Automation).scripts]
    if missing:
        return Fail(f"{', '.join(SCRIPTS)} in the tree", f"no {', '.join(missing)}", "l9 init")
    return Pass(", ".join(SCRIPTS))


@invariant(
    "workspace.scripts-executable",
    Automation,
    why="without the executable bit in git, `./scripts/deploy.sh` fails in every clone: permission denied",
    clause="spec 6.2",
    weight=Weight.ADVICE,
)
def SCRIPTS_EXECUTABLE(facts: Facts, _context: Context) -> Verdict:
    not_executable = facts.the(Automation).not_executable
    if not_executable:
        return Fail(
            "every script in scripts/ executable",
            f"not executable: {', '.join(not_executable)}",
            "l9 check --fix",
        )
    return Pass("every file in scripts/ that begins with #! is executable")


@invariant(
    "workspace.failures-told",
    Automation,
    why="without an alert, users notice a failed deploy first",
    clause="spec 8.2 monitoring, 7.1",
    weight=Weight.ADVICE,
)
def FAILURES_TOLD(facts: Facts, _context: Context) -> Verdict:
    workflows = facts.the(Automation).workflows
    if workflows:
        return Pass(f"{', '.join(workflows)} deploys, and has a step that runs on failure")
    wanted = "a CI workflow that deploys and has a step that runs on failure"
    return Fail(wanted, "none in .github/workflows, .gitea/workflows or .gitlab-ci.yml", EDIT)


@invariant(
    "workspace.hooks-installed",
    Hooks,
    why="hooks report before the commit what a gate would refuse",
    clause="spec 2.1, 8.2 local policy",
    weight=Weight.ADVICE,
)
def HOOKS_INSTALLED(facts: Facts, _context: Context) -> Verdict:
    hooks = facts.the(Hooks)
    if hooks.absent:
        wanted = ", ".join((*hooks.installed, *hooks.absent))
        return Fail(f"hooks {wanted}", f"no {', '.join(hooks.absent)}", "l9 hooks install")
    return Pass(f"{', '.join(hooks.installed)} installed")


STEADY_STATE = (HOOKS_INSTALLED, SCRIPTS_THERE, SCRIPTS_EXECUTABLE, FAILURES_TOLD)
