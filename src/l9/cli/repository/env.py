"""`l9 env check|diff`: compare environment files by name, type and fingerprint; no value is shown or sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from l9.cli.context import HELP, Project, json_option, project, project_top, show, target_option
from l9.core.verdict import VerdictKind
from l9.errors import ActionError, UsageError

if TYPE_CHECKING:
    from l9.checks.environment.schema import Rule
    from l9.protocol.answers.environment import EnvCheck, EnvDiff

DIFFERENT = 7
ICONS = {VerdictKind.PASS: "✔", VerdictKind.FAIL: "✘"}
SIDES = {"same": "=", "differs": "≠", "only in A": "<", "only in B": ">"}


@click.group("env", context_settings=HELP)
def command() -> None:
    """Compare environment files with their schema or with each other, without showing values."""


@command.command("check", context_settings=HELP)
@click.argument("file", required=False)
@click.option("--tag", metavar="TAG", help="Use the schema of this release instead of HEAD.")
@target_option
@json_option
def check_command(file: str | None, tag: str | None, target: str | None, as_json: bool) -> int:
    """Check the target's environment file, or FILE, against the schema in .env.example.

    Exit code 3 if a required key has no value, a value is invalid, or others can read the host's file.
    """
    here = project(target)
    answer = check(here, file, tag)
    show(answer, as_json=as_json, text=lambda: check_text(answer))
    return 0 if answer.ok else 3


def check(here: Project, file: str | None, tag: str | None) -> EnvCheck:
    """Compare the file with its schema. Raises UsageError if either does not exist."""
    from l9.drivers.files.env_on_host import EnvOnHost
    from l9.protocol import client, requests
    from l9.protocol.answers.environment import EnvCheck, HostEnv
    from l9.protocol.caller import whoami

    rules = _rules(here, tag)
    if file is None:
        asked = requests.Env(file=here.config.env.file, rules=rules)
        seen = client.query(here.config, asked, HostEnv, whoami()).report
    else:
        _refuse_no_file(file)
        seen = EnvOnHost(Path(file)).report(rules)
    bad = [k for k in seen.keys if k.verdict.closes]
    return EnvCheck(
        target=None if file else here.config.name,
        path=seen.path,
        example=here.config.env.example,
        tag=tag,
        ok=seen.exists and not bad and (file is not None or _private(seen.mode)),
        exists=seen.exists,
        mode=seen.mode,
        keys=seen.keys,
        duplicates=seen.duplicates,
        bad_lines=seen.bad_lines,
    )


def _private(mode: str) -> bool:
    return not int(mode, 8) & 0o077


def check_text(answer: EnvCheck) -> str:
    """Return the comparison as text."""
    where = f" on {answer.target}" if answer.target else ""
    schema = f"{answer.example} of {answer.tag or 'HEAD'}"
    found = f"mode {answer.mode}" if answer.exists else "no such file"
    lines = [f"{answer.path}{where} ({found}) against {schema}"]
    for key in answer.keys:
        expected = f": expected {key.expected}" if key.expected else ""
        lines.append(f"{ICONS[key.verdict]} {key.verdict:<8} {key.key:<32} {key.found}{expected}")
    lines += [f"▲ line {number} is not an assignment" for number in answer.bad_lines]
    lines += [f"▲ {key} is set more than once; the last one counts" for key in answer.duplicates]
    if not answer.ok:
        mode = answer.exists and answer.target and not _private(answer.mode)
        lines.append(f"  next  {'chmod 600' if mode else '$EDITOR'} {answer.path}{where and f'  #{where}'}")
    return "\n".join(lines)


@command.command("diff", context_settings=HELP)
@click.argument("a")
@click.argument("b")
@json_option
def diff_command(a: str, b: str, as_json: bool) -> int:
    """Compare two environment files, each a target in l9.toml or a file; exit code 7 if they differ.

    Only fingerprints are compared, made with a random key that is used for this one comparison.
    """
    answer = diff(project_top(), a, b)
    show(answer, as_json=as_json, text=lambda: diff_text(answer))
    return 0 if answer.same else DIFFERENT


def diff(top: Path, a: str, b: str) -> EnvDiff:
    """Compare two environment files key by key: same, differs, only in A, only in B."""
    import secrets

    from l9.protocol.answers.environment import ComparedKey, EnvDiff

    key = secrets.token_bytes(32)
    mine, theirs = (_prints(top, side, key) for side in (a, b))
    keys = tuple(
        ComparedKey(key=name, result=_compared(mine.get(name), theirs.get(name)))
        for name in {**mine, **theirs}
    )
    return EnvDiff(a=a, b=b, same=mine == theirs, keys=keys)


def diff_text(answer: EnvDiff) -> str:
    """Return the comparison as text."""
    lines = [f"A {answer.a}", f"B {answer.b}"]
    lines += [f"{SIDES[k.result]} {k.key:<32} {k.result}" for k in answer.keys]
    lines.append("the same" if answer.same else "they differ")
    return "\n".join(lines)


def _compared(mine: str | None, theirs: str | None) -> str:
    if mine is None:
        return "only in B"
    if theirs is None:
        return "only in A"
    return "same" if mine == theirs else "differs"


def _prints(top: Path, side: str, key: bytes) -> dict[str, str]:
    """Return one side's fingerprints by key, from a target's host or else from a file of that name."""
    from l9.configuration import load, targets
    from l9.drivers.files.env_on_host import EnvOnHost
    from l9.protocol import client, requests
    from l9.protocol.answers.environment import EnvPrints
    from l9.protocol.caller import whoami

    if side not in targets(top):
        _refuse_no_file(side)
        return EnvOnHost(Path(side)).fingerprints(key)
    config = load(top, side)
    asked = requests.EnvPrints(file=config.env.file, key=key.hex())
    seen = client.query(config, asked, EnvPrints, whoami())
    if not seen.exists:
        raise ActionError(
            f"{side} has no environment file", expected=seen.path, found="none", remedy="l9 provision"
        )
    return dict(seen.prints)


def _rules(here: Project, tag: str | None) -> tuple[Rule, ...]:
    """Return the schema's rules of a release, or of HEAD."""
    from l9.checks.environment.schema import read_schema
    from l9.protocol.caller import check_name

    if tag is not None:
        check_name(tag, here.config)
    path = here.config.env.example
    text = here.repo.read(tag or "", path)
    if text is None:
        raise UsageError(
            f"no environment schema in {tag or 'HEAD'}",
            expected=f"a committed {path}",
            found="none",
            remedy="l9 init",
        )
    return read_schema(text).rules


def _is_file(name: str) -> bool:
    return Path(name).is_file()


def _refuse_no_file(name: str) -> None:
    if not _is_file(name):
        raise UsageError(
            f"file not found: {name}",
            expected="an environment file, or a target in l9.toml",
            found="a directory" if Path(name).exists() else "none",
            remedy="ls -a",
        )
