"""`l9 schema [NAME]`: the JSON Schemas of `--json` output."""

from __future__ import annotations

import json
import sys

import click

from l9.cli.context import HELP, json_option, refuse_unknown


@click.command("schema", context_settings=HELP)
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> int:
    """Print the JSON Schema of one --json document, such as l9.status/1, or list all of them."""
    import inspect

    from l9.protocol.schemas import SCHEMAS, json_schema

    refuse_unknown(name, tuple(SCHEMAS), "schema")
    if name is not None:
        sys.stdout.write(json.dumps(json_schema(name), indent=None if as_json else 2) + "\n")
    elif as_json:
        sys.stdout.write(json.dumps({known: json_schema(known) for known in SCHEMAS}) + "\n")
    else:
        for known, kind in SCHEMAS.items():
            text = inspect.getdoc(kind) if inspect.isclass(kind) else None  # else a union of lines
            summary = (text or "One line of a long command; the last line holds its answer.").partition("\n")[
                0
            ]
            sys.stdout.write(f"{known:<22} {summary}\n")
    return 0
