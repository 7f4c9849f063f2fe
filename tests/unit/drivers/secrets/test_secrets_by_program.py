"""Secret stores: sops and age are the real ones; `op` and `vault` are small programs that stand in for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from l9.drivers.secrets.command import Command
from l9.drivers.secrets.op import OnePassword
from l9.drivers.secrets.sops import Sops
from l9.drivers.secrets.vault import Vault
from l9.errors import ActionError
from l9.protocol.answers.error import Error

PLANTED = "hunter2-planted"


# ── the real ones ────────────────────────────────────────────────────────────────────────────────


class Keys:
    """An age key of one's own; `encrypt` writes what only it can read."""

    def __init__(self, top: Path) -> None:
        self.top, self.file = top, top / "key.txt"
        done = subprocess.run(
            ("age-keygen", "-o", str(self.file)), capture_output=True, text=True, check=True
        )
        self.public = done.stderr.split("Public key:")[1].strip()

    def age(self, text: str) -> str:
        path = self.top / "secret.age"
        argv = ("age", "--encrypt", "--recipient", self.public, "--output", str(path))
        subprocess.run(argv, input=text.encode(), check=True)
        return str(path)

    def sops(self, name: str, text: str, kind: str) -> bytes:
        path = self.top / name
        path.write_text(text, encoding="utf-8")
        argv = ("sops", "encrypt", "--age", self.public, "--input-type", kind, "--output-type",
                "json" if kind == "binary" else kind, str(path))  # fmt: skip
        return subprocess.run(argv, check=True, capture_output=True).stdout


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """sops comes with the development requirements; age is a Debian package (tools/test_host_packages.py)."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    lacking = [name for name in ("age", "age-keygen", "sops") if shutil.which(name) is None]
    if lacking and os.environ.get("CI") == "true":
        pytest.fail(f"not installed: {', '.join(lacking)}")
    if lacking:
        pytest.skip(f"not installed: {', '.join(lacking)}; see tools/test_host_packages.py")
    made = Keys(tmp_path)
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(made.file))
    return made


def test_age_through_a_command_of_ones_own(keys: Keys) -> None:
    path = keys.age(f"{PLANTED} with 'quotes' and $signs\n")
    found = Command(keys.top).read(f"cmd:age --decrypt --identity '{keys.file}' '{path}'")
    assert found.reveal() == f"{PLANTED} with 'quotes' and $signs"
    assert PLANTED not in repr(found)


@pytest.mark.parametrize(
    ("name", "text", "kind", "key", "value"),
    [
        ("prod.env", f"A='{PLANTED} x'\nB=2\n", "dotenv", "A", f"{PLANTED} x"),
        ("prod.yaml", f"smtp:\n  password: {PLANTED}\n  port: 25\n", "yaml", "smtp.password", PLANTED),
        ("prod.yaml", f"smtp:\n  password: {PLANTED}\n  port: 25\n", "yaml", "smtp.port", "25"),
        ("prod.json", f'{{"a": "{PLANTED}"}}', "json", "a", PLANTED),
        ("prod.ini", f"[db]\npassword = {PLANTED}\n", "ini", "db.password", PLANTED),
        ("tls.pem", f"-----BEGIN-----\n{PLANTED}\n", "binary", "", f"-----BEGIN-----\n{PLANTED}\n"),
    ],
)
def test_sops_with_age(keys: Keys, name: str, text: str, kind: str, key: str, value: str) -> None:
    data = keys.sops(name, text, kind)
    assert PLANTED.encode() not in data
    store = Sops(keys.top, lambda path: data if path == name else None)
    assert store.read(f"sops:{name}#{key}" if key else f"sops:{name}").reveal() == value


def test_what_sops_cannot_read_is_told_by_its_own_words(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    data = keys.sops("prod.env", f"A={PLANTED}\n", "dotenv")
    store = Sops(keys.top, lambda path: {"prod.env": data, "plain.env": b"A=x\n"}.get(path))
    refused(store, "sops:prod.env#B", "no value B in prod.env")
    refused(store, "sops:gone.env#A", "no gone.env in the release")
    refused(store, "sops:plain.env#A", "sops metadata not found")
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", "/dev/null/none")
    refused(store, "sops:prod.env#A", "Failed to get the data key")


def test_what_json_can_write_and_no_file_of_text_can_hold_is_refused(keys: Keys) -> None:
    data = keys.sops("prod.json", f'{{"a": "{PLANTED}\\u0000"}}', "json")
    refused(Sops(keys.top, lambda _: data), "sops:prod.json#a", "a in prod.json is not text")


# ── stand-ins ────────────────────────────────────────────────────────────────────────────────────

OP = """\
case "$*" in
  "read --no-newline -- op://v/i/good") printf 'hunter2-planted';;
  "read --no-newline -- op://v/i/bytes") printf '\\377\\376';;
  *) printf 'hunter2-planted'; echo '[ERROR] not signed in' >&2; exit 1;;
esac
"""
VAULT = """\
case "$*" in
  "kv get -field=key -- secret/app") echo 'hunter2-planted';;
  *) echo 'No value found at secret/data/app' >&2; exit 2;;
esac
"""
OWN = """\
case "$1" in
  good) printf '%s|' "$@"; echo;;
  nul) printf 'a\\000b';;
  *) echo 'hunter2-planted'; echo 'hunter2-planted' >&2; exit 3;;
esac
"""


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("op", OP), ("vault", VAULT), ("own", OWN)):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def refused(store: OnePassword | Vault | Sops | Command, reference: str, says: str) -> None:
    with pytest.raises(ActionError) as caught:
        store.read(reference)
    told = str(Error.of(caught.value))
    assert says in told
    assert caught.value.remedy
    assert PLANTED not in told


def test_op_by_a_stand_in(stand_ins: Path) -> None:
    assert OnePassword(stand_ins).read("op://v/i/good").reveal() == PLANTED
    refused(OnePassword(stand_ins), "op://v/i/bad", "exit code 1: [ERROR] not signed in")
    refused(OnePassword(stand_ins), "op://v/i/bytes", "not text")


def test_vault_by_a_stand_in(stand_ins: Path) -> None:
    assert Vault(stand_ins).read("vault://secret/app#key").reveal() == PLANTED
    refused(Vault(stand_ins), "vault://secret/app#other", "exit code 2: No value found")


def test_a_command_of_ones_own_gets_its_arguments_as_they_are(stand_ins: Path) -> None:
    found = Command(stand_ins).read("cmd:own good 'a b' $HOME ;ls *")
    assert found.reveal() == "good|a b|$HOME|;ls|*|"


def test_nothing_that_a_command_of_ones_own_prints_is_told(stand_ins: Path) -> None:
    refused(Command(stand_ins), "cmd:own bad", "exit code 3")
    refused(Command(stand_ins), "cmd:own nul", "not text")
    refused(Command(stand_ins), "cmd:no-such-program", "no-such-program cannot be run")
