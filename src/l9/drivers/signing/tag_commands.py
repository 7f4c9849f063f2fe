"""git: verify a tag's signature, and parse the output of git, ssh-keygen and GnuPG."""

from __future__ import annotations

import re

from l9.checks.git.facts import Signature
from l9.drivers.git.commands import Argv

_SSH = re.compile(r'Good "git" signature (?:for (?P<who>.+) )?with (?P<key>\S+ key \S+)')
_GPG = re.compile(
    r"^\[GNUPG:\] (?P<status>GOODSIG|EXPSIG|EXPKEYSIG|REVKEYSIG|BADSIG) (?P<key>\S+) (?P<who>.+)$",
    re.MULTILINE,
)
_LACKS = re.compile(r"^\[GNUPG:\] NO_PUBKEY (?P<key>\S+)$", re.MULTILINE)
_PROGRAM = re.compile(r"cannot run (?P<program>[^:\n]+): ")
_WHY = {
    "EXPSIG": "by {} that has expired",
    "EXPKEYSIG": "by {} with an expired key",
    "REVKEYSIG": "by {} with a revoked key",
    "BADSIG": "by {} that does not match: the tag was changed after it was signed",
    "GOODSIG": "by {} with a key that is not certified in this keyring",
}
NO_SIGNERS = "gpg.ssh.allowedSignersFile needs to be configured"


def verify_tag(name: str, *settings: str) -> Argv:
    """Exit code 0 if the tag's signature verifies; details are on standard error."""
    return ("git", *(part for s in settings for part in ("-c", s)), "verify-tag", "--raw", "--", name)


def least_trust() -> Argv:
    """Print the trust level that the user requires of a GnuPG key; exit code 1 if it is not set."""
    return ("git", "config", "--get", "gpg.minTrustLevel")


def missing_program(err: str) -> str | None:
    """Return the program that git could not start, from its standard error, or None."""
    found = _PROGRAM.search(err)
    return found["program"] if found else None


def parse_verification(code: int, err: str) -> Signature:
    """Parse `verify_tag`'s result."""
    gpg, ssh = _GPG.search(err), _SSH.search(err)
    if code == 0:
        if gpg:
            return Signature("good", f"{gpg['who']} (GPG key {gpg['key']})")
        return Signature("good", f"{ssh['who']} ({ssh['key']})" if ssh else "an unnamed signer")
    return Signature("bad", why=_why_not(gpg, ssh, err))


def _why_not(gpg: re.Match[str] | None, ssh: re.Match[str] | None, err: str) -> str:
    if gpg:
        return "a signature " + _WHY[gpg["status"]].format(gpg["who"])
    if lacks := _LACKS.search(err):
        return f"a signature with GPG key {lacks['key']}, which is not in this keyring"
    if "incorrect signature" in err:
        return "a signature that does not match: the tag was changed after it was signed"
    if ssh and "key has expired" in err:
        return f"a signature with {ssh['key']}, which was not valid at the time of signing"
    if ssh:
        return f"a signature with {ssh['key']}, which is not an allowed signer's"
    lines = [line.strip() for line in err.splitlines() if line.strip() and not line.startswith("[GNUPG:]")]
    return f"a signature that does not verify ({lines[-1] if lines else 'no reason given'})"
