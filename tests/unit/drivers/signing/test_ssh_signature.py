"""Signatures by real ssh-keygen and a real ssh-agent."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from keys import allow, make_key
from l9.drivers.signing.ssh_keys import Signer, find_key, sign, verify
from l9.errors import ActionError

ADA, BOB = "ada@l9.invalid", "bob@l9.invalid"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a key nor an agent nor a setting of whoever runs the tests."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An agent of our own; keys are added with `ssh-add`."""
    socket = tmp_path / "agent"
    with subprocess.Popen(("ssh-agent", "-D", "-a", str(socket)), stdout=subprocess.DEVNULL) as process:
        while not socket.exists():
            time.sleep(0.01)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        yield socket
        process.terminate()


def repository(tmp_path: Path, *settings: tuple[str, str]) -> Path:
    top = tmp_path / "work"
    subprocess.run(("git", "init", "--quiet", str(top)), check=True)
    for name, value in settings:
        subprocess.run(("git", "config", name, value), cwd=top, check=True)
    return top


# ── signing and verifying ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_what_was_signed_verifies(tmp_path: Path, kind: str) -> None:
    key = make_key(tmp_path / "a key", kind=kind)
    signature, fingerprint = sign(b"tree\0\xff", str(key), "l9")
    assert fingerprint.startswith("SHA256:")
    allowed = allow(tmp_path / "allowed signers", (BOB, make_key(tmp_path / "bob")), (ADA, key))
    assert verify(b"tree\0\xff", signature, allowed, "l9") == Signer(ADA)


def test_what_was_changed_does_not(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    signature, _ = sign(b"tree", str(key), "l9")
    allowed = allow(tmp_path / "allowed", (ADA, key))
    assert verify(b"trEe", signature, allowed, "l9").problem == f"the signature of {ADA} does not verify"


def test_a_signature_for_something_else_does_not(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    signature, _ = sign(b"tree", str(key), "git")
    allowed = allow(tmp_path / "allowed", (ADA, key))
    assert verify(b"tree", signature, allowed, "l9").problem == f"the signature of {ADA} does not verify"


def test_a_key_that_is_allowed_for_something_else_does_not(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    signature, _ = sign(b"tree", str(key), "l9")
    allowed = allow(tmp_path / "allowed", (ADA, key), options='namespaces="git" ')
    assert verify(b"tree", signature, allowed, "l9").problem


def test_a_key_whose_time_is_over_does_not(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    signature, _ = sign(b"tree", str(key), "l9")
    allowed = allow(tmp_path / "allowed", (ADA, key), options='valid-before="20200101" ')
    assert verify(b"tree", signature, allowed, "l9").problem


def test_an_unknown_key(tmp_path: Path) -> None:
    signature, _ = sign(b"tree", str(make_key(tmp_path / "key")), "l9")
    allowed = allow(tmp_path / "allowed", (BOB, make_key(tmp_path / "bob")))
    assert verify(b"tree", signature, allowed, "l9").problem == "it is signed by an unknown key"
    assert verify(b"tree", b"nonsense", allowed, "l9").problem == "it has no SSH signature"


def test_where_there_is_no_ssh_keygen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ActionError) as caught:
        verify(b"tree", b"signature", tmp_path / "allowed", "l9")
    assert caught.value.message == "ssh-keygen cannot be run"
    assert caught.value.remedy == "apt-get install openssh-client"


# ── passphrases and agents ───────────────────────────────────────────────────────────────────────


def test_a_locked_key_is_refused_at_once(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key", passphrase="secret")
    began = time.monotonic()
    for name in (str(key), f"{key}.pub"):
        with pytest.raises(ActionError) as caught:
            sign(b"tree", name, "l9")
        assert caught.value.found == "a passphrase is required"
        assert caught.value.remedy == f"ssh-add {key}"
    assert time.monotonic() - began < 5


@pytest.mark.usefixtures("agent")
def test_an_agent_signs_with_a_locked_key(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    subprocess.run(("ssh-add", "-q", str(key)), check=True, stdin=subprocess.DEVNULL)
    allowed = allow(tmp_path / "allowed", (ADA, key))
    key.unlink()  # from here on only the agent has it
    literal = Path(f"{key}.pub").read_text(encoding="ascii").strip()
    for name in (f"{key}.pub", literal, f"key::{literal}"):
        signature, _ = sign(b"tree", name, "l9")
        assert verify(b"tree", signature, allowed, "l9") == Signer(ADA)


@pytest.mark.usefixtures("agent")
def test_a_key_that_the_agent_lacks(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    key.unlink()
    with pytest.raises(ActionError) as caught:
        sign(b"tree", f"{key}.pub", "l9")
    assert "No private key" in caught.value.found
    assert caught.value.remedy == f"ssh-add {key}"


# ── which key ────────────────────────────────────────────────────────────────────────────────────


def test_the_key_of_the_configuration_comes_first(tmp_path: Path) -> None:
    top = repository(tmp_path, ("gpg.format", "ssh"), ("user.signingkey", str(make_key(tmp_path / "gits"))))
    key = make_key(tmp_path / "ours")
    assert find_key("../ours", top) == str(top / "../ours")
    assert find_key(str(key), top) == str(key)
    assert find_key("ssh-ed25519 AAAA", top) == "ssh-ed25519 AAAA"


def test_then_gits_own(tmp_path: Path) -> None:
    key = make_key(tmp_path / "home" / "signing")
    top = repository(tmp_path, ("gpg.format", "ssh"), ("user.signingkey", "~/signing"))
    assert find_key("", top) == str(key)
    key.unlink()
    assert find_key("", top) == f"{key}.pub"


def test_a_key_that_git_has_in_full(tmp_path: Path) -> None:
    top = repository(tmp_path, ("gpg.format", "ssh"), ("user.signingkey", "key::ssh-ed25519 AAAA"))
    assert find_key("", top) == "key::ssh-ed25519 AAAA"


def test_a_gpg_key_of_gits_is_none(tmp_path: Path) -> None:
    (tmp_path / "home" / ".ssh").mkdir()
    key = make_key(tmp_path / "home" / ".ssh" / "id_ed25519")
    assert find_key("", repository(tmp_path, ("user.signingkey", "0xC0FFEE"))) == str(key)


def test_no_key_at_all(tmp_path: Path) -> None:
    with pytest.raises(ActionError) as caught:
        find_key("", repository(tmp_path))
    expected = f"{tmp_path}/home/.ssh/id_ed25519"
    assert caught.value.found == f"no file {expected}"
    assert caught.value.remedy == f"ssh-keygen -t ed25519 -f {expected}"
