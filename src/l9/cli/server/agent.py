"""`l9 agent`: what runs on the host (the door in `__main__.py` is the fast way to the same)."""

from __future__ import annotations

import click


@click.command("agent", hidden=True)
@click.option("--instance", metavar="NAME", help="The target that root provisioned under this name.")
@click.option("--path", metavar="DIRECTORY", help="The target that was provisioned in this directory.")
def command(instance: str | None, path: str | None) -> int:
    """Serve one request over standard input and output."""
    from l9.host.agent import main

    return main(("--instance", instance) if instance else ("--path", path) if path else ())
