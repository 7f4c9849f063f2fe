"""`l9 provision`: set up a host over ssh, after showing the changes."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import click

from l9.cli.context import HELP, Project, json_option, project, show, target_option
from l9.drivers.git import commands as git
from l9.drivers.git.runner import run
from l9.drivers.signing.tags import signers_on_main
from l9.errors import UsageError
from l9.provision import packages, session
from l9.provision.changes import Change, InstallPackages
from l9.provision.report import ProvisionReport
from l9.provision.wanted import Wanted, want

NEEDS_A_PERSON, DECLINED = 5, 3


@click.command("provision", context_settings=HELP)
@target_option
@click.option("--repository", metavar="URL", help="The URL the host clones from; by default your origin.")
@click.option("--install", is_flag=True, help="Also install missing distribution packages.")
@click.option("--dry-run", is_flag=True, help="Only show the changes.")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
@json_option
def command(
    target: str | None, repository: str | None, install: bool, dry_run: bool, yes: bool, as_json: bool
) -> int:
    """Set up a host: its directory, the agent, Caddy's site and the timer. Changes are shown first.

    Exit code 0 if the host is ready, 5 if something must be done by hand.
    """
    here = project(target)
    if not (dry_run or yes) and not sys.stdin.isatty():
        raise UsageError(
            "not a terminal: pass --yes to confirm",
            expected="a terminal, or --yes",
            found="neither",
            remedy="l9 provision --dry-run",
        )
    where, signers = _repository(here.top, repository), _signers(here)
    wanted = want(
        here.config,
        where,
        moved=repository is not None,
        signers=signers,
        config_file=here.repo.config_path,
    )
    example = here.top / here.config.env.example
    text = example.read_text(encoding="utf-8", errors="replace") if example.is_file() else None
    screen = Screen(wanted, quiet=as_json)
    report = provision(wanted, text, screen, install=install, dry_run=dry_run, yes=yes)
    show(report.answer(), as_json=as_json, text=report.text)
    return DECLINED if report.declined else NEEDS_A_PERSON if report.incomplete else 0


class Screen:
    """Shows the changes, asks for confirmation, and reports each change made, on standard error."""

    def __init__(self, wanted: Wanted, *, quiet: bool) -> None:
        self._host = wanted.config.target.host
        self._quiet = quiet

    def plan(self, changes: tuple[Change, ...]) -> None:
        """Show the planned changes."""
        for change in changes:
            self._say(f"+ {change.title()}")
            for line in change.diff():
                self._say(f"    {line}")

    def may(self, changes: tuple[Change, ...]) -> bool:
        """Ask for confirmation."""
        many = "this change" if len(changes) == 1 else f"these {len(changes)} changes"
        return click.confirm(f"Make {many} on {self._host}?", err=True)

    def done(self, change: Change, seconds: float) -> None:
        """Report one change that was made."""
        self._say(f"✔ {change.title()}  {seconds:.1f} s")

    def _say(self, text: str) -> None:
        if not self._quiet:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


def provision(
    wanted: Wanted, example: str | None, screen: Screen, *, install: bool, dry_run: bool, yes: bool
) -> ProvisionReport:
    """Inspect the host, show the changes, confirm, apply, and inspect it again. Returns the report."""
    began = time.monotonic()
    report = ProvisionReport(session.look(wanted, example), dry_run=dry_run)

    def make(changes: tuple[Change, ...]) -> bool:
        report.planned = changes
        screen.plan(changes)
        if not changes or dry_run:
            return False
        report.declined = not (yes or screen.may(changes))
        if report.declined:
            return False
        session.apply(report.look.wanted, report.look.snapshot, changes, screen.done)
        report.made += changes
        report.look = session.look(wanted, example)  # verify the result
        report.planned = report.look.changes
        return True

    names = _packages(wanted, report.look) if install else ()
    if any(need.stops for need in report.look.needs):
        report.planned = report.look.changes
    elif not names or make((InstallPackages(names=names, root=True),)):
        make(report.look.changes)
    report.seconds = time.monotonic() - began
    return report


def _packages(wanted: Wanted, look: session.Look) -> tuple[str, ...]:
    """Return the missing packages that l9 can install."""
    if not look.snapshot.may_root:
        return ()
    return packages.missing(
        look.snapshot,
        site=wanted.has_site,
        compose=wanted.config.target.runtime == "compose",
        signers=wanted.signers is not None,
    )


def _signers(here: Project) -> str | None:
    """Return the text of the allowed signers file; None if none is configured."""
    if not here.config.release.allowed_signers:
        return None
    found = signers_on_main(here.top, here.config)
    if isinstance(found, str):
        return found
    raise UsageError(
        "the allowed signers cannot be read",
        expected="the file that [release] allowed_signers names, with names and public keys",
        found=found.why,
        remedy=found.remedy,
    )


def _repository(top: Path, named: str | None) -> str:
    """Return the URL that the host clones: the given one, or the operator's origin without its password."""
    if named is not None:
        if "@" in urlsplit(named).netloc and urlsplit(named).password is not None:
            raise UsageError(
                "a password in the URL would end up in logs",
                expected="a URL without a password, and a deploy key on the host",
                found=f"a URL of {urlsplit(named).hostname} with a password",
                remedy="l9 provision --help",
            )
        return named
    origin = run(git.remote_url(), cwd=top)
    if origin.code != 0:
        raise UsageError(
            "no origin to clone from",
            expected="a remote `origin`, or --repository URL",
            found="none",
            remedy="git remote add origin URL",
        )
    url = origin.out.strip()
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and "@" in parts.netloc:
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return url
