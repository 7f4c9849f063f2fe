"""`l9 agent`: what runs on the host (the door in `__main__.py` is the fast way to the same)."""

from __future__ import annotations

import click


@click.command("agent", hidden=True)
def command() -> int:
    """Serve one request over standard input and output."""
    from l9.host.agent import main

    return main()
