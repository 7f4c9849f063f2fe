"""`l9` and `python -m l9`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; the agent's door is kept clear of all that it does not need."""
    if sys.argv[1:2] == ["agent"] and len(sys.argv) == 2:
        from l9.host.agent import main as agent

        return agent()
    if sys.argv[1:2] in (["tick"], ["drift"]) and sys.argv[2:3] == ["--path"]:
        from l9.host.timer import main as local

        return local(sys.argv[1:])
    from l9.cli.main import run

    return run()


if __name__ == "__main__":
    sys.exit(main())
