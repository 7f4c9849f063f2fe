"""What most commands begin with: the working copy, the configuration of one target, and how to print."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from l9.cli.plain_text import json_line, printable
from l9.config import provisioned
from l9.config.model import Config
from l9.configuration import FILE, load
from l9.errors import UsageError
from l9.protocol.answers.answer import Answer

if TYPE_CHECKING:
    from l9.drivers.git.repo import GitRepo
    from l9.host.server import Server


# On each command: click keeps a command's help option from the first time that it was asked for.
HELP = {"help_option_names": ["-h", "--help"]}

target_option = click.option("--target", metavar="NAME", help="Which target of l9.toml.")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document, or JSON Lines of events."
)
wait_option = click.option(
    "--wait",
    type=click.FloatRange(0, 86_400),
    default=0.0,
    metavar="SECONDS",
    help="Wait so long for another run to end.",
)
progress_option = click.option(
    "--progress",
    type=click.Choice(["auto", "tty", "plain", "json"]),
    default="auto",
    help="How a run is shown.",
)
verbose_option = click.option(
    "-v", "--verbose", is_flag=True, help="Show all evidence of every gate, and fold no phase."
)


class Project(msgspec.Struct, frozen=True):
    """The working copy that the command was called in, and its configuration."""

    top: Path
    config: Config

    @property
    def repo(self) -> GitRepo:
        from l9.drivers.git.repo import GitRepo  # what only asks the host does without

        return GitRepo(self.top, self.config)


def project(target: str | None) -> Project:
    """Find the project from the current directory. Raises UsageError or ConfigError.

    On a server it is the target that this l9 was put there for, whatever lies around it.
    """
    if (server := own_server()) is not None:
        from l9.config.settings import host_config

        refuse_unknown(target, (server.settings.name,), "target on this host")
        return Project(server.layout.root, host_config(server.settings))
    top = project_top()
    return Project(top, load(top, target))


def own_server() -> Server | None:
    """The target that provisioning put this l9 there for; None on an operator's machine. Raises ConfigError."""
    from l9.host import server

    agents = Path(sys.prefix).resolve().parent
    if agents.parent == provisioned.LIB:
        return server.of_instance(agents.name)
    return server.of_directory(agents.parents[1]) if agents.parts[-2:] == (".l9", "agent") else None


def project_top() -> Path:
    """Where the project's l9.toml lies, or the top of the working copy. Raises UsageError."""
    try:
        here = Path.cwd()
    except FileNotFoundError:
        raise UsageError(
            "the current directory is gone", expected="a directory", found="none", remedy="cd"
        ) from None
    if (here / FILE).exists():
        return here
    from l9.drivers.git.repo import find_top

    return find_top(here)


def show(answer: Answer, *, as_json: bool, text: Callable[[], str]) -> None:
    """Data goes to standard output: one JSON document, or the text for people."""
    if as_json:
        sys.stdout.write(json_line(answer))
    else:
        sys.stdout.write("\n".join(map(printable, text().splitlines())) + "\n")


def remark(text: str) -> None:
    """A remark goes to standard error: it is no data."""
    sys.stderr.write(f"▲ {printable(text)}\n")


def refuse_unknown(value: str | None, known: tuple[str, ...], what: str) -> None:
    """Raises UsageError naming what there is."""
    if value is not None and value not in known:
        raise UsageError(f"no {what} {value}", expected=f"one of {', '.join(known)}", found=value)
