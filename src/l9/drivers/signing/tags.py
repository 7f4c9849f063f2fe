"""Who signed a tag, as git verifies it with the signers that the repository, or else the user, trusts."""

from __future__ import annotations

import tempfile
from pathlib import Path

from l9.checks.git.facts import Signature
from l9.config.load import FILE
from l9.config.model import Config
from l9.drivers.git.runner import run
from l9.drivers.git.tags import read_tag
from l9.drivers.signing import tag_commands as git_signatures
from l9.errors import ActionError


def signature(top: Path, config: Config, name: str) -> Signature:
    """The signature of a tag, verified whenever there is one. Raises ActionError where nobody could verify it."""
    tag = read_tag(top, name)
    if tag.signature == "none":
        return Signature("none")
    required = config.release.signatures == "required"
    if not config.release.allowed_signers:
        return verify(top, name, required=required)
    signers = signers_on_main(top, config)
    if isinstance(signers, Signature):
        return signers
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="l9-signers-") as file:
        file.write(signers)
        file.flush()
        return verify(top, name, f"gpg.ssh.allowedSignersFile={file.name}", required=required)


def signers_on_main(top: Path, config: Config) -> str | Signature:
    """The allowed signers as main has them where it was reviewed: on origin, or here while origin has no main.

    Never the tag's own tree: whoever signs it could write themselves into it.
    """
    main, path = config.release.main, config.release.allowed_signers
    refs = (f"refs/remotes/origin/{main}", f"refs/heads/{main}")
    known = [ref for ref in refs if run(("git", "rev-parse", "--verify", "--quiet", ref), cwd=top).code == 0]
    for ref in known[:1]:
        done = run(("git", "cat-file", "blob", f"{ref}:{path}"), cwd=top)
        if done.code == 0:
            return done.out
    where = "origin's main" if known[:1] == [refs[0]] else main
    return Signature(
        "bad", why=f"no {path} on {where} to verify the signature with", remedy=f"git push origin {main}"
    )


def verify(top: Path, name: str, *settings: str, required: bool) -> Signature:
    """The signature of a tag that has one, by the tag's name or id. `required`: a key's owner must be certified.

    Raises ActionError where nobody could verify it.
    """
    if required and run(git_signatures.least_trust(), cwd=top).code != 0:
        # GnuPG may fetch an unknown signer's key by itself: being in the keyring is no trust.
        settings = (*settings, "gpg.minTrustLevel=marginal")
    done = run(git_signatures.verify_tag(name, *settings), cwd=top)
    if done.code != 0:
        if git_signatures.NO_SIGNERS in done.err and not required:
            return Signature("unverified", why="no allowed signers are configured here")
        _refuse_unverifiable(done.err)
    return git_signatures.parse_verification(done.code, done.err)


def _refuse_unverifiable(err: str) -> None:
    """Raises ActionError where it is not the signature that is wrong."""
    if program := git_signatures.missing_program(err):
        raise ActionError(
            "the signature cannot be verified",
            expected=f"a program {program}",
            found="none",
            remedy=f"command -v {program}",
        )
    if git_signatures.NO_SIGNERS in err:
        raise ActionError(
            "the signature cannot be verified",
            expected="allowed signers, in [release] allowed_signers or in gpg.ssh.allowedSignersFile",
            found="neither is configured",
            remedy=f"$EDITOR {FILE}  # [release] allowed_signers",
        )
