"""Settings, signers and links planted in a target's directory do not count if root provisioned the target."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from asked import provisioned_directory, refused, request, tell
from l9.config import provisioned
from l9.configuration import parse
from l9.host import server
from l9.host.agent import found
from l9.protocol import requests as ask
from l9.protocol.messages import Answered, Hello
from l9.provision.wanted import want

EVES = "eve@l9.invalid ssh-ed25519 AAAA\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that root provisioned, with attestations required, and settings planted in it that ask for none."""
    monkeypatch.setattr(provisioned, "ETC", tmp_path / "etc")
    monkeypatch.setattr(server, "ROOT", os.geteuid())
    text = (
        'app = "l9-api"\n[release]\nallowed_signers = "signers"\nrequire_attestation = true\n'
        f'[targets.production]\nhost = "local"\nruntime = "process"\npath = "{tmp_path}/app"\n'
    )
    wanted = replace(want(parse(text), signers="ada@l9.invalid ssh-ed25519 AAAA\n"), by_root=True)
    settings = Path(wanted.settings)
    settings.parent.mkdir(parents=True)
    settings.write_text(wanted.settings_text, encoding="utf-8")
    Path(wanted.allowed_signers).write_text(wanted.signers or "", encoding="utf-8")
    for path in (settings.parent.parent, settings.parent, settings, settings.with_name("allowed_signers")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return provisioned_directory(tmp_path / "app", signers=EVES)


def test_the_instances_own_settings_and_signers_count(root: Path, tmp_path: Path) -> None:
    def find() -> server.Server:
        return found(("--instance", "l9-api"))

    code, (hello, answered) = tell(request(ask.Status()), find)
    assert isinstance(hello, Hello)
    assert hello.settings is not None
    assert hello.settings.release.require_attestation
    assert (code, isinstance(answered, Answered)) == (0, True)
    assert find().files.allowed_signers == tmp_path / "etc" / "l9-api" / "allowed_signers"


def test_an_agent_that_is_started_for_the_directory_is_refused(root: Path) -> None:
    error = refused(request(ask.Status()), lambda: found(("--path", str(root))))
    assert error.message == f"{root} was provisioned by root"
    assert error.remedy[0].command == "l9 provision"


@pytest.mark.parametrize("way", ["{root}/.", "{root}/../app", "{link}"])
def test_another_way_to_write_the_path_leads_nowhere_else(root: Path, tmp_path: Path, way: str) -> None:
    (tmp_path / "link").symlink_to(root)
    path = way.format(root=root, link=tmp_path / "link")
    error = refused(request(ask.Status()), lambda: found(("--path", path)))
    assert error.message.endswith("was provisioned by root")


def test_settings_in_a_directory_below_are_refused(root: Path) -> None:
    """A tree that a release brings may hold a folder `.l9`."""
    below = provisioned_directory(root / "tree")
    error = refused(request(ask.Status()), lambda: found(("--path", str(below))))
    assert "provisioned by root" in error.message or "another target's directory" in error.message


@pytest.mark.parametrize("name", ["settings.json", "allowed_signers", "."])
def test_what_a_user_could_write_in_roots_place_is_refused(root: Path, tmp_path: Path, name: str) -> None:
    planted = tmp_path / "etc" / "l9-api" / name
    planted.chmod(0o777)
    error = refused(request(ask.Status()), lambda: found(("--instance", "l9-api")))
    assert error.evidence[0].expected == f"{planted} written by root alone"


def test_a_link_in_roots_place_is_refused(root: Path, tmp_path: Path) -> None:
    settings = tmp_path / "etc" / "l9-api" / "settings.json"
    settings.unlink()
    settings.symlink_to(root / ".l9" / "settings.json")
    error = refused(request(ask.Status()), lambda: found(("--instance", "l9-api")))
    assert error.evidence[0].observed == "a symbolic link"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody: run the tests as root")
@pytest.mark.parametrize("name", ["settings.json", "allowed_signers", "."])
def test_what_is_not_roots_in_roots_place_is_refused(root: Path, tmp_path: Path, name: str) -> None:
    os.chown(tmp_path / "etc" / "l9-api" / name, 65534, 65534)
    error = refused(request(ask.Status()), lambda: found(("--instance", "l9-api")))
    assert "owner 65534" in error.evidence[0].observed
