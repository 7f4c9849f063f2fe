"""`l9 config show|schema`."""

from __future__ import annotations

import json
import sys

import click
import msgspec
from msgspec.structs import asdict

from l9.cli.context import HELP, json_option, project, show, target_option
from l9.configuration import schema
from l9.protocol.answers.scaffold import ShownConfig


@click.group("config", context_settings=HELP)
def command() -> None:
    """Show the configuration, or its JSON Schema."""


@command.command("schema")
@json_option
def schema_command(as_json: bool) -> int:
    """Print the JSON Schema of l9.toml."""
    sys.stdout.write(json.dumps(schema(), indent=None if as_json else 2) + "\n")
    return 0


@command.command("show")
@target_option
@json_option
def show_command(target: str | None, as_json: bool) -> int:
    """Print one target's configuration, defaults included."""
    answer = ShownConfig(**asdict(project(target).config))
    show(answer, as_json=as_json, text=lambda: json.dumps(msgspec.to_builtins(answer), indent=2))
    return 0
