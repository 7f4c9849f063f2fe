"""ssh-keygen: argument vectors by equality, and the forms of a signature."""

from __future__ import annotations

import pytest

from l9.drivers.signing import ssh_key_commands as ssh

ALLOWED, SIG = "/h/allowed_signers", "/t/signature"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (ssh.sign("/k", "l9", "/t/f"), "-Y sign -q -f /k -n l9 /t/f"),
        (ssh.find_principals(ALLOWED, SIG), f"-Y find-principals -f {ALLOWED} -s {SIG}"),
        (ssh.verify(ALLOWED, "ada", "l9", SIG), f"-Y verify -f {ALLOWED} -I ada -n l9 -s {SIG}"),
        (ssh.fingerprint("/k"), "-l -f /k"),
    ],
)
def test_the_argument_vector(argv: ssh.Argv, expected: str) -> None:
    assert argv == ("ssh-keygen", *expected.split())


def test_a_signature_reads_as_it_was_written() -> None:
    signature = bytes(range(256))
    text = ssh.armor(signature)
    assert text.startswith("-----BEGIN SSH SIGNATURE-----\nAAEC")
    assert max(map(len, text.splitlines())) == 70
    assert ssh.unarmor(text) == signature


@pytest.mark.parametrize("text", ["", "AAEC", ssh.armor(b"x").replace("eA==", "§"), "a\nb\nc"])
def test_what_is_no_signature(text: str) -> None:
    with pytest.raises(ValueError, match="not an SSH signature"):
        ssh.unarmor(text)


def test_the_names_of_a_key() -> None:
    assert ssh.parse_principals("ada@l9.invalid,bob\n\n*@l9.invalid\n!eve\n") == (
        "ada@l9.invalid",
        "*@l9.invalid",
    )


def test_a_fingerprint() -> None:
    assert ssh.parse_fingerprint("256 SHA256:abc ada@laptop (ED25519)\n") == "SHA256:abc"
    assert ssh.parse_fingerprint("") == ""


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("key::ssh-ed25519 AAAA", "ssh-ed25519 AAAA"),
        ("ssh-ed25519 AAAA", "ssh-ed25519 AAAA"),
        ("sk-ssh-ed25519@openssh.com AAAA", "sk-ssh-ed25519@openssh.com AAAA"),
        ("~/.ssh/id_ed25519", None),
        ("", None),
    ],
)
def test_a_key_in_full_and_a_file(setting: str, key: str | None) -> None:
    assert ssh.literal_key(setting) == key
