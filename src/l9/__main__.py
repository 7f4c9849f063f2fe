"""`l9` and `python -m l9`."""

from __future__ import annotations

import gc
import sys

from l9.drivers.process.standard_streams import open_closed, outlive_readers


def main() -> int:
    """Run the command line; start the agent and the timer without importing it."""
    open_closed()
    command, has_target = sys.argv[1:2], sys.argv[2:3] in (["--instance"], ["--path"])
    # What is imported is not garbage, and looking for some at the default threshold takes 10 ms a start.
    gc.set_threshold(20_000)
    if command == ["agent"] and has_target:
        from l9.host.agent import main as agent

        return agent(sys.argv[2:])
    if command in (["tick"], ["drift"]) and has_target:
        from l9.host.timer import main as timer

        return timer(sys.argv[1:])
    from l9.cli.main import run

    outlive_readers()
    code = run()
    gc.freeze()  # nor is it worth looking for any at the end, which takes as long
    return code


if __name__ == "__main__":
    sys.exit(main())
