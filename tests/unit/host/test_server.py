"""The server's own settings: where they are read, and what is refused there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from l9.config import provisioned
from l9.config.settings import ServerSettings
from l9.configuration import parse
from l9.errors import ConfigError, L9Error, UsageError
from l9.host import server
from l9.provision.wanted import want

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others: run as root")


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provisioned, "ETC", tmp_path / "etc")
    monkeypatch.setattr(provisioned, "LIB", tmp_path / "lib")
    monkeypatch.setattr(server, "ROOT", os.geteuid())


def provision(root: Path, *, by_root: bool, instance: str = "shop") -> Path:
    """Settings as provisioning writes them; their file."""
    text = f'app = "l9-api"\n[targets.production]\nhost = "local"\npath = "{root}"\ninstance = "{instance}"\n'
    wanted = replace(want(parse(text), signers="ada ssh-ed25519 AAAA\n"), by_root=by_root)
    for name, text in (
        (wanted.settings, wanted.settings_text),
        (wanted.allowed_signers, wanted.signers or ""),
    ):
        file = Path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        for directory in (file.parent, file.parent.parent):
            directory.chmod(0o755)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o644)
    root.mkdir(exist_ok=True)
    return Path(wanted.settings)


def refusal(find: Callable[[], object], kind: type[L9Error] = ConfigError) -> L9Error:
    with pytest.raises(kind) as refused:
        find()
    assert refused.value.remedy == "l9 provision"
    return refused.value


def test_an_instance_is_found_by_its_name(tmp_path: Path) -> None:
    provision(tmp_path / "app", by_root=True)
    found = server.of_instance("shop")
    assert found.settings.path == str(tmp_path / "app")
    assert found.layout.root == tmp_path / "app"
    assert found.files == provisioned.for_instance("shop")
    assert [one.settings.instance for one in server.by_root()] == ["shop"]


def test_a_directory_without_root_has_its_own(tmp_path: Path) -> None:
    provision(tmp_path / "app", by_root=False)
    found = server.of_directory(tmp_path / "app")
    assert isinstance(found.settings, ServerSettings)
    assert not found.files.by_root
    assert list(server.by_root()) == []


@pytest.mark.parametrize("name", ["", ".", "..", "../shop", "/etc", "a/b"])
def test_a_name_that_is_a_path_is_no_instance(tmp_path: Path, name: str) -> None:
    provision(tmp_path / "app", by_root=True)
    refusal(lambda: server.of_instance(name), UsageError)


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda file: file.unlink(), "no such file"),
    "older": (lambda file: file.rename(file.with_name("config.json")), "which an older l9 wrote"),
    "of another schema": (lambda file: file.write_text('{"schema": "l9.settings/0"}'), "l9.settings/0"),
    "of an unknown key": (
        lambda file: file.write_text(file.read_text().replace('"app"', '"ap"', 1)),
        "unknown field `ap`",
    ),
    "no JSON": (lambda file: file.write_text("{"), "truncated"),
    "empty": (lambda file: file.write_text(""), "truncated"),
    "too long": (lambda file: file.write_text(" " * (server.LONGEST + 1) + file.read_text()), "truncated"),
    "a directory": (lambda file: (file.unlink(), file.mkdir()), "directory"),
    "a pipe": (lambda file: (file.unlink(), os.mkfifo(file, 0o644)), "truncated"),
    "a link": (lambda file: (file.rename(file.with_name("real")), file.symlink_to("real")), "link"),
}


@pytest.mark.parametrize("by_root", [True, False])
@pytest.mark.parametrize("spoil", SPOILT)
def test_settings_that_cannot_be_used_are_refused(tmp_path: Path, spoil: str, by_root: bool) -> None:
    root = tmp_path / "app"
    file = provision(root, by_root=by_root)
    how, said = SPOILT[spoil]
    how(file)
    error = refusal(lambda: server.of_instance("shop") if by_root else server.of_directory(root))
    assert said in error.found.lower(), error.found
    assert str(file) in error.message


@pytest.mark.parametrize("what", ["settings.json", "allowed_signers", ".", ".."])
@pytest.mark.parametrize("mode", [0o664, 0o646, 0o777])
def test_what_others_may_write_does_not_count(tmp_path: Path, what: str, mode: int) -> None:
    file = provision(tmp_path / "app", by_root=True)
    spoilt = (file.parent / what).resolve()
    spoilt.chmod(mode | (0o111 if spoilt.is_dir() else 0))
    error = refusal(lambda: server.of_instance("shop"))
    assert error.expected == f"{spoilt} written by root alone"
    assert list(server.by_root()) == []


@needs_root
@pytest.mark.parametrize("what", ["settings.json", "allowed_signers", ".", ".."])
def test_what_is_not_roots_does_not_count(tmp_path: Path, what: str) -> None:
    file = provision(tmp_path / "app", by_root=True)
    os.chown((file.parent / what).resolve(), NOBODY, NOBODY)
    assert "owner 65534" in refusal(lambda: server.of_instance("shop")).found


@pytest.mark.parametrize("what", ["allowed_signers", "."])
def test_a_link_to_somewhere_else_does_not_count(tmp_path: Path, what: str) -> None:
    file = provision(tmp_path / "app", by_root=True)
    linked = file.parent if what == "." else file.parent / what
    linked.rename(tmp_path / "elsewhere")
    linked.symlink_to(tmp_path / "elsewhere")
    assert refusal(lambda: server.of_instance("shop")).found.startswith("a link")


def test_settings_of_another_instance_are_refused(tmp_path: Path) -> None:
    file = provision(tmp_path / "app", by_root=True)
    file.parent.rename(file.parent.with_name("other"))
    assert refusal(lambda: server.of_instance("other")).found == "those of shop"


def test_settings_of_another_directory_are_refused(tmp_path: Path) -> None:
    provision(tmp_path / "app", by_root=False)
    (tmp_path / "app").rename(tmp_path / "moved")
    error = refusal(lambda: server.of_directory(tmp_path / "moved"))
    assert error.found == f"those of {tmp_path / 'app'}"


@pytest.mark.parametrize("outer_by_root", [True, False])
def test_a_directory_in_another_targets_has_no_settings_of_its_own(
    tmp_path: Path, outer_by_root: bool
) -> None:
    provision(tmp_path / "app", by_root=outer_by_root)
    inner = tmp_path / "app" / "inner"
    inner.mkdir()
    provision(inner, by_root=False, instance="other")
    with pytest.raises(UsageError) as refused:
        server.of_directory(inner)
    assert "is inside another target's directory" in refused.value.message


@pytest.mark.parametrize(("instance", "spoilt"), [("shop", False), ("shop", True), ("other", False)])
def test_what_root_provisioned_is_no_directorys(tmp_path: Path, instance: str, spoilt: bool) -> None:
    """Also under another name; and under the same name where root's own settings cannot be used."""
    root = tmp_path / "app"
    roots = provision(root, by_root=True)
    provision(root, by_root=False, instance=instance)
    if spoilt:
        roots.write_text("{", encoding="utf-8")
    error = refusal(lambda: server.of_directory(root), UsageError)
    assert error.expected == f"its settings in {roots}"


def test_a_link_to_the_directory_is_the_directory(tmp_path: Path) -> None:
    provision(tmp_path / "app", by_root=False)
    (tmp_path / "link").symlink_to("app")
    assert server.of_directory(tmp_path / "link").settings.path == str(tmp_path / "app")
