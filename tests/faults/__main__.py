"""`python -m faults`, with tests/ on the path: run the matrix, and write its page.

Exit codes: 0 every cell is perfect, or its reason is known, and every bug put in on purpose was seen; 1 else; 2 usage.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from faults import page, shard
from faults.plan import FAULTS, by_phase, every, shard_of
from faults.results import Result, load
from faults.seeds import SEEDS
from hosts.fixtures import why_not


def main() -> int:
    """Run the cells that are asked for: here, or in a process for each host."""
    asked = _arguments()
    if reason := why_not():
        print(f"the matrix needs hosts of its own: {reason}", file=sys.stderr)
        return 2
    asked.results.mkdir(parents=True, exist_ok=True)
    number, of = asked.shard
    if asked.hosts > 1:
        # The later of two same options holds.
        argv = [sys.executable, "-m", "faults", *sys.argv[1:], "--hosts=1", "--no-page"]
        parts = [subprocess.Popen([*argv, f"--shard={n}/{asked.hosts}"]) for n in range(1, asked.hosts + 1)]
        code = max(part.wait() for part in parts)
    else:
        cells = [c for c in (every() if asked.all else by_phase()) if shard_of(c[0], of) == number - 1]
        cells = [c for c in cells if not asked.fault or c[0].name in asked.fault]
        cells = [c for c in cells if not asked.moment or any(word in c[1].name for word in asked.moment)]
        seeds = SEEDS[number - 1 :: of] if asked.seeds else ()
        unseen = shard.run_all(
            cells,
            seeds,
            asked.results / f"{number}-of-{of}.jsonl",
            again=asked.again,
            round_trip=asked.round_trip,
        )
        code = 1 if unseen else 0
    results = load(sorted(asked.results.glob("*.jsonl")))
    if asked.page:
        page.PAGE.write_text(page.page(in_order(results)), encoding="utf-8")
    unknown = page.without_reason(results)
    print(f"{len(results)} cells, {len(unknown)} without a known reason that are not perfect", flush=True)
    return max(code, 1 if unknown else 0)


def in_order(results: list[Result]) -> list[Result]:
    """The results in the order of the table of faults."""
    order = {fault.name: number for number, fault in enumerate(FAULTS)}
    return sorted(results, key=lambda r: order.get(r.fault, len(order)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m faults", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--all", action="store_true", help="every fault at every moment; default: one of each phase"
    )
    parser.add_argument(
        "--fault", action="append", choices=[f.name for f in FAULTS], help="only this (repeatable)"
    )
    parser.add_argument(
        "--moment", action="append", help="only moments whose name contains this (repeatable)"
    )
    parser.add_argument("--hosts", type=int, default=1, help="hosts side by side (default 1)")
    parser.add_argument("--shard", type=_shard, default=(1, 1), metavar="N/OF", help="one part of the faults")
    parser.add_argument(
        "--results", type=Path, required=True, help="the folder of results; kept cells are not run again"
    )
    parser.add_argument("--again", action="store_true", help="run also the cells that are kept")
    parser.add_argument(
        "--round-trip",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="between the host and all who reach it",
    )
    parser.add_argument(
        "--seeds", action="store_true", help="put in bugs on purpose as well: they must be seen"
    )
    parser.add_argument("--page", action=argparse.BooleanOptionalAction, help="write docs/reliability.md")
    return parser.parse_args()


def _shard(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    if not 1 <= int(number) <= int(of):
        raise argparse.ArgumentTypeError(f"expected N/OF with 1 <= N <= OF, found {text}")
    return int(number), int(of)


if __name__ == "__main__":
    sys.exit(main())
