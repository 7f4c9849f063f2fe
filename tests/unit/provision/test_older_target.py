"""A target that an older l9 provisioned, or a login without root: `l9 provision` mends it, and finds nothing after."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from l9.config import provisioned
from l9.configuration import parse
from l9.demo.stage import GIT_NAMES
from l9.errors import ConfigError
from l9.host import server
from l9.provision import session
from l9.provision import wanted as module
from l9.provision.host import system
from l9.provision.wanted import Wanted, want


@pytest.fixture
def wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wanted:
    """A target on this machine, of which nothing lies outside of `tmp_path`."""
    monkeypatch.setattr(provisioned, "ETC", tmp_path / "etc")
    monkeypatch.setattr(provisioned, "LIB", tmp_path / "lib")
    for name in ("UNITS", "CRON"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(module, name, str(tmp_path / name))
    origin = tmp_path / "origin"
    env = {**os.environ, **GIT_NAMES}
    subprocess.run(("git", "init", "--quiet", "--initial-branch=main", str(origin)), check=True, env=env)
    commit = ("git", "-C", str(origin), "commit", "--quiet", "--allow-empty", "-m", "Add: Nothing")
    subprocess.run(commit, check=True, env=env)
    text = (
        'app = "l9-api"\n[route]\nkind = "caddy-admin"\n[needs]\ndisk = 0\n'
        f'[targets.production]\nhost = "local"\nruntime = "process"\npath = "{tmp_path}/app"\n'
    )
    return want(parse(text), str(origin), signers="ada@l9.invalid ssh-ed25519 AAAA\n")


def provision(wanted: Wanted) -> tuple[str, ...]:
    """Look, make all, and look again; the titles of what was made."""
    look = session.look(wanted, None)
    session.apply(look.wanted, look.snapshot, look.changes, lambda *_: None)
    assert session.look(wanted, None).changes == ()
    return tuple(change.title() for change in look.changes)


def test_what_an_older_l9_left_is_mended(wanted: Wanted) -> None:
    if not system.sudo() or system.has_systemd():
        pytest.skip("changes this machine's timers, or needs root: run it as root in a container")
    state = wanted.layout.state
    (state / "agent" / "0123456789abcdef" / "bin").mkdir(parents=True)
    (state / "agent" / "bin").symlink_to("0123456789abcdef/bin")
    (state / "config.json").write_text('{"app": "l9-api"}', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"settings\.json are not usable") as refused:
        server.of_directory(wanted.layout.root)
    assert "which an older l9 wrote" in refused.value.found
    assert refused.value.remedy == "l9 provision"

    titles = provision(wanted)
    assert titles[-1] == f"remove unused {state}/config.json, {state}/agent"
    found = server.of_instance("l9-api")
    assert found.settings.path == str(wanted.layout.root)
    assert not {"config.json", "agent"} & set(os.listdir(state))
    launched = subprocess.run(
        (str(found.files.agent), "agent", "--path", "/"), input=b"", capture_output=True, check=False
    )
    assert b'"type":"hello"' in launched.stdout, launched.stderr
    modes = {path: (path.stat().st_mode & 0o7777, path.owner()) for path in found.files.guarded}
    assert set(modes.values()) == {(0o755, "root")}
    for path in (found.files.settings, found.files.allowed_signers):
        assert (path.stat().st_mode & 0o7777, path.owner()) == (0o644, "root")


SPOILT: dict[str, Callable[[Path], object]] = {
    "open to others": lambda etc: etc.chmod(0o777),
    "settings open to others": lambda etc: (etc / "settings.json").chmod(0o666),
    "settings of another version": lambda etc: (etc / "settings.json").write_text(
        '{"schema": "l9.settings/0"}'
    ),
    "settings gone": lambda etc: (etc / "settings.json").unlink(),
    "settings of somebody": lambda etc: os.chown(etc / "settings.json", 65534, 65534),
    "signers of somebody": lambda etc: os.chown(etc / "allowed_signers", 65534, 65534),
}


def test_what_the_agent_refuses_provisioning_mends(wanted: Wanted) -> None:
    if not system.sudo() or system.has_systemd():
        pytest.skip("changes this machine's timers, or needs root: run it as root in a container")
    provision(wanted)
    for spoil in SPOILT.values():
        spoil(provisioned.ETC / "l9-api")
        with pytest.raises(ConfigError) as refused:
            server.of_instance("l9-api")
        assert refused.value.remedy == "l9 provision"
        provision(wanted)
        assert server.of_instance("l9-api").settings.instance == "l9-api"
