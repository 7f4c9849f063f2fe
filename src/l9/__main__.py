"""`l9` and `python -m l9`."""

from __future__ import annotations

import gc
import sys

from l9.drivers.process.standard_streams import open_closed, outlive_readers


def main() -> int:
    """Run the command line; start the agent and the timer without importing it."""
    open_closed()
    command, has_target = sys.argv[1:2], sys.argv[2:3] in (["--instance"], ["--path"])
    if command == ["agent"] and has_target:
        gc.disable()  # nothing that is imported is garbage, and looking for some takes 7 ms
        from l9.host.agent import main as agent

        gc.enable()
        return agent(sys.argv[2:])
    if command in (["tick"], ["drift"]) and has_target:
        from l9.host.timer import main as timer

        return timer(sys.argv[1:])
    from l9.cli.main import run

    outlive_readers()
    return run()


if __name__ == "__main__":
    sys.exit(main())
