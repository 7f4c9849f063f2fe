"""A target's env source: references are read, literals are judged, and no value is told."""

from __future__ import annotations

import pytest

from l9.checks.environment.schema import Rule, read_schema
from l9.checks.environment.source import Reference, read_source

SOPS = "sops:FILE#KEY with a .env, .yaml, .json or .ini, or sops:FILE for a whole file"
SOURCE = """\
MEMORY_DSN=op://production/database/dsn
API_KEY="vault://secret/l9-api#api_key"
SMTP=sops:secrets/production.yaml#smtp.password
CERT=sops:secrets/tls.pem
SIGNING=cmd:age --decrypt -i key.txt secrets/signing.age
KEPT=host:
LEVEL=info
"""


def test_references_and_literals_are_told_apart() -> None:
    found = read_source(SOURCE, (Rule("API_KEY", secret=True), Rule("LEVEL")))
    assert found.problems == ()
    assert found.keys == ("MEMORY_DSN", "API_KEY", "SMTP", "CERT", "SIGNING", "KEPT", "LEVEL")
    assert [r.scheme for r in found.references] == ["op", "vault", "sops", "sops", "cmd", "host"]
    assert found.references[0] == Reference("MEMORY_DSN", "op", "op://production/database/dsn")
    assert [entry.key for entry in found.literals] == ["LEVEL"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("A=op://production", "A: not of the form op://VAULT/ITEM/FIELD"),
        ("A=op:// x/y/z", "A: not of the form op://VAULT/ITEM/FIELD"),
        ("A=vault://secret/app", "A: not of the form vault://PATH#FIELD"),
        ("A=vault://-rf#x", "A: not of the form vault://PATH#FIELD"),
        ("A=sops:", f"A: not of the form {SOPS}"),
        ("A=sops:-x.env#k", f"A: not of the form {SOPS}"),
        ("A=sops:odd#k", f"A: not of the form {SOPS}"),
        ("A=sops:../x.env#k", "A: a sops file must be in the repository"),
        ("A=cmd:", "A: not of the form cmd:PROGRAM ARGUMENT …"),
        ("A=cmd:age 'x", "A: a quotation mark that is not closed"),
        ('A="cmd:a\\nb"', "A: not of the form cmd:PROGRAM ARGUMENT …"),
        ("A=host:x", "A: not of the form host: alone"),
        ("A=x\nA=y", "A is set twice"),
        ("hunter2-planted", "no assignment"),
        ("SECRET=hunter2-planted", "SECRET is secret: it must be a reference, not a literal"),
    ],
)
def test_what_cannot_be_followed_is_told_without_a_value(line: str, why: str) -> None:
    found = read_source(line, (Rule("SECRET", secret=True),))
    assert [p.why for p in found.problems] == [why]
    assert "hunter2-planted" not in str(found)


def test_a_secret_may_be_blank_and_a_literal_may_be_anything_else() -> None:
    assert read_source("A=sops:a b/x.yml#k.l\nB=sops:x.env#k\nC=sops:.x.ini#a", ()).problems == ()
    rules = read_schema("# secret, optional\nA=\nB=").rules
    assert read_source("A=\nB=https://example.com\nC=command:x", rules).problems == ()
