"""The command line: one file a command, imported only when it is called."""

from __future__ import annotations

import importlib
import sys

import click

from l9 import __version__
from l9.errors import L9Error

COMMANDS = {
    "init": ("init", "Write an l9.toml for this repository."),
    "graph": ("graph", "Show the graph of gates."),
    "check": ("check", "Judge the workspace and the repository, changing nothing."),
    "plan": ("plan", "Show what a deploy would do, with every gate judged that can be."),
    "deploy": ("deploy", "Take a tag live."),
    "rollback": ("rollback", "Go back to the previous good release, or to a tag."),
    "resume": ("resume", "Take up an interrupted run, or watch the one that is on."),
    "status": ("status", "Show what is live, what stands by, and what runs."),
    "history": ("history", "List the runs on record."),
    "explain": ("explain", "Tell all that is on record of a release, a run or an error code."),
    "logs": ("logs", "Show a slot's log."),
    "drift": ("drift", "Compare the host with its record."),
    "provision": ("provision", "Prepare a host."),
    "config": ("config", "Show the configuration or its JSON Schema."),
    "demo": ("demo", "Run the whole story on this machine, on real parts."),
    "agent": ("agent", "Internal: what runs on the host."),
}


class Lazy(click.Group):
    """A group whose commands are imported when they are called; the help needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"l9.cli.{COMMANDS[name][0]}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items() if name != "agent"])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="l9")
def cli() -> None:
    """Take an annotated git tag live through hard gates, and bring production back by itself.

    Exit codes: 0 done, 1 a bug in l9, 2 usage or configuration, 3 a gate closed and nothing had changed,
    4 failed and rolled back, 5 needs a person, 6 another run holds the lock, 7 drift found, 130 interrupted.
    """


def run() -> int:
    """Run the command line; the exit code. Every error ends in one envelope, for people or for machines."""
    from l9.cli.errors import show_bug, show_error, show_usage

    try:
        code = cli.main(standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        sys.stderr.write("\ninterrupted\n")
        return 130
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: what runs on the host goes on there; see it with: l9 status\n")
        return 130
    except click.ClickException as error:
        return show_usage(error)
    except L9Error as error:
        return show_error(error.envelope(), error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        from l9.agent.client import AgentFailed

        if isinstance(error, AgentFailed):
            return show_error(error.envelope, int(error.envelope.get("exit_code", 1)))
        return show_bug(error)
