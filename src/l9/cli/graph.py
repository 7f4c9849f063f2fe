"""`l9 graph`: the table of gates as text, Mermaid or SVG."""

from __future__ import annotations

import click

from l9.cli.context import HELP, json_option, show


@click.command("graph", context_settings=HELP)
@click.option(
    "--format", "form", type=click.Choice(["text", "mermaid", "svg"]), default="text", show_default=True
)
@json_option
def command(form: str, as_json: bool) -> int:
    """Show the graph of gates: what each requires, does, and leads to when it closes."""
    from l9.cli import graph_drawing as drawing

    drawn = {"text": drawing.as_text, "mermaid": drawing.as_mermaid, "svg": drawing.as_svg}
    show(drawing.as_answer(), as_json=as_json, text=drawn[form])
    return 0
