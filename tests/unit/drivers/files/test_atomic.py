"""A file is there whole or not at all, with its permissions, and nothing lies beside it afterwards."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from l9.drivers.files import atomic
from l9.drivers.files.atomic import Draft, replace_file, sync_directory


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("content", ["ä\n", "", b"\xff\x00"])
@pytest.mark.parametrize("wanted", [0o600, 0o644, 0o755])
def test_content_and_mode_are_as_asked_for_whatever_was_there(
    tmp_path: Path, content: str | bytes, wanted: int
) -> None:
    path = tmp_path / "made" / "file"
    for _ in range(2):
        replace_file(path, content, wanted)
        assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
        assert mode(path) == wanted
        path.chmod(0o777)
    assert os.listdir(path.parent) == ["file"]


def test_what_a_crash_left_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old", encoding="utf-8")
    Draft.write(path, "secret", 0o600)
    assert path.read_text(encoding="utf-8") == "old"
    replace_file(path, "new", 0o600)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_link_planted_beside_the_file_is_not_followed(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "there" / "file"
    victim.write_text("mine", encoding="utf-8")
    path.parent.mkdir()
    aside = path.with_name("aside")
    aside.symlink_to(victim)
    replace_file(path, "new", 0o600, aside=aside)
    assert (victim.read_text(encoding="utf-8"), path.read_text(encoding="utf-8")) == ("mine", "new")


@pytest.mark.parametrize("fails", ["fsync", "fchmod", "rename"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    path = tmp_path / "file"
    path.write_text("old", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path if fails == "rename" else os, fails, full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, "new", 0o600)
    assert [(p.name, p.read_text(encoding="utf-8")) for p in tmp_path.iterdir()] == [("file", "old")]


def test_file_and_directory_are_synced_in_this_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    sync = os.fsync

    def note(fd: int) -> None:
        kind = "directory" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file"
        synced.append(f"{kind}, {'renamed' if (tmp_path / 'file').exists() else 'aside'}")
        sync(fd)

    monkeypatch.setattr(atomic.os, "fsync", note)
    replace_file(tmp_path / "file", "new", 0o600)
    assert synced == ["file, aside", "directory, renamed"]


def test_only_a_directory_is_synced_as_one(tmp_path: Path) -> None:
    sync_directory(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        sync_directory(tmp_path / "file")


def test_the_owner_is_as_asked_for(tmp_path: Path) -> None:
    owner = (
        (65534, 65534) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    )  # only root gives files away
    replace_file(tmp_path / "file", "x", 0o640, owner=owner)
    seen = (tmp_path / "file").stat()
    assert (seen.st_uid, seen.st_gid, mode(tmp_path / "file")) == (*owner, 0o640)
