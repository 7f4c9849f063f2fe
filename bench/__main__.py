"""`python -m bench`, from the repository's root: run the benchmarks, and print a table or one JSON document.

Exit codes: 0 measured, whether or not targets are met; 1 a benchmark failed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
# As in a normal installation: bytecode is written, and output is buffered.
for variable in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"):
    os.environ.pop(variable, None)

from bench import agent, costs, delayed, large_tree, on_record, page, phases, releases, side_by_side  # noqa: E402
from bench.figures import SCHEMA, Figure, table  # noqa: E402
from bench.ground import Ground, MeasureError, embedded_ground, host_ground  # noqa: E402
from hosts.fixtures import why_not  # noqa: E402  # needs the path above

Measure = Callable[[Ground, int, Callable[[str], None]], list[Figure]]
MEASURES: dict[str, Measure] = {
    "help": agent.help_time,
    "deploy": releases.deploys,
    "warm": releases.warm_rollbacks,
    "cold": releases.cold_rollbacks,
    "rollback-phases": phases.rollback_phases,
    "deploy-phases": phases.deploy_phases,
    "delay": delayed.delayed,
    "costs": costs.costs,
    "check": large_tree.large_tree,
    "record": on_record.releases_on_record,
    "ssh": agent.connections,
    "memory": agent.memory,
    "journal": agent.long_journal,
    "load": side_by_side.side_by_side,
}
STOPS = (signal.SIGALRM, signal.SIGTERM, signal.SIGINT)


class OutOfTimeError(Exception):
    """The time limit was exceeded, or the process was asked to end."""


def main() -> int:
    """Run the benchmarks and print the figures. Returns the exit code."""
    asked = _arguments()
    reason = "asked for" if asked.embedded else why_not()
    if reason:
        _say(f"using the embedded default ({reason}): no ssh, no Docker and no plain script to compare with")
    for number in STOPS:
        signal.signal(number, _stop)
    signal.alarm(asked.limit)
    began = time.monotonic()
    figures: list[Figure] = []
    failed = ""
    try:
        place: AbstractContextManager[Ground] = embedded_ground() if reason else host_ground()
        _say("setting up, with two first deploys")
        with place as ground:
            releases.prepare(ground)
            for name in asked.only or MEASURES:
                figures += MEASURES[name](ground, asked.runs, _say)
            name = ground.name
    except Exception as error:  # print the figures measured so far
        failed, name = f"{type(error).__name__}: {error}", "embedded" if reason else "host"
        if not isinstance(error, MeasureError | OutOfTimeError):
            traceback.print_exc()
    signal.alarm(0)
    seconds = time.monotonic() - began
    document = {
        "schema": SCHEMA, "ground": name, "runs": asked.runs, "seconds": round(seconds, 1), "machine": _machine(),
        "error": failed or None, "figures": [figure.document() for figure in figures],
    }  # fmt: skip
    if asked.page:
        page.keep(document, merge=bool(asked.only))
    if asked.json:
        print(json.dumps(document))
    else:
        print(table(figures))
        print(
            f"\nmedian (min–max) of {asked.runs} runs on the {name} ground, {seconds:.0f} s in all; {_text()}"
        )
    if failed:
        print(f"bench: {failed}", file=sys.stderr)
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=_positive, default=3, help="runs of each benchmark (default 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--page", action="store_true", help="write bench/last_run.json, docs/benchmarks.md and its plots"
    )
    parser.add_argument(
        "--only", action="append", choices=list(MEASURES), help="run only this benchmark (repeatable)"
    )
    parser.add_argument("--embedded", action="store_true", help="use the embedded default, even as root")
    parser.add_argument(
        "--limit", type=_positive, default=1800, metavar="SECONDS", help="time limit (default 1800)"
    )
    return parser.parse_args()


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {text}")
    return number


def _say(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


def _stop(number: int, _frame: FrameType | None) -> None:
    for other in STOPS:
        signal.signal(other, signal.SIG_IGN)  # cleanup must not be interrupted
    why = "the time limit (--limit) was exceeded" if number == signal.SIGALRM else "asked to end"
    raise OutOfTimeError(why)


def _machine() -> dict[str, object]:
    return {
        "cpus": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


def _text() -> str:
    machine = _machine()
    return f"{machine['cpus']} CPUs, load {machine['load'][0]}, Python {machine['python']}"


if __name__ == "__main__":
    sys.exit(main())
