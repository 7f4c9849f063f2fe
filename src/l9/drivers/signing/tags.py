"""The signer of a tag, verified by git with the signers that the repository, or else the user, trusts."""

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
    """Return a tag's signature, verified if there is one. Raises ActionError if it cannot be verified."""
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
    """Return the allowed signers from main on origin, or from the local main if origin has none.

    Never from the tag's own tree, to which a signer could add their own key.
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
    """Verify the signature of a tag, by the tag's name or id. `required`: the key must be certified.

    Raises ActionError if it cannot be verified.
    """
    if required and run(git_signatures.least_trust(), cwd=top).code != 0:
        # GnuPG may fetch an unknown signer's key by itself: a key in the keyring is not necessarily trusted.
        settings = (*settings, "gpg.minTrustLevel=marginal")
    done = run(git_signatures.verify_tag(name, *settings), cwd=top)
    if done.code != 0:
        if git_signatures.NO_SIGNERS in done.err and not required:
            return Signature("unverified", why="no allowed signers are configured here")
        _refuse_unverifiable(done.err)
    return git_signatures.parse_verification(done.code, done.err)


def _refuse_unverifiable(err: str) -> None:
    """Raise ActionError if the failure is not the signature's."""
    if program := git_signatures.missing_program(err):
        raise ActionError(
            "cannot verify the signature",
            expected=f"a program {program}",
            found="none",
            remedy=f"command -v {program}",
        )
    if git_signatures.NO_SIGNERS in err:
        raise ActionError(
            "cannot verify the signature",
            expected="allowed signers, in [release] allowed_signers or in gpg.ssh.allowedSignersFile",
            found="neither is configured",
            remedy=f"$EDITOR {FILE}  # [release] allowed_signers",
        )
