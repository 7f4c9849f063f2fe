"""A target's env source: an environment file whose values may be references to secrets in other places.

    MEMORY_DSN=op://production/database/dsn
    API_KEY=vault://secret/l9-api#api_key
    SMTP_PASSWORD=sops:secrets/production.yaml#smtp.password
    SIGNING_KEY=cmd:age --decrypt --identity /home/ada/key.txt secrets/signing.age
    POSTGRES_PASSWORD=host:
    LEVEL=info

`host:` keeps the value from the host's own file. Any other value is a literal. A key that the schema marks as secret
must not have a literal, because the file is committed.
"""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

import msgspec

from l9.checks.environment.env_file import Entry, parse_env
from l9.checks.environment.schema import Problem, Rule

KEPT = "host"
_SCHEME = re.compile(r"(?P<scheme>op|vault|sops|cmd|host):")
_SOPS = "sops:FILE#KEY with a .env, .yaml, .json or .ini, or sops:FILE for a whole file"
_FORMS = {
    "op": (re.compile(r"op://[^/\s][^/]*(?:/[^/]+){2,3}"), "op://VAULT/ITEM/FIELD"),
    "vault": (re.compile(r"vault://\w[\w./-]*#[\w.-]+"), "vault://PATH#FIELD"),
    "sops": (re.compile(r"sops:[\w.][\w ./-]*(?:(?<=\.env|yaml|json)#[^#]+|(?<=\.yml|\.ini)#[^#]+)?"), _SOPS),
    "cmd": (re.compile(r"cmd:\s*\S.*"), "cmd:PROGRAM ARGUMENT …"),
    KEPT: (re.compile(r"host:"), "host: alone"),
}


class Reference(NamedTuple):
    """The place of a key's value: op, vault, sops, cmd, or host for the host's own file."""

    key: str
    scheme: str
    text: str


class SourceFile(msgspec.Struct, frozen=True):
    """An env source before resolution. `literals` are the entries that are not references; `keys` has the order."""

    keys: tuple[str, ...]
    references: tuple[Reference, ...]
    literals: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()


def read_source(text: str, rules: tuple[Rule, ...]) -> SourceFile:
    """Parse a source's whole text. Raises nothing: invalid references are among the problems, without values."""
    file, secret = parse_env(text), {rule.key for rule in rules if rule.secret}
    problems = [Problem(line_no, "no assignment") for line_no in file.bad_lines]
    problems += [
        Problem(e.line_no, f"{e.key} is set twice") for e in file.entries if e.key in file.duplicates
    ]
    references, literals = [], []
    for entry in file.entries:
        value = entry.value.reveal()
        if found := _SCHEME.match(value):
            references.append(Reference(entry.key, found["scheme"], value))
            if why := _malformed(found["scheme"], value):
                problems.append(Problem(entry.line_no, f"{entry.key}: {why}"))
        else:
            literals.append(entry)
            if entry.key in secret and value:
                problems.append(
                    Problem(entry.line_no, f"{entry.key} is secret: it must be a reference, not a literal")
                )
    return SourceFile(file.keys, tuple(references), tuple(literals), tuple(sorted(problems)))


def _malformed(scheme: str, value: str) -> str:
    """The reason for which a reference is invalid; empty if it is valid."""
    pattern, form = _FORMS[scheme]
    if not value.isprintable() or not pattern.fullmatch(value):
        return f"not of the form {form}"
    if scheme == "sops" and ".." in value.removeprefix("sops:").partition("#")[0].split("/"):
        return "a sops file must be in the repository"
    if scheme == "cmd":
        try:
            shlex.split(value)
        except ValueError:
            return "a quotation mark that is not closed"
    return ""
