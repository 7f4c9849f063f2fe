"""Mutation testing of what decides: `python tools/mutants [--module TEXT] [--seconds N]`, or `make mutants`.

Small changes are made to the modules below, one at a time, and the pure rooms' tests are to fail. At least 90 % must be
noticed, and each one that is not must stand in `equivalent.txt` with its reason.

Why a tool of our own: mutmut leaves out functions with a decorator, and every invariant has one; cosmic-ray starts
pytest anew for each mutant, which takes longer than the tests that notice it. Here a function's code is exchanged in a
forked process that has collected the tests already, and only those tests run that reach the function.

What was tried is kept in build/mutants, until the sources or the tests change: a run that was ended goes on. After a
change each is tried again, and first with the test that killed it last time, so that only the survivors take long.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from pathlib import Path

from mutations import Mutant, mutants
from running import TESTS, cold, hot, side_by_side

MODULES = (
    "src/l9/core/decide.py", "src/l9/core/run.py", "src/l9/core/actions.py", "src/l9/core/between_runs.py",
    "src/l9/graph.py", "src/l9/checks/host/drift.py", "src/l9/checks/host/action_invariants.py",
    "src/l9/checks/host/live_invariants.py", "src/l9/checks/host/ready_invariants.py",
    "src/l9/checks/host/slot_invariants.py", "src/l9/checks/host/steady_invariants.py",
)  # fmt: skip
WANTED = 0.9
KEPT = Path("build/mutants")
EQUIVALENT = Path("tools/mutants/equivalent.txt")


def main() -> int:
    """Try the mutants that were not tried yet, and say how many were noticed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--module", default="", help="only modules whose path has this text")
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="stop after so long, and go on next time"
    )
    asked = parser.parse_args()
    until = time.monotonic() + asked.seconds
    reasons = dict(_reasons())
    complete, good = True, True
    for module in (one for one in MODULES if asked.module in one):
        every = list(mutants(Path(module), module))
        killed = _try(module, every, until)
        complete &= len(killed) == len(every)
        good &= _judge(module, killed, reasons)
    if not complete:
        print("not all were tried: run it again to go on")
    return 0 if complete and good else 1


def _try(module: str, every: list[Mutant], until: float) -> dict[str, bool]:
    """Return for each mutant that was tried, now or earlier, whether it was killed."""
    path = KEPT / f"{Path(module).stem}-{_digest(module)}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    left = [one for one in every if one.key not in _kept(path)]
    earlier = sorted(KEPT.glob(f"{Path(module).stem}-*.jsonl"), key=lambda one: one.stat().st_mtime)
    hints = {key: killer for one in earlier for key, killer in _kept(one).items() if killer}

    def report(mutant: Mutant, killer: str | None) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([mutant.key, killer]) + "\n")

    def load_and_try(share: list[Mutant]) -> None:
        for one in share:
            if time.monotonic() < until:
                report(one, cold(one, hints.get(one.key)))

    if functions := [one for one in left if one.where]:
        child = os.fork()  # all that is tested is imported there, and not here
        if child == 0:
            code = 1
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                hot(functions, MODULES, KEPT / f"lines-{_digest(*MODULES)}.json", until, hints, report)
                code = 0
            finally:
                os._exit(code)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
            sys.exit(f"{module}: the mutants could not be tried: do all tests of TESTS pass?")
    side_by_side(load_and_try, [one for one in left if not one.where])
    return {key: killer is not None for key, killer in _kept(path).items()}


def _judge(module: str, killed: dict[str, bool], reasons: dict[str, str]) -> bool:
    survived = [key for key, dead in killed.items() if not dead]
    unlisted = [key for key in survived if key not in reasons]
    stale = [key for key in reasons if killed.get(key)]
    share = 1 - len(survived) / len(killed) if killed else 0.0
    print(
        f"{module}: {len(killed)} mutants, {share:.1%} killed, {len(survived)} survived, {len(unlisted)} not listed"
    )
    for key in unlisted:
        print(f"  survived: {key}")
    for key in stale:
        print(f"  listed as equivalent, and killed: {key}")
    return share >= WANTED and not unlisted and not stale


def _reasons() -> list[tuple[str, str]]:
    """Return the equivalent mutants with their reasons: a line with the key, and an indented one with the reason."""
    lines = EQUIVALENT.read_text(encoding="utf-8").splitlines() if EQUIVALENT.exists() else []
    lines = [line for line in lines if line and not line.startswith("#")]
    return [(key, reason.strip()) for key, reason in zip(lines[::2], lines[1::2], strict=True)]


def _kept(path: Path) -> dict[str, str | None]:
    """Return the test that killed each mutant, None for one that survived."""
    if not path.exists():
        return {}
    return dict(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def _digest(*modules: str) -> str:
    """Name what the result depends on: the modules, and the tests that may kill their mutants."""
    tests = [
        path for one in (*TESTS, "tests/world") for path in sorted(Path(one).rglob("*.py")) or [Path(one)]
    ]
    tests += sorted(Path("tests").glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in (*map(Path, modules), *tests))).hexdigest()[
        :12
    ]


if __name__ == "__main__":
    sys.exit(main())
