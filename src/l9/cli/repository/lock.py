"""`l9 lock`: lock the project's dependencies to exact versions with hashes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from l9.cli.context import HELP, json_option, project_top, show
from l9.errors import UsageError

if TYPE_CHECKING:
    from l9.checks.dependencies.locker import Locker
    from l9.checks.dependencies.locker_commands import Job, LockChange
    from l9.protocol.answers.locks import Audited, Lock, Locked

DRIFTED = 3
MOST_SKIPPED = 5  # lines about versions that were not audited
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


@click.command("lock", context_settings=HELP)
@click.option(
    "--upgrade",
    multiple=True,
    is_flag=False,
    flag_value="*",
    metavar="[NAME]",
    help="Upgrade all dependencies, or only NAME.",
)
@click.option("--check", is_flag=True, help="Only report what drifted; exit code 3 if anything did.")
@click.option("--audit", is_flag=True, help="Audit the locked versions with pip-audit; write nothing.")
@json_option
def command(upgrade: tuple[str, ...], check: bool, audit: bool, as_json: bool) -> int:
    """Write requirements.txt, with hashes, from pyproject.toml or requirements.in.

    Locked versions are kept unless --upgrade is given. Indexes, proxies and offline mode are settings of uv
    (uv.toml, UV_…) and are never written to a lock.
    """
    if check + audit + bool(upgrade) > 1:
        raise UsageError(
            "--upgrade, --check and --audit are mutually exclusive",
            expected="one of --upgrade, --check and --audit",
            found="several",
            remedy="l9 lock --help",
        )
    if bad := [name for name in upgrade if name != "*" and not _NAME.fullmatch(name)]:
        raise UsageError(
            "invalid dependency name", expected="a name as in pyproject.toml", found=repr(bad[0]),
            remedy="l9 lock --help",
        )  # fmt: skip
    locker = _locker()
    if audit:
        return _audit(locker, as_json=as_json)
    return _lock(locker, upgrade, check=check, as_json=as_json)


def _locker() -> Locker:
    """Return the locks of this working copy; without an l9.toml, the default ones."""
    from l9.checks.dependencies.locker import Locker
    from l9.config.model import Check
    from l9.configuration import FILE, load

    top = project_top()
    check = load(top).check if (top / FILE).exists() else Check()
    return Locker(top, check.requirements)


def _lock(locker: Locker, upgrade: tuple[str, ...], *, check: bool, as_json: bool) -> int:
    from l9.checks.dependencies.locker_commands import unhashed
    from l9.checks.dependencies.locks import read_requirements
    from l9.protocol.answers.locks import Locked

    jobs = locker.jobs()
    made = locker.resolve(jobs, upgrade)
    _refuse_unlocked(upgrade, made)
    locks = []
    for job in jobs:
        before = locker.report(job.lock)
        after = read_requirements(made[job.lock])
        locks.append(_lock_of(job, before, after, unhashed(before) if before else []))
        if not check:
            locker.write(job.lock, made[job.lock])
    drifted = any(lock.changes or lock.missing for lock in locks)
    answer = Locked(written=not check, drifted=drifted, locks=tuple(locks))
    show(answer, as_json=as_json, text=lambda: lock_text(answer))
    return DRIFTED if check and drifted else 0


def _refuse_unlocked(upgrade: tuple[str, ...], made: dict[str, str]) -> None:
    """Raise UsageError for a name in no lock, which uv would ignore."""
    from packaging.utils import canonicalize_name

    from l9.checks.dependencies.locks import read_requirements

    known = {pin.name for text in made.values() for pin in read_requirements(text).exact}
    if lacking := [n for n in upgrade if n != "*" and canonicalize_name(n) not in known]:
        raise UsageError(
            f"{lacking[0]} is in no lock",
            expected="a locked dependency",
            found=lacking[0],
            remedy="l9 lock --check",
        )


def _lock_of(job: Job, before: Any, after: Any, bare: list[str]) -> Lock:
    from l9.checks.dependencies.locker_commands import differences
    from l9.protocol.answers.locks import Lock

    return Lock(
        lock=job.lock,
        sources=job.sources,
        missing=before is None,
        count=len({pin.name for pin in after.exact}),
        changes=tuple(differences(before, after)),
        unhashed=tuple(bare),
    )


def lock_text(answer: Locked) -> str:
    """Return the locks as text: each with its sources and changed versions."""
    lines = []
    for lock in answer.locks:
        made = f"{lock.lock} from {' and '.join(lock.sources)}: {lock.count} locked"
        changes, bare = lock.changes, len(lock.unhashed)
        if answer.written:
            lines.append(f"✔ {made}{f', {len(changes)} changed' if changes else ', unchanged'}")
        elif lock.missing:
            lines.append(f"✘ {lock.lock} does not exist yet ({lock.count} to lock)")
        else:
            lines.append(
                f"{'✘' if changes else '✔'} {made}{f', {len(changes)} drifted' if changes else ', up to date'}"
            )
        if not lock.missing:
            lines += [f"    {_change(change)}" for change in changes]
        if bare:
            now = "had no hash before" if answer.written else "have no hash: l9 lock adds them"
            lines.append(f"    {bare} {now}")
    if not answer.written and answer.drifted:
        lines.append("    next      l9 lock")
    return "\n".join(lines)


def _change(change: LockChange) -> str:
    before, after = ", ".join(change.before), ", ".join(change.after)
    if not before:
        return f"+ {change.name} {after}"
    return f"~ {change.name} {before} -> {after}" if after else f"- {change.name} {before}"


def _audit(locker: Locker, *, as_json: bool) -> int:
    from l9.protocol.answers.locks import Audited

    pins = locker.pins()
    if not pins:
        locker.jobs()  # raises a better error if there is nothing to lock either
        raise UsageError("no lock to audit", expected="a lock", found="none", remedy="l9 lock")
    found = locker.audit(pins)
    answer = Audited(
        good=not (found.vulnerable or found.skipped),
        asked=found.asked,
        vulnerable=tuple(found.vulnerable),
        skipped=tuple(found.skipped),
    )
    show(answer, as_json=as_json, text=lambda: audit_text(answer))
    return 0 if answer.good else DRIFTED


def audit_text(audit: Audited) -> str:
    """Return the audit as text. A version that could not be audited counts as a failure."""
    lines = []
    for v in audit.vulnerable:
        fix = f"fixed in {', '.join(v.fixed_in)}" if v.fixed_in else "no fixed version yet"
        also = f" ({', '.join(v.aliases)})" if v.aliases else ""
        lines += [f"✘ {v.name} {v.version}: {v.id}{also}, {fix}"]
        lines += [f"    next      l9 lock --upgrade {v.name}"] if v.fixed_in else []
    lines += [f"✘ {s.name} was not audited: {s.reason}" for s in audit.skipped[:MOST_SKIPPED]]
    if len(audit.skipped) > MOST_SKIPPED:
        lines.append(f"✘ {len(audit.skipped) - MOST_SKIPPED} more were not audited")
    answered = audit.asked - len(audit.skipped)
    lines.append(
        f"{answered} of {audit.asked} locked versions audited, {len(audit.vulnerable)} known vulnerabilities"
    )
    return "\n".join(lines)
