"""Every key has one owner, and a server's settings are loosened by nobody."""

from __future__ import annotations

import doctest
from collections.abc import Iterator
from itertools import product
from typing import Any

import msgspec
import pytest
from l9_files import FIVE_LINES
from msgspec.structs import replace

from l9.config import model, settings
from l9.config.settings import (
    Acceptance,
    Owner,
    ReleaseSettings,
    ServerSettings,
    differences,
    host_config,
    owner_of,
    release_settings,
    server_settings,
    tightened,
)
from l9.configuration import parse, schema

SERVER = ServerSettings(app="l9-api", name="production", instance="l9-api", path="/opt/l9")
FULL = parse(
    FIVE_LINES
    + """
[release]
signing_key = "/home/ada/key"
allowed_signers = "signers"
require_attestation = true
[process]
command = ["true"]
[env]
file = "deploy/.env"
source = "deploy/production.env"
[health]
soak = 1
[[smoke]]
path = "/a"
[bake]
seconds = 3
[drain]
grace = 4
[needs]
waive = { "host.newer-than-live" = "a lab" }
[check]
waive = { "workspace.stop-signal" = "a lab" }
"""
)


def keys() -> Iterator[str]:
    """Every key of l9.toml, as `owner_of` takes it."""
    for section in msgspec.structs.fields(model.Config):
        kind = section.type
        if section.name in ("app", "name"):
            continue
        name = "targets" if section.name == "target" else section.name
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            yield from (f"{name}.{field.name}" for field in msgspec.structs.fields(kind))
        else:
            yield name


def test_the_examples_in_the_docstrings() -> None:
    assert doctest.testmod(settings).failed == 0


@pytest.mark.parametrize("key", list(keys()))
def test_every_key_has_an_owner(key: str) -> None:
    assert owner_of(key) in Owner


def test_the_schema_names_the_owner_of_every_key() -> None:
    document = schema()

    def owner(section: str, key: str) -> Any:
        table = document["$defs"]["Target"] if section == "targets" else _of(document, section)
        return table["properties"][key]["x-owner"]

    for key in keys():
        section, _, name = key.partition(".")
        if name:
            assert owner(section, name) == owner_of(key), key
        else:
            assert document["properties"][section]["x-owner"] == owner_of(key), key


def _of(document: dict[str, Any], section: str) -> Any:
    reference = document["properties"][section]
    name = (reference.get("$ref") or reference["allOf"][0]["$ref"]).rpartition("/")[2]
    return document["$defs"][name]


def test_a_host_works_with_the_servers_and_the_releases_part() -> None:
    here = host_config(server_settings(FULL), release_settings(FULL))
    for key in keys():
        section, _, name = key.partition(".")
        if owner_of(key) is Owner.OPERATOR or key in ("release.allowed_signers", "targets.instance"):
            continue
        both = [getattr(config, "target" if section == "targets" else section) for config in (FULL, here)]
        mine, theirs = (getattr(one, name) for one in both) if name else both
        assert mine == theirs, key


def test_nothing_of_the_operators_reaches_a_host() -> None:
    here = host_config(server_settings(FULL), release_settings(FULL))
    assert here.env.source == here.release.signing_key == ""
    assert (here.check, here.cgmp, here.hooks) == (model.Check(), model.Cgmp(), model.Hooks())
    assert here.target.host == "local"
    assert here.waived == {"host.newer-than-live": "a lab"}


def test_without_a_release_its_sections_have_their_defaults() -> None:
    here = host_config(server_settings(FULL))
    assert (here.health, here.smoke, here.process) == (model.Health(), (), model.Process())


@pytest.mark.parametrize(
    ("server", "release"),
    list(product([Acceptance(), Acceptance(signatures="required", require_attestation=True)], repeat=2)),
)
def test_a_release_may_ask_for_more_and_never_for_less(server: Acceptance, release: Acceptance) -> None:
    asked = tightened(replace(SERVER, release=server), ReleaseSettings(asks=release)).release
    assert asked.require_attestation == (server.require_attestation or release.require_attestation)
    required = "required" in (server.signatures, release.signatures)
    assert asked.signatures == ("required" if required else "optional")


def test_a_release_names_neither_its_main_branch_nor_its_form_of_tags() -> None:
    asked = tightened(SERVER, ReleaseSettings(asks=Acceptance(main="mine", tag="x<major>.<minor>.<patch>")))
    assert asked == SERVER


def test_what_differs_is_told_with_both_values() -> None:
    other = replace(
        SERVER, ports=model.Ports(blue=9000, green=9001), needs=model.Needs(waive={"host.x": "y"})
    )
    assert differences(SERVER, other) == (
        "ports.blue: 8000 here, 9000 on the host",
        "ports.green: 8001 here, 9001 on the host",
        'needs.waive: {} here, {"host.x":"y"} on the host',
    )
    assert differences(SERVER, SERVER) == ()
