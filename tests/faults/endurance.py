"""`python -m faults.endurance`, with tests/ on the path: many releases and rollbacks under load, and no failed request.

Exit codes: 0 no request failed; 1 some did, or a run did not end well.
"""

from __future__ import annotations

import argparse
import sys
import time

from e2e.kept import keeping
from e2e.place import l9, next_release
from faults.cell import scene
from faults.fault_place import FaultPlace
from hosts.fixtures import BACKEND_REQUIREMENTS, why_not
from hosts.host import Host
from hosts.images import postgres_image, python_image
from hosts.network import Network


def main() -> int:
    """Deploy a release and roll it back, `--rounds` times; print the count of requests and of failed ones."""
    parser = argparse.ArgumentParser(
        prog="python -m faults.endurance", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--rounds", type=int, default=100, help="deploys, and as many rollbacks (default 100)"
    )
    parser.add_argument(
        "--requests", type=int, default=200_000, help="the least number of requests (default 200000)"
    )
    parser.add_argument("--rate", type=float, default=250.0, help="quick requests a second (default 250)")
    asked = parser.parse_args()
    if reason := why_not():
        print(f"needs a host of its own: {reason}", file=sys.stderr)
        return 1
    images = (python_image([BACKEND_REQUIREMENTS]), postgres_image())
    with (
        Network() as network,
        Host(network, images=images, caddy=True) as host,
        keeping(lambda root: FaultPlace(root, host, rate=asked.rate)) as kept,
    ):
        place = kept.place()
        assert isinstance(place, FaultPlace)
        scene(place)
        load, began = place.start_load(), time.monotonic()
        for number in range(1, asked.rounds + 1):
            for words in (("deploy", next_release(place)), ("rollback",)):
                done = l9(place, *words)
                if done.returncode:
                    print(done.stdout + done.stderr)
                    return 1
            total = load.snapshot().total()
            print(f"round {number}: {total.sent} requests, {total.failed} failed", flush=True)
        while load.snapshot().total().sent < asked.requests:
            time.sleep(1.0)
        total, seconds = load.stop().total(), time.monotonic() - began
    for one in total.failures[:20]:
        print(f"  {one.kind} {one.method} {one.path} {one.status} {one.slot} {one.error}")
    print(
        f"{asked.rounds} deploys and rollbacks in {seconds:.0f} s: {total.failed} failed of {total.sent} requests"
    )
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
