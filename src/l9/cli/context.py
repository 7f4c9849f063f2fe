"""Shared by most commands: options, the working copy, the configuration of one target, and output."""

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
from l9.configuration import FILE, check, load, load_unchecked
from l9.errors import UsageError
from l9.protocol.answers.answer import Answer

if TYPE_CHECKING:
    from l9.drivers.git.repo import GitRepo
    from l9.host.server import Server
    from l9.protocol.connection import Connection


# Set on each command: click caches a command's help option on first use.
HELP = {"help_option_names": ["-h", "--help"]}

target_option = click.option("--target", metavar="NAME", help="The target in l9.toml.")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document, or JSON Lines for a run."
)
wait_option = click.option(
    "--wait",
    type=click.FloatRange(0, 86_400),
    default=0.0,
    metavar="SECONDS",
    help="Wait up to this long for another run to finish.",
)
progress_option = click.option(
    "--progress",
    type=click.Choice(["auto", "tty", "plain", "json"]),
    default="auto",
    help="Style of the progress display.",
)
verbose_option = click.option(
    "-v", "--verbose", is_flag=True, help="Show all evidence of every gate, without folding phases."
)


class Project(msgspec.Struct, frozen=True):
    """The working copy that the command was called in, and its configuration."""

    top: Path
    config: Config

    @property
    def repo(self) -> GitRepo:
        from l9.drivers.git.repo import GitRepo  # commands that only query the host do not need it

        return GitRepo(self.top, self.config)


def project(target: str | None) -> Project:
    """Find the project from the current directory. Raises UsageError or ConfigError.

    On a server, it is the target that this l9 was installed for; the current directory does not matter.
    """
    if (server := own_server()) is not None:
        from l9.config.settings import host_config

        refuse_unknown(target, (server.settings.name,), "target on this host")
        return Project(server.layout.root, host_config(server.settings))
    top = project_top()
    return Project(top, load(top, target))


def connected(target: str | None) -> tuple[Project, Connection]:
    """Find the project as `project` does, and start its host's agent as soon as it is known where that is.

    For commands that query the host first: connecting takes longer than importing the rest, which the caller does
    meanwhile. Whoever gets the connection closes it.
    """
    from l9.protocol.connection import Connection

    if own_server() is not None:
        here = project(target)
        return here, Connection(here.config)
    top = project_top()
    config = load_unchecked(top, target)
    connection = Connection(config)
    try:
        return Project(top, check(config)), connection
    except BaseException:
        connection.close()
        raise


def own_server() -> Server | None:
    """Return the target that provisioning installed this l9 for; None on an operator's machine. Raises ConfigError."""
    from l9.host import server

    agents = Path(sys.prefix).resolve().parent
    if agents.parent == provisioned.LIB:
        return server.of_instance(agents.name)
    return server.of_directory(agents.parents[1]) if agents.parts[-2:] == (".l9", "agent") else None


def project_top() -> Path:
    """Return the directory of l9.toml, or the top of the working copy. Raises UsageError."""
    try:
        here = Path.cwd()
    except FileNotFoundError:
        raise UsageError(
            "the current directory no longer exists", expected="a directory", found="none", remedy="cd"
        ) from None
    if (here / FILE).exists():
        return here
    from l9.drivers.git.repo import find_top

    return find_top(here)


def show(answer: Answer, *, as_json: bool, text: Callable[[], str]) -> None:
    """Write data to standard output: one JSON document, or the text for people."""
    if as_json:
        sys.stdout.write(json_line(answer))
    else:
        sys.stdout.write("\n".join(map(printable, text().splitlines())) + "\n")


def remark(text: str) -> None:
    """Write a remark to standard error: it is not data."""
    sys.stderr.write(f"▲ {printable(text)}\n")


def refuse_unknown(value: str | None, known: tuple[str, ...], what: str) -> None:
    """Raise UsageError, naming the known values, for an unknown one."""
    if value is not None and value not in known:
        raise UsageError(f"unknown {what}: {value}", expected=f"one of {', '.join(known)}", found=value)
