"""A tag brings an `l9.toml` of its own: what it drops or loosens of the server's part changes nothing there."""

from __future__ import annotations

import os
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from l9.config.layout import Layout
from l9.config.load import parse_for
from l9.config.model import Config, Process
from l9.config.provisioned import in_directory
from l9.config.settings import Owner, owner_of, server_settings
from l9.core import events as ev
from l9.core.actions import ReadSettings
from l9.core.run import Run, Step, begin
from l9.core.states import Kind, Slot, State, StepStatus
from l9.demo.stage import GIT_NAMES
from l9.errors import ActionError
from l9.host.session import HostSession
from l9.host.wiring import host_ports

TAG = "v1.0.0-l9"
SERVERS = """
[release]
allowed_signers = "signers"
require_attestation = true
signatures = "required"
[needs]
disk = 123_000_000
[standby]
seconds = 77
[retention]
releases = 4
[route]
proofs = 9
"""
# Other words for each key of the server's part, as a tag may bring them.
LOOSER = """
[release]
tag = "x<major>.<minor>.<patch>"
main = "anything-goes"
[needs]
disk = 0
[standby]
seconds = 0
[retention]
releases = 2
[route]
proofs = 1
url = "http://127.0.0.1:1"
[process]
command = ["{python}", "-m", "api"]
[health]
path = "/alive"
"""


def l9_toml(
    root: Path,
    more: str,
    ports: str = "{ blue = 9100, green = 9101 }",
    path: str = "",
    instance: str = "l9-api",
) -> str:
    return (
        f'app = "l9-api"\n{more}\n[targets.production]\nhost = "local"\nruntime = "process"\n'
        f'path = "{path or root}"\nports = {ports}\ninstance = "{instance}"\n'
    )


class Host:
    """A host's clone with one tag in it, and the agent's session on it. `settings` are the server's own."""

    def __init__(self, root: Path, of_tag: str, of_server: str = SERVERS) -> None:
        self.root, self.layout = root, Layout(root)
        root.mkdir()
        (root / "l9.toml").write_text(of_tag, encoding="utf-8")
        (root / ".env.example").write_text("A=1\n", encoding="utf-8")
        for argv in (
            ("init", "--quiet", "--initial-branch=main"),
            ("add", "--all"),
            ("commit", "--quiet", "-m", "Add: A release"),
            ("tag", "-a", TAG, "-m", "Release: One"),
        ):
            self.git(*argv)
        self.config = parse_for(l9_toml(root, of_server), "production")
        settings = server_settings(self.config)
        signers = in_directory(root).allowed_signers
        connect = partial(host_ports, layout=self.layout, server=settings, allowed_signers=signers)
        self.session = HostSession(settings, self.layout, connect, "ada", lambda *_: None, lambda _: None)

    def git(self, *args: str) -> str:
        env = {**os.environ, **GIT_NAMES}
        argv = ("git", "-C", str(self.root), *args)
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout.strip()

    def keep(self, blob: str = "") -> None:
        """Keep the tag's settings, as the action `ReadSettings` does."""
        self.session.ports.settings.keep(TAG, blob or self.git("rev-parse", f"{TAG}:l9.toml"))

    def judged_by(self) -> Config:
        """The configuration that a run is judged by once the tag's settings were read."""
        action = ReadSettings(tag=TAG, blob=self.git("rev-parse", f"{TAG}:l9.toml"))
        step = Step(1, State.VPS_TAG_VERIFIED, action, StepStatus.DONE)
        run = msgspec.structs.replace(self.run(), steps=(step,))
        assert run.settings_read
        return self.session.config_for(run)

    def run(self) -> Run:
        started = ev.RunStarted(
            kind=Kind.DEPLOY, tag=TAG, commit="a" * 40, tag_object="b" * 40, who="ada", version="1",
            new=Slot.GREEN, old=None, previous=None,
        )  # fmt: skip
        return begin("20261130T120000Z-abcd", 1.0, started)


def servers_part(config: Config) -> dict[str, Any]:
    """All keys of a configuration that the server decides about."""
    sections = msgspec.to_builtins(config)
    found = {f"targets.{key}": value for key, value in sections.pop("target").items()}
    for name, value in sections.items():
        inner = value if isinstance(value, dict) else {}
        found |= {f"{name}.{key}": one for key, one in inner.items()}
    return {key: value for key, value in found.items() if _is_servers(key)}


def _is_servers(key: str) -> bool:
    return owner_of(key) is Owner.SERVER and key not in ("release.allowed_signers",)


@pytest.mark.parametrize(
    ("more", "how"),
    [
        ("", {}),
        (LOOSER, {}),
        ('[release]\nsignatures = "optional"\nrequire_attestation = false\n', {}),
        (LOOSER, {"ports": "{ blue = 1, green = 2 }"}),
        (LOOSER, {"path": "/etc"}),
        (LOOSER, {"instance": "shop"}),
    ],
)
def test_what_a_tag_drops_or_changes_is_still_the_servers(
    tmp_path: Path, more: str, how: dict[str, str]
) -> None:
    host = Host(tmp_path / "app", l9_toml(tmp_path / "app", more, **how))
    host.keep()
    config = host.judged_by()
    assert config.release.require_attestation
    assert config.release.signatures == "required"
    assert servers_part(config) == servers_part(host.config)


def test_what_is_the_releases_own_comes_from_the_tag(tmp_path: Path) -> None:
    host = Host(tmp_path / "app", l9_toml(tmp_path / "app", LOOSER))
    assert host.session.config_for(host.run()).process == Process()
    host.keep()
    config = host.judged_by()
    assert (config.process.command, config.health.path) == (("{python}", "-m", "api"), "/alive")


def test_a_tag_that_asks_for_more_is_heeded(tmp_path: Path) -> None:
    more = '[release]\nallowed_signers = "signers"\nrequire_attestation = true\nsignatures = "required"\n'
    host = Host(tmp_path / "app", l9_toml(tmp_path / "app", more), of_server="")
    assert not host.session.config_for(host.run()).release.require_attestation
    host.keep()
    config = host.judged_by()
    assert (config.release.require_attestation, config.release.signatures) == (True, "required")


def test_the_working_tree_on_the_host_is_not_read(tmp_path: Path) -> None:
    """Only what the tag has: a file that somebody edited on the host is not it."""
    host = Host(tmp_path / "app", l9_toml(tmp_path / "app", LOOSER))
    edited = l9_toml(tmp_path / "app", LOOSER.replace("/alive", "/planted"))
    (host.root / "l9.toml").write_text(edited, encoding="utf-8")
    host.keep()
    assert host.judged_by().health.path == "/alive"


def test_another_blob_than_was_judged_is_refused(tmp_path: Path) -> None:
    host = Host(tmp_path / "app", l9_toml(tmp_path / "app", LOOSER))
    with pytest.raises(ActionError) as refused:
        host.keep("f" * 40)
    assert refused.value.message == "l9.toml of v1.0.0-l9 differs from the one that was judged"


def test_kept_settings_of_another_release_do_not_count(tmp_path: Path) -> None:
    """A file that was copied over from another release's directory."""
    host = Host(tmp_path / "app", l9_toml(tmp_path / "app", LOOSER))
    host.keep()
    theirs = host.layout.release_settings("v2.0.0-l9")
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(host.layout.release_settings(TAG).read_bytes())
    assert host.session.ports.settings.of(TAG) is not None
    assert host.session.ports.settings.of("v2.0.0-l9") is None
