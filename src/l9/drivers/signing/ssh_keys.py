"""Signatures by SSH keys, made and verified by ssh-keygen, so that agents and hardware keys work."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

import msgspec

from l9.drivers.git import commands as git
from l9.drivers.git import runner as git_runner
from l9.drivers.process.programs import Done, run
from l9.drivers.signing import ssh_key_commands as ssh
from l9.errors import ActionError

INSTALL = "apt-get install openssh-client"
NO_QUESTIONS = {"SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}
TOUCH = 60.0  # seconds: a hardware key waits for a touch


class Signer(msgspec.Struct, frozen=True):
    """A signature's signer. `problem` is the reason why the signature does not count, or empty."""

    name: str = ""
    problem: str = ""


def find_key(setting: str, top: Path) -> str:
    """Return the key to sign with: as configured, else git's, else OpenSSH's default; a path or a public key.

    A path is relative to `top`. Raises ActionError if there is none.
    """
    key = setting
    if not key and _setting(top, "gpg.format") == "ssh":
        key = _setting(top, "user.signingkey")
        if ssh.literal_key(key) is None:
            key = _setting(top, "user.signingkey", "path")
    if ssh.literal_key(key) is not None:
        return key
    path = top / Path(key or "~/.ssh/id_ed25519").expanduser()
    if path.is_file() or Path(f"{path}.pub").is_file():
        return str(path if path.is_file() else f"{path}.pub")
    raise ActionError(
        "no SSH key to sign with",
        expected="[release] signing_key, git's user.signingkey with gpg.format ssh, or ~/.ssh/id_ed25519",
        found=f"no file {path}",
        remedy=shlex.join(("ssh-keygen", "-t", "ed25519", "-f", str(path))),
    )


def sign(data: bytes, key: str, namespace: str) -> tuple[bytes, str]:
    """Return the signature and the key's fingerprint. Never prompts for a passphrase: use an agent.

    Raises ActionError if the key cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="l9-sign-") as directory:
        literal = ssh.literal_key(key)
        if literal is not None:
            public = Path(directory) / "key.pub"
            public.write_text(f"{literal}\n", encoding="utf-8")
        file = Path(directory) / "signed"
        file.write_bytes(data)
        used = key if literal is None else str(public)
        done = _run(ssh.sign(used, namespace, str(file)), timeout=TOUCH)
        if done.code != 0:
            raise _refused(used if literal is None else "the key", done)
        seen = ssh.parse_fingerprint(_run(ssh.fingerprint(used)).out)
        return ssh.unarmor(Path(f"{file}.sig").read_text(encoding="ascii")), seen


def verify(data: bytes, signature: bytes, allowed: Path, namespace: str) -> Signer:
    """Return the signer. Raises ActionError if ssh-keygen cannot be run."""
    with tempfile.TemporaryDirectory(prefix="l9-verify-") as directory:
        file = Path(directory) / "signature"
        file.write_text(ssh.armor(signature), encoding="ascii")
        found = _run(ssh.find_principals(str(allowed), str(file)))
        names = ssh.parse_principals(found.out) if found.code == 0 else ()
        for name in names:
            if _run(ssh.verify(str(allowed), name, namespace, str(file)), data=data).code == 0:
                return Signer(name)
    if names:
        return Signer(problem=f"the signature of {names[0]} does not verify")
    unreadable = "verify signature" in found.err or "parse signature" in found.err
    return Signer(problem="it has no SSH signature" if unreadable else "it is signed by an unknown key")


def _refused(key: str, done: Done) -> ActionError:
    """Return the error for a failed signature, with the command that helps."""
    lines = [line for line in done.err.strip().splitlines() if not line.startswith(("Signing", "Write"))]
    locked = "passphrase" in done.err
    return ActionError(
        f"cannot sign with {key}",
        expected="a key without a passphrase, or in an ssh-agent",
        found="a passphrase is required" if locked else lines[-1] if lines else f"exit code {done.code}",
        remedy=shlex.join(("ssh-add", key.removesuffix(".pub"))) if locked or "agent" in done.err
        or "No private key" in done.err else shlex.join(("ssh-keygen", "-l", "-f", key)),
    )  # fmt: skip


def _run(argv: ssh.Argv, *, data: bytes | None = None, timeout: float = 10.0) -> Done:
    try:
        return run(argv, env=NO_QUESTIONS, data=data, timeout=timeout, alone=True)
    except ActionError as error:
        error.remedy = INSTALL
        raise


def _setting(top: Path, name: str, kind: str = "") -> str:
    done = git_runner.run(git.read_setting(name, kind), cwd=top)
    return done.out.strip() if done.code == 0 else ""
