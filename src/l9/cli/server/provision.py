"""`l9 provision`: prepare a host over ssh, showing first what would change."""

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
@click.option("--repository", metavar="URL", help="Where the host clones from, if not from your origin.")
@click.option("--install", is_flag=True, help="Install missing packages of the distribution as well.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def command(
    target: str | None, repository: str | None, install: bool, dry_run: bool, yes: bool, as_json: bool
) -> int:
    """Prepare a host: its directory, the agent, Caddy's site, and the timer. Nothing is changed unseen.

    Exit code 0 when the host is ready, 5 when something is left that a person has to do.
    """
    here = project(target)
    if not (dry_run or yes) and not sys.stdin.isatty():
        raise UsageError(
            "nobody is there to ask",
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
    """Tells a person what is about to change, asks, and tells what was done; all on standard error."""

    def __init__(self, wanted: Wanted, *, quiet: bool) -> None:
        self._host = wanted.config.target.host
        self._quiet = quiet

    def plan(self, changes: tuple[Change, ...]) -> None:
        """Show what would change."""
        for change in changes:
            self._say(f"+ {change.title()}")
            for line in change.diff():
                self._say(f"    {line}")

    def may(self, changes: tuple[Change, ...]) -> bool:
        """Ask."""
        many = "this change" if len(changes) == 1 else f"these {len(changes)} changes"
        return click.confirm(f"Make {many} on {self._host}?", err=True)

    def done(self, change: Change, seconds: float) -> None:
        """Tell of one change that was made."""
        self._say(f"✔ {change.title()}  {seconds:.1f} s")

    def _say(self, text: str) -> None:
        if not self._quiet:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


def provision(
    wanted: Wanted, example: str | None, screen: Screen, *, install: bool, dry_run: bool, yes: bool
) -> ProvisionReport:
    """Look, show, ask, make, and look again; how it ended."""
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
        session.apply(report.look.wanted, report.look.seen, changes, screen.done)
        report.made += changes
        report.look = session.look(wanted, example)  # the proof that it is as it was to be
        report.planned = report.look.changes
        return True

    names = _packages(wanted, report.look) if install else ()
    if not names or make((InstallPackages(names=names, root=True),)):
        make(report.look.changes)
    report.seconds = time.monotonic() - began
    return report


def _packages(wanted: Wanted, look: session.Look) -> tuple[str, ...]:
    """What is missing and can be installed by us."""
    if not look.seen.may_root:
        return ()
    return packages.missing(
        look.seen,
        site=wanted.has_site,
        compose=wanted.config.target.runtime == "compose",
        signers=wanted.signers is not None,
    )


def _signers(here: Project) -> str | None:
    """The text of the allowed signers file, or None where none is configured."""
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
    """What the host clones: the URL that was named, or the operator's own origin without its password."""
    if named is not None:
        if "@" in urlsplit(named).netloc and urlsplit(named).password is not None:
            raise UsageError(
                "a password in an address ends up in logs",
                expected="an address without a password, and a deploy key on the host",
                found=f"one for {urlsplit(named).hostname}",
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
