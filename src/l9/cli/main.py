"""The command line: one module per command, imported only when it is called."""

from __future__ import annotations

import importlib
import io
import sys
from importlib.util import find_spec

import click

from l9 import __version__
from l9.cli.commands import COMMANDS, ON_SERVER
from l9.drivers.git.environment import forget_callers_repository
from l9.errors import L9Error, UsageError


def available() -> tuple[str, ...]:
    """Return the commands of this installation: all, or those that provisioning installs on a server."""
    return ON_SERVER if find_spec("l9.operator") is None else tuple(COMMANDS)


class Lazy(click.Group):
    """A group whose commands are imported when they are called; its help imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(available())

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        if name not in available():
            raise UsageError(
                f"`l9 {name}` runs on the operator's machine",
                expected=f"on a server, one of {', '.join(n for n in available() if n != 'agent')}",
                found=f"l9 {name}",
                remedy="l9 --help",
            )
        command: click.Command = importlib.import_module(f"l9.cli.{COMMANDS[name][0]}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, available(), 1)
            ctx.fail(f"no such command: {name}" + (f"; did you mean {near[0]}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in available() if name != "agent"])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="l9")
def cli() -> None:
    """Deploy annotated git tags through gates, with automatic rollback.

    Exit codes: 0 done, 1 a bug in l9, 2 usage or configuration, 3 a gate closed and nothing had changed,
    4 failed and rolled back, 5 needs a person, 6 another run holds the lock, 7 drift found, 130 interrupted.
    """


def run() -> int:
    """Run the command line and return the exit code. Every error is printed in one form, as text or JSON."""
    forget_callers_repository()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # do not fail on a terminal without ✔
    try:
        code = cli.main(prog_name="l9", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except (click.Abort, KeyboardInterrupt):
        from l9.cli.errors import show_interrupted

        return show_interrupted()
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    from l9.cli.errors import as_refusal, show_bug, show_error, show_usage
    from l9.protocol.client import AgentFailed

    if isinstance(error, click.ClickException):
        return show_usage(error)
    if isinstance(error, L9Error):
        return show_error(error)
    if isinstance(error, OSError) and (refused := as_refusal(error)):
        return show_error(refused)
    if isinstance(error, AgentFailed):
        return show_error(error.error)
    return show_bug(error)
