"""`l9 agent`: serves requests on the host (`__main__.py` has a shortcut to it that imports less)."""

from __future__ import annotations

import click


@click.command("agent", hidden=True)
@click.option("--instance", metavar="NAME", help="The target provisioned by root under this name.")
@click.option("--path", metavar="DIRECTORY", help="The target provisioned in this directory.")
def command(instance: str | None, path: str | None) -> int:
    """Serve one request over standard input and output."""
    from l9.host.agent import main

    return main(("--instance", instance) if instance else ("--path", path) if path else ())
