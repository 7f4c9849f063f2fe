"""`make standby`: all servers on standby side by side, then rolled back under load, again and again.

python -m standby [--seconds 60] [--rounds 20] [SERVER[:MODE] ...]
"""

from __future__ import annotations

import argparse
import sys

from standby.rounds import Outcome, play, targets
from standby.servers import missing, servers

EVERYTHING = (
    *(f"gunicorn-{worker}:{mode}" for worker in ("sync", "gthread", "uvicorn") for mode in ("auto", "pause")),
    *("uvicorn", "uvicorn-workers", "node", "jvm"),
)


def main() -> int:
    """Play the rounds and print a line a server. Returns 1 if anything was wrong, and 2 if a program is missing."""
    parser = argparse.ArgumentParser(prog="make standby")
    parser.add_argument("--seconds", type=float, default=60.0, help="on standby before each rollback")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("servers", nargs="*", default=EVERYTHING, metavar="SERVER[:MODE]")
    given = parser.parse_args()
    known = servers()
    chosen = [(known[name.partition(":")[0]], name.partition(":")[2] or "auto") for name in given.servers]
    lacking = sorted({program for server, _ in chosen for program in missing(server)})
    if lacking:
        sys.stderr.write(f"not installed: {', '.join(lacking)}; leave out the servers that need it\n")
        return 2
    with targets(chosen) as made:
        outcomes = play(made, given.seconds, given.rounds)
    for outcome in outcomes:
        sys.stdout.write(line(outcome) + "\n")
    return 1 if any(outcome.wrong for outcome in outcomes) else 0


def line(outcome: Outcome) -> str:
    """Return one server's rounds in a line, with what was wrong below it."""
    seconds = sorted(outcome.seconds)
    head = (
        f"{outcome.name:18} {outcome.mode:6} {outcome.rounds} rounds, {'/'.join(sorted(outcome.stood))}, "
        f"{outcome.served} answers, {outcome.noise} WORKER TIMEOUT, rollback {seconds[len(seconds) // 2]:.1f} s"
    )
    return "\n".join((head, *(f"    {wrong}" for wrong in outcome.wrong)))


if __name__ == "__main__":
    sys.exit(main())
