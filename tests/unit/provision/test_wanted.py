"""The wanted state comes from the configuration; a value that cannot be a file's name is refused."""

from __future__ import annotations

import json

import msgspec
import pytest

from fresh_host import wanted
from l9.config.settings import ServerSettings
from l9.configuration import parse
from l9.errors import ConfigError
from l9.provision.wanted import want


def test_the_settings_on_the_host_are_the_servers_part_of_the_configuration() -> None:
    text = wanted(target='ssh_options = ["-i", "/home/me/key"]').settings_text
    assert "/home/me" not in text
    assert msgspec.json.decode(text, type=ServerSettings).ports.green == 8001
    assert set(json.loads(text)) == set(ServerSettings.__struct_fields__)
    assert len(text.splitlines()) == len(ServerSettings.__struct_fields__) + 2


def test_root_has_everything_where_only_root_can_write() -> None:
    want = wanted(signers="")
    assert (want.settings, want.allowed_signers, want.agent) == (
        "/etc/l9/l9-api/settings.json", "/etc/l9/l9-api/allowed_signers", "/usr/lib/l9/l9-api/bin/l9",
    )  # fmt: skip
    assert want.guarded == ("/etc/l9", "/etc/l9/l9-api", "/usr/lib/l9", "/usr/lib/l9/l9-api")
    assert want.named == ("--instance", "l9-api")


def test_without_root_everything_lies_in_the_targets_own_directory() -> None:
    want = wanted(signers="", by_root=False)
    assert (want.settings, want.allowed_signers, want.agent) == (
        "/opt/l9/.l9/settings.json", "/opt/l9/.l9/allowed_signers", "/opt/l9/.l9/agent/bin/l9",
    )  # fmt: skip
    assert want.guarded == ()
    assert want.named == ("--path", "/opt/l9")


def test_every_path_that_a_change_may_write_is_looked_at() -> None:
    for by_root in (True, False):
        want = wanted(signers="", by_root=by_root)
        asked = set(want.question()["paths"])
        assert {want.settings, want.allowed_signers, want.env_file, *want.guarded, *want.unused} <= asked
        assert {want.site, want.caddyfile, want.access_log, want.cron, *want.units("deploy")} <= asked
        assert want.agents in want.question()["agents"]


def test_links_are_told_where_root_writes() -> None:
    want = wanted()
    assert set(want.question()["unlinked"]) == {*want.guarded, want.settings, want.allowed_signers}


def test_a_caddy_that_may_not_be_touched_is_not_looked_at() -> None:
    question = wanted('[route]\nkind = "caddy-admin"').question()
    assert question["caddyfile"] == ""
    assert "/etc/caddy/Caddyfile" not in question["paths"]


def test_two_targets_of_one_app_have_nothing_in_common() -> None:
    text = (
        'app = "a"\n[targets.production]\nhost = "h"\n[targets.staging]\nhost = "h"\npath = "/opt/staging"\n'
        "ports = { blue = 9000, green = 9001 }\n"
    )
    one, two = (want(parse(text, name)) for name in ("production", "staging"))
    of_all = {one.caddyfile, "/etc/l9", "/usr/lib/l9"}
    assert not (set(one.question()["paths"]) - of_all) & set(two.question()["paths"])


@pytest.mark.parametrize("path", ["/opt/my app", "/opt/größe", "/opt/50%", "/opt/it's"])
def test_paths_with_blanks_and_other_letters_are_fine(path: str) -> None:
    assert want(parse(f'app = "a"\n[targets.t]\nhost = "h"\npath = "{path}"\n')).path == path


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('path = "/opt/{x}"', "path"),
        ('path = "/opt/a\\nb"', "l9.toml"),
        ('path = "/opt/a`b"', "path"),
        ('instance = "../../etc/passwd"', "instance"),
        ('instance = "a b"', "instance"),
        ('public_url = "http://a.example {\\n}"', "route.site"),
        ('route = { site = "a.example\\nrespond x" }', "route.site"),
        ('route = { caddyfile = "/etc/caddy/C*" }', "route.caddyfile"),
        ('route = { access_log = "/var/log/../../etc/passwd" }', "route.access_log"),
        ('env = { file = "../outside" }', "l9.toml"),
        ('env = { file = ".env\\n" }', "l9.toml"),
    ],
)
def test_what_would_become_another_file_or_line_is_refused(toml: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        want(parse(f'app = "a"\n[targets.t]\nhost = "h"\n{toml}\n'))
    assert said in refused.value.message
    assert refused.value.remedy


@pytest.mark.parametrize("text", ["-----BEGIN OPENSSH PRIVATE KEY-----\n", "a\0b", "x" * 200_000])
def test_what_is_no_list_of_signers_goes_nowhere(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        wanted('[release]\nallowed_signers = "~/.ssh/id_ed25519"', signers=text)
    assert "allowed_signers" in refused.value.message
    assert "PRIVATE" not in str(refused.value)


def test_a_repository_of_several_lines_is_refused() -> None:
    with pytest.raises(ConfigError):
        want(parse('app = "a"\n[targets.t]\nhost = "h"\n'), "a\nb")
