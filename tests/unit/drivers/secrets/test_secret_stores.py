"""Test cases for the command lines of secret stores' programs, and for reading their answers."""

from __future__ import annotations

import pytest

from l9.drivers.secrets.commands import (
    op_read,
    parse_sops,
    program,
    sops_decrypt,
    sops_file,
    vault_read,
)


def test_argument_vectors() -> None:
    assert op_read("op://a b/c/d") == ("op", "read", "--no-newline", "--", "op://a b/c/d")
    assert vault_read("vault://secret/l9-api#key") == (
        "vault",
        "kv",
        "get",
        "-field=key",
        "--",
        "secret/l9-api",
    )
    assert program("cmd:age -d 'a b' $HOME;x") == ("age", "-d", "a b", "$HOME;x")
    with pytest.raises(ValueError, match="quotation"):
        program("cmd:'x")


@pytest.mark.parametrize(
    ("reference", "kind", "printed"),
    [
        ("sops:a/prod.env#KEY", "dotenv", "dotenv"),
        ("sops:prod.yaml#a.b", "yaml", "json"),
        ("sops:prod.yml#a", "yaml", "json"),
        ("sops:prod.json#a", "json", "json"),
        ("sops:prod.ini#a.b", "ini", "json"),
        ("sops:tls.pem", "binary", "binary"),
        ("sops:prod.yaml", "binary", "binary"),
    ],
)
def test_sops_is_given_the_file_on_standard_input(reference: str, kind: str, printed: str) -> None:
    expected = ("sops", "decrypt", "--input-type", kind, "--output-type", printed, "/dev/stdin")
    assert sops_decrypt(sops_file(reference)) == expected


@pytest.mark.parametrize(
    ("reference", "out", "value"),
    [
        ("sops:x.env#A", "A='one two'\nB=3\n", "one two"),
        ("sops:x.env#C", "A=1\n", None),
        ("sops:x.yaml#a.b", '{"a": {"b": "v"}}', "v"),
        ("sops:x.yaml#a.b", '{"a.b": "whole"}', "whole"),
        ("sops:x.yaml#a.b.c", '{"a": {"b": "v"}}', None),
        ("sops:x.yaml#a", '{"a": {"b": "v"}}', None),
        ("sops:x.json#n", '{"n": 5}', "5"),
        ("sops:x.json#t", '{"t": true}', "true"),
        ("sops:x.json#l", '{"l": null}', None),
        ("sops:x.json#0", '["a"]', None),
        ("sops:x.pem", "the whole\n", "the whole\n"),
    ],
)
def test_the_meant_value_is_found(reference: str, out: str, value: str | None) -> None:
    assert parse_sops(sops_file(reference), out) == value
