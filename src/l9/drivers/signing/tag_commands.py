"""git: verifying a tag's signature, and reading what git, ssh-keygen and GnuPG say of it."""

from __future__ import annotations

import re

from l9.checks.git.facts import Signature
from l9.drivers.git.commands import Argv

_SSH = re.compile(r'Good "git" signature (?:for (?P<who>.+) )?with (?P<key>\S+ key \S+)')
_GPG = re.compile(
    r"^\[GNUPG:\] (?P<said>GOODSIG|EXPSIG|EXPKEYSIG|REVKEYSIG|BADSIG) (?P<key>\S+) (?P<who>.+)$", re.MULTILINE
)
_LACKS = re.compile(r"^\[GNUPG:\] NO_PUBKEY (?P<key>\S+)$", re.MULTILINE)
_PROGRAM = re.compile(r"cannot run (?P<program>[^:\n]+): ")
_WHY = {
    "EXPSIG": "made by {} and expired since",
    "EXPKEYSIG": "made by {} with a key that has expired",
    "REVKEYSIG": "made by {} with a key that was revoked",
    "BADSIG": "by {} that does not fit: the tag was changed after it was signed",
    "GOODSIG": "made by {} with a key that nobody certified in this keyring",
}
NO_SIGNERS = "gpg.ssh.allowedSignersFile needs to be configured"


def verify_tag(name: str, *settings: str) -> Argv:
    """Exit code 0 when the tag's signature verifies; what the programs say comes on standard error."""
    return ("git", *(part for s in settings for part in ("-c", s)), "verify-tag", "--raw", "--", name)


def least_trust() -> Argv:
    """What the user demands of a GnuPG key; exit code 1 where they demand nothing."""
    return ("git", "config", "--get", "gpg.minTrustLevel")


def missing_program(err: str) -> str | None:
    """The program that git could not start, from its standard error."""
    found = _PROGRAM.search(err)
    return found["program"] if found else None


def parse_verification(code: int, err: str) -> Signature:
    """`verify_tag`'s outcome, told for people."""
    gpg, ssh = _GPG.search(err), _SSH.search(err)
    if code == 0:
        if gpg:
            return Signature("good", f"{gpg['who']} (GPG key {gpg['key']})")
        return Signature("good", f"{ssh['who']} ({ssh['key']})" if ssh else "somebody whom git did not name")
    return Signature("bad", why=_why_not(gpg, ssh, err))


def _why_not(gpg: re.Match[str] | None, ssh: re.Match[str] | None, err: str) -> str:
    if gpg:
        return "a signature " + _WHY[gpg["said"]].format(gpg["who"])
    if lacks := _LACKS.search(err):
        return f"a signature with GPG key {lacks['key']}, which is not in this keyring"
    if "incorrect signature" in err:
        return "a signature that does not fit: the tag was changed after it was signed"
    if ssh and "key has expired" in err:
        return f"a signature with {ssh['key']}, which was not valid when it was made"
    if ssh:
        return f"a signature with {ssh['key']}, which no allowed signer has"
    lines = [line.strip() for line in err.splitlines() if line.strip() and not line.startswith("[GNUPG:]")]
    return f"a signature that does not verify ({lines[-1] if lines else 'no reason given'})"
