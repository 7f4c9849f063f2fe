"""Signed tags, with real keys of both kinds made for the test."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from l9.checks.git.facts import Signature
from l9.configuration import parse
from l9.drivers.signing.tags import signature
from l9.errors import ActionError

TAG = "v1.0.0-l9"
SIGNERS = 'allowed_signers = "ops/signers"\n'


class Signed:
    """A repository whose origin has main, and the keys of two people."""

    def __init__(self, root: Path) -> None:
        self.top, self.keys = root / "work", root / "keys"
        self.keys.mkdir()
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(root / "origin.git"), cwd=root)
        self.git("init", "--quiet", "--initial-branch=main", str(self.top), cwd=root)
        self.git("remote", "add", "origin", str(root / "origin.git"))
        for who in ("ada", "eve"):
            self.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", who, "-f", str(self.keys / who))
        self.commit("a.txt", "a")

    def run(self, *argv: str, cwd: Path | None = None, data: str | None = None) -> str:
        done = subprocess.run(argv, cwd=cwd or self.top.parent, input=data, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def git(self, *args: str, cwd: Path | None = None, data: str | None = None) -> str:
        return self.run("git", *args, cwd=cwd or self.top, data=data)

    def commit(self, path: str, text: str) -> None:
        (self.top / path).parent.mkdir(exist_ok=True)
        (self.top / path).write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Add: Something")

    def line(self, who: str, options: str = "") -> str:
        key = (self.keys / f"{who}.pub").read_text(encoding="utf-8")
        return f"{who}@l9.invalid {options} {key}"

    def sign(self, who: str = "ada") -> None:
        ssh = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={self.keys / who}")
        self.git(*ssh, "tag", "--force", "--sign", TAG, "-m", f"Release {TAG}: First")

    def trust(self, text: str, *, push: bool = True) -> None:
        self.commit("ops/signers", text)
        if push:
            self.git("push", "--quiet", "origin", "main")

    def seen(self, release: str = SIGNERS) -> Signature:
        text = f'app = "a"\n[release]\n{release}[targets.production]\nhost = "local"\n'
        return signature(self.top, parse(text), TAG)

    def tamper(self) -> None:
        text = self.run("git", "cat-file", "tag", TAG, cwd=self.top).replace("First", "Other") + "\n"
        self.git(
            "update-ref", f"refs/tags/{TAG}", self.git("hash-object", "-t", "tag", "-w", "--stdin", data=text)
        )


@pytest.fixture
def signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Signed:
    for kind in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{kind}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{kind}_EMAIL", "ada@l9.invalid")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    return Signed(tmp_path)


def test_no_signature(signed: Signed) -> None:
    signed.git("tag", "--annotate", TAG, "-m", "First")
    assert signed.seen("") == Signature("none")


def test_the_signer_is_named(signed: Signed) -> None:
    signed.trust(signed.line("ada", 'namespaces="git,l9"'))
    signed.sign()
    found = signed.seen()
    assert found.state == "good"
    assert found.by.startswith("ada@l9.invalid (ED25519 key SHA256:")


def test_a_signer_whom_nobody_allowed(signed: Signed) -> None:
    signed.trust(signed.line("ada"))
    signed.sign("eve")
    found = signed.seen()
    assert found.state == "bad"
    assert "which is not an allowed signer's" in found.why


def test_a_tag_that_was_changed_after_it_was_signed(signed: Signed) -> None:
    signed.trust(signed.line("ada"))
    signed.sign()
    signed.tamper()
    assert "was changed after it was signed" in signed.seen().why


def test_a_key_that_is_no_longer_valid(signed: Signed) -> None:
    signed.trust(signed.line("ada", 'valid-before="20200101"'))
    signed.sign()
    assert "was not valid at the time of signing" in signed.seen().why


def test_a_key_that_was_revoked(signed: Signed) -> None:
    signed.trust(signed.line("ada"))
    signed.sign()
    signed.git("config", "gpg.ssh.revocationFile", str(signed.keys / "ada.pub"))
    assert signed.seen().state == "bad"


def test_nobody_writes_themselves_into_the_list(signed: Signed) -> None:
    """A signer who is not on origin yet was reviewed by nobody."""
    signed.trust(signed.line("ada"))
    signed.trust(signed.line("eve"), push=False)
    signed.sign("eve")
    assert signed.seen().state == "bad"
    signed.git("push", "--quiet", "origin", "main")
    assert signed.seen().by.startswith("eve@")


def test_a_list_that_origin_lacks(signed: Signed) -> None:
    signed.git("push", "--quiet", "origin", "main")
    signed.trust(signed.line("ada"), push=False)
    signed.sign()
    found = signed.seen()
    assert found == Signature(
        "bad", why="no ops/signers on origin's main to verify the signature with", remedy=found.remedy
    )
    signed.git(*shlex.split(found.remedy)[1:])
    assert signed.seen().state == "good"


def test_before_the_first_push_main_is_the_one_here(signed: Signed) -> None:
    signed.trust(signed.line("ada"), push=False)
    signed.sign()
    assert signed.seen().state == "good"


def test_the_users_own_list(signed: Signed) -> None:
    (signed.keys / "mine").write_text(signed.line("ada"), encoding="utf-8")
    signed.git("config", "gpg.ssh.allowedSignersFile", str(signed.keys / "mine"))
    signed.sign()
    assert signed.seen("").state == "good"


def test_no_list_at_all(signed: Signed) -> None:
    signed.sign()
    assert signed.seen("").state == "unverified"
    with pytest.raises(ActionError) as refused:
        signed.seen('signatures = "required"\n')
    assert refused.value.summary == "cannot verify the signature: neither is configured"
    assert refused.value.remedy.startswith("$EDITOR l9.toml")


def test_a_machine_without_the_program(signed: Signed) -> None:
    signed.trust(signed.line("ada"))
    signed.sign()
    signed.git("config", "gpg.ssh.program", "/nowhere/ssh-keygen")
    with pytest.raises(ActionError) as refused:
        signed.seen()
    assert (refused.value.expected, refused.value.remedy) == (
        "a program /nowhere/ssh-keygen",
        "command -v /nowhere/ssh-keygen",
    )


# ── GnuPG ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def keyring(signed: Signed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Signed]:
    """A keyring with a key of Bob's, and a tag that he signed."""
    home = signed.keys.parent / "g"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    quiet = ("gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
    signed.run(*quiet, "--quick-gen-key", "Bob <bob@l9.invalid>", "ed25519", "sign", "never")
    signed.git("-c", "user.signingkey=bob@l9.invalid", "tag", "--sign", TAG, "-m", f"Release {TAG}: First")
    yield signed
    subprocess.run(("gpgconf", "--homedir", str(home), "--kill", "all"), check=True)


def trusted(signed: Signed, level: int) -> None:
    listed = signed.run("gpg", "--with-colons", "--list-keys", "bob@l9.invalid")
    key = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))
    signed.run("gpg", "--quiet", "--import-ownertrust", data=f"{key}:{level}:\n")


def test_gpg_names_the_signer(keyring: Signed) -> None:
    found = keyring.seen('signatures = "required"\n')
    assert found.state == "good"
    assert found.by.startswith("Bob <bob@l9.invalid> (GPG key ")


def test_gpg_finds_a_change(keyring: Signed) -> None:
    keyring.tamper()
    assert "was changed after it was signed" in keyring.seen("").why


def test_gpg_does_not_know_the_key(keyring: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = keyring.keys.parent / "e"
    empty.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(empty))
    assert "which is not in this keyring" in keyring.seen("").why


def test_a_key_in_the_keyring_is_not_yet_one_that_is_trusted(keyring: Signed) -> None:
    trusted(keyring, 2)
    assert keyring.seen("").state == "good"
    assert "that is not certified" in keyring.seen('signatures = "required"\n').why


def test_what_the_user_demands_of_keys_stands(keyring: Signed) -> None:
    trusted(keyring, 2)
    keyring.git("config", "gpg.minTrustLevel", "undefined")
    assert keyring.seen('signatures = "required"\n').state == "good"


def test_a_gpg_key_that_has_expired(keyring: Signed) -> None:
    quiet = ("gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
    keyring.run(
        *quiet,
        "--faked-system-time",
        "20200101T000000",
        "--quick-gen-key",
        "Old <old@l9.invalid>",
        "ed25519",
        "sign",
        "1d",
    )
    program = keyring.keys / "gpg-then"
    program.write_text('#!/bin/sh\nexec gpg --faked-system-time 20200101T010000 "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    keyring.git(
        "-c",
        f"gpg.program={program}",
        "-c",
        "user.signingkey=old@l9.invalid",
        "tag",
        "--force",
        "--sign",
        TAG,
        "-m",
        "x",
    )
    assert "with an expired key" in keyring.seen("").why
