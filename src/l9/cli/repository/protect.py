"""`l9 protect bare|github`: enforce the rules for main and tags on the remote."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from l9.cli.context import HELP, json_option, show

if TYPE_CHECKING:
    from l9.checks.git.protection import Policy

DECLINED = 3

main_option = click.option("--main", metavar="BRANCH", help="The branch that releases are cut from.")
tag_option = click.option("--tag", metavar="FORMAT", help="The format of release tags.")
review_option = click.option(
    "--review",
    type=click.Choice(["required", "merge", "none"]),
    help="The review that commits on main require.",
)


@click.group("protect", context_settings=HELP)
def command() -> None:
    """Protect main and the release tags on the remote."""


@command.command("bare", context_settings=HELP)
@click.argument("path", type=click.Path(path_type=Path))
@main_option
@tag_option
@review_option
@click.option("--signatures", type=click.Choice(["optional", "required"]), help="Signature policy for tags.")
@click.option(
    "--allowed-signers", metavar="FILE", type=click.Path(path_type=Path), help="The SSH keys allowed to sign."
)
@click.option("--other-tags", metavar="PATTERN", multiple=True, help="Tags exempt from the rules.")
@click.option("--remove", is_flag=True, help="Remove the protection.")
@click.option("--dry-run", is_flag=True, help="Only show the changes.")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
@json_option
def bare_command(
    path: Path,
    main: str | None,
    tag: str | None,
    review: str | None,
    signatures: str | None,
    allowed_signers: Path | None,
    other_tags: tuple[str, ...],
    remove: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Install a pre-receive hook in the bare repository at PATH, after showing the changes.

    The rules come from the options, else from l9.toml here, else from the installed hook. The hook runs as the
    user who pushes: use an l9 that this user can run (not one in /root).
    """
    from l9.errors import UsageError
    from l9.operator.protect import BareRepository

    if not (dry_run or yes) and not sys.stdin.isatty():
        raise UsageError(
            "not a terminal: pass --yes to confirm",
            expected="a terminal, or --yes",
            found="neither",
            remedy="l9 protect bare --help",
        )
    repository = BareRepository(path.absolute())
    if remove:
        return _remove(repository, dry_run=dry_run, yes=yes, as_json=as_json)
    chosen = {"main": main, "tag": tag, "review": review, "signatures": signatures, "other_tags": other_tags}
    known, signers = _here()
    policy = _policy(known or repository.policy, chosen)
    text = _signers(allowed_signers) if allowed_signers else signers or repository.signers
    return _install(repository, policy, text, dry_run=dry_run, yes=yes, as_json=as_json)


def _install(
    repository: Any, policy: Policy, signers: str | None, *, dry_run: bool, yes: bool, as_json: bool
) -> int:
    from l9.operator.protect import diff

    planned = repository.plan(policy, signers)
    lines = []
    for file, text in planned:
        lines += [f"+ {file}", *(f"    {line}" for line in diff(file, text))]
    if repository.hook.state == "other":
        lines.append(f"· the existing {repository.hook.name} hook is kept and runs first")
    if policy.signatures == "required" and not signers:
        lines.append("⚠ no allowed SSH signers: only signatures by this account's GPG keys verify")
    changed = bool(planned) and not dry_run and _confirmed(lines, yes=yes, quiet=as_json)
    if changed:
        repository.apply(policy, signers)
    declined = bool(planned) and not dry_run and not changed
    if dry_run and not as_json:
        sys.stderr.write("".join(f"{line}\n" for line in lines))
    status = "protected" if not planned else "protected now" if changed else "not changed"
    _show(repository, policy, [str(file) for file, _ in planned], status, changed=changed, as_json=as_json)
    return DECLINED if declined else 0


def _remove(repository: Any, *, dry_run: bool, yes: bool, as_json: bool) -> int:
    lines = [f"- {repository.hook.path}", f"- {repository.directory}"]
    changed = not dry_run and _confirmed(lines, yes=yes, quiet=as_json) and repository.remove()
    status = "no longer protected" if changed else "not changed"
    _show(repository, repository.policy, [], status, changed=changed, as_json=as_json)
    return 0


def _show(
    repository: Any, policy: Policy | None, planned: list[str], status: str, *, changed: bool, as_json: bool
) -> None:
    from l9.protocol.answers.hooks import ProtectBare

    answer = ProtectBare(
        repository=str(repository.directory.parent),
        policy=policy,
        hook=repository.hook,
        planned=tuple(planned),
        changed=changed,
    )

    def text() -> str:
        lines = [f"{answer.repository}: {status}"]
        if policy is not None:
            lines += [f"  {rule}" for rule in rules_of(policy)]
        return "\n".join(lines)

    show(answer, as_json=as_json, text=text)


def rules_of(policy: Policy) -> list[str]:
    """Return the rules as text."""
    asked = {
        "required": "reviewed merges only (Reviewed-by: someone other than the authors)",
        "merge": "merges only",
        "none": "fast-forward only",
    }
    signed = ", signed" if policy.signatures == "required" else ""
    free = f", except {', '.join(policy.other_tags)}" if policy.other_tags else ""
    return [
        f"{policy.main}: {asked[policy.review]}, never rewritten or deleted",
        f"tags: {policy.tag}, annotated{signed}, of a commit on {policy.main}, never moved or deleted{free}",
    ]


def _confirmed(lines: list[str], *, yes: bool, quiet: bool) -> bool:
    """Show the changes and ask for confirmation."""
    if not quiet or not yes:
        sys.stderr.write("".join(f"{line}\n" for line in lines))
    return yes or click.confirm("Make these changes?", err=True)


def _policy(known: Policy | None, chosen: dict[str, Any]) -> Policy:
    import msgspec

    from l9.checks.git.protection import Policy
    from l9.checks.git.versions import TagFormat
    from l9.errors import UsageError

    named = {key: value for key, value in chosen.items() if value}
    policy = msgspec.structs.replace(known or Policy(), **named)
    try:
        TagFormat(policy.tag)
    except ValueError as error:
        raise UsageError(
            "invalid tag format",
            expected=Policy().tag,
            found=str(error),
            remedy="l9 config schema",
        ) from None
    return policy


def _here() -> tuple[Policy | None, str | None]:
    """Return the rules in l9.toml of the current working copy, and the allowed signers file on its main."""
    from l9.configuration import FILE, load_any, policy
    from l9.drivers.git.repo import find_top
    from l9.drivers.signing.tags import signers_on_main
    from l9.errors import UsageError

    try:
        top = find_top(Path.cwd())
    except UsageError:
        return None, None
    if not (top / FILE).is_file():
        return None, None
    config = load_any(top)
    found = signers_on_main(top, config) if config.release.allowed_signers else None
    return policy(config), found if isinstance(found, str) else None


def _signers(file: Path) -> str:
    from l9.errors import UsageError

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        found = str(error)
    else:
        if any(line.strip() and not line.startswith("#") for line in text.splitlines()):
            return text
        found = "no signers in it"
    raise UsageError(
        "the allowed signers cannot be read",
        expected="lines of principal and key, in ssh-keygen's format",
        found=found,
        remedy="l9 protect bare --help",
    )


@command.command("github", context_settings=HELP)
@main_option
@tag_option
@review_option
@click.option(
    "--check", "checks", metavar="NAME", multiple=True, help="A status check required before merging."
)
@click.option("--repo", metavar="OWNER/NAME", help="The repository; by default that of the working copy.")
@click.option("--apply", "apply", is_flag=True, help="Send the rulesets to GitHub with gh.")
@json_option
def github_command(
    main: str | None,
    tag: str | None,
    review: str | None,
    checks: tuple[str, ...],
    repo: str | None,
    apply: bool,
    as_json: bool,
) -> int:
    """Print the rulesets that protect main and the release tags on GitHub; --apply creates them there.

    An existing ruleset of the same name is replaced: running the command twice has no further effect.
    """
    from l9.drivers.github.commands import rulesets
    from l9.protocol.answers.hooks import ProtectGithub

    policy = _policy(_here()[0], {"main": main, "tag": tag, "review": review})
    wanted = rulesets(policy, checks)
    applied = {}
    if apply:
        from l9.drivers.github.rulesets import put_rulesets

        applied = put_rulesets(wanted, repo)

    def text() -> str:
        lines = [json.dumps(msgspec.to_builtins(one), indent=2) for one in wanted]
        return "\n".join([*lines, *(f"✔ {name}: {what}" for name, what in applied.items())])

    show(ProtectGithub(rulesets=wanted, applied=applied), as_json=as_json, text=text)
    return 0
