"""Test cases for the host's side of provisioning, run here: through the same program and pipe, without ssh."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from l9.drivers.files.lock import LockFile
from l9.provision import changes as ch
from l9.provision import link
from l9.provision.host import apply as host_apply
from l9.provision.host import files, system
from l9.provision.host import look as host_look
from l9.provision.host.talk import Refused, parse_message
from l9.provision.snapshot import HostSnapshot

ME = {"owner": "", "group": ""}


def perform(python: tuple[str, ...], *changes: ch.Change, lock: str = "/nonexistent") -> list[dict[str, Any]]:
    text = link.apply_program([msgspec.to_builtins(change) for change in changes], {}, lock)
    done = subprocess.run(python, input=text.encode(), capture_output=True, check=False)
    assert done.stderr == b""
    return [m for m in map(parse_message, done.stdout.decode().splitlines()) if m]


HERE = (sys.executable, "-I", "-")


def old(version: str) -> tuple[str, ...]:
    """A Python of this version on this machine, from wherever it is; else this one, which says that it were one."""
    homes = Path.home().glob(f".pyenv/versions/{version}.*/bin/python3")
    found = shutil.which(f"python{version}", path="/usr/bin:/usr/local/bin") or next(map(str, homes), None)
    if found is not None:
        return (found, "-I", "-")
    said = (*map(int, version.split(".")), 0, "final", 0)
    return (sys.executable, "-I", "-c", f"import sys; sys.version_info = {said}; exec(sys.stdin.read())")


def question(path: Path) -> dict[str, Any]:
    return {
        "path": str(path), "paths": [str(path / "x"), str(path)], "caddyfile": "", "admin": "http://127.0.0.1:1",
        "marks": [], "sites": "", "timers": [], "repository": str(path / "nowhere.git"), "docker": False,
        "instances": "", "unlinked": [], "agents": [], "settings": [], "wanted": None,
    }  # fmt: skip


def look(python: tuple[str, ...], path: Path) -> dict[str, Any]:
    text = link.look_program(question(path))
    done = subprocess.run(python, input=text.encode(), capture_output=True, check=False)
    assert done.stderr == b""
    (message,) = [m for m in map(parse_message, done.stdout.decode().splitlines()) if m]
    return message


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
def test_it_runs_on_the_pythons_of_servers(version: str, tmp_path: Path) -> None:
    python = old(version)
    message = look(python, tmp_path)
    assert message["type"] == "seen", message
    seen = msgspec.convert(message["seen"], HostSnapshot)
    assert (seen.path.kind, seen.origin.reachable) == ("free", False)
    change = ch.WriteFile(path=str(tmp_path / "x"), text="é\n", mode=0o640, **ME)
    assert [m["type"] for m in perform(python, change)] == ["done"]


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8"])
def test_an_older_python_says_that_it_is_too_old(version: str, tmp_path: Path) -> None:
    message = look(old(version), tmp_path)
    assert message["type"] == "old"
    assert message["python"].startswith(version)


def test_the_newest_python_beside_an_old_one_is_found(tmp_path: Path) -> None:
    seen = look(old("3.9"), tmp_path)["seen"]["python"]
    if not any(system.find(name) for name in system.NEWER):
        pytest.skip("no newer Python beside it: apt-get install python3")
    assert tuple(seen["version"]) >= (3, 11)


def test_looking_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("1", encoding="utf-8")
    before = [(p, p.stat().st_mtime_ns, p.stat().st_ctime_ns) for p in tmp_path.rglob("*")]
    look(HERE, tmp_path)
    assert [(p, p.stat().st_mtime_ns, p.stat().st_ctime_ns) for p in tmp_path.rglob("*")] == before


def test_a_file_is_written_with_owner_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    (said,) = perform(HERE, ch.WriteFile(path=str(path), text="a\udcff\r\n", mode=0o640, **ME))
    assert said["type"] == "done"
    assert path.read_bytes() == b"a\xff\r\n"  # also what is no UTF-8 comes back byte for byte
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(path.parent) == ["file"]


def test_a_file_that_changed_since_it_was_shown_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("theirs", encoding="utf-8")
    shown = hashlib.sha256(b"as it was shown").hexdigest()
    (said,) = perform(HERE, ch.WriteFile(path=str(path), text="ours", mode=0o644, before=shown, **ME))
    assert (said["type"], path.read_text(encoding="utf-8")) == ("failed", "theirs")
    assert "since the plan was shown" in said["message"]


def test_the_first_failure_ends_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    below_a_file = ch.MakeDirectory(path=str(tmp_path / "file" / "x"), mode=0o755, **ME)
    after = ch.MakeDirectory(path=str(tmp_path / "after"), mode=0o755, **ME)
    said = perform(HERE, below_a_file, after)
    assert [(m["type"], m["index"]) for m in said] == [("failed", 0)]
    assert not (tmp_path / "after").exists()


def test_a_full_disk_is_told_as_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/opt/l9")

    monkeypatch.setitem(host_apply.STEPS, "directory", full)
    change = {"kind": "directory", "index": 0, "root": False}
    assert host_apply.apply({"changes": [change], "lock": "/nonexistent", "wanted": None}) == 1
    said = parse_message(capsys.readouterr().out.strip())
    assert said
    assert said["message"] == "the disk is full"
    assert said["full"] is True


def test_lines_are_added_once_and_after_what_is_there(tmp_path: Path) -> None:
    exclude = tmp_path / "exclude"
    exclude.write_text("# git's\n.env", encoding="utf-8")
    change = ch.AddLines(path=str(exclude), lines=(".env", ".l9/"))
    for _ in range(2):
        perform(HERE, change)
    assert exclude.read_text(encoding="utf-8") == "# git's\n.env\n.l9/\n"


def test_a_clone_leaves_what_was_there(tmp_path: Path) -> None:
    origin, path = tmp_path / "origin", tmp_path / "l9"
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    author = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(("git", "init", "--quiet", str(origin)), check=True, env=env)
    commit = ("git", "-C", str(origin), *author, "commit", "--quiet", "--allow-empty", "-m", "x")
    subprocess.run(commit, check=True, env=env)
    path.mkdir()
    (path / ".env").write_text("A=1", encoding="utf-8")
    (said,) = perform(HERE, ch.Clone(path=str(path), url=str(origin)))
    assert said["type"] == "done", said
    assert sorted(os.listdir(path)) == [".env", ".git", ".l9"]
    assert os.listdir(path / ".l9") == []
    message = look(HERE, path)
    assert message["seen"]["path"]["kind"] == "clone"
    assert message["seen"]["origin"]["url"] == str(origin)


def test_a_clone_that_fails_leaves_nothing_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "l9").mkdir()
    (said,) = perform(HERE, ch.Clone(path=str(tmp_path / "l9"), url="--upload-pack=touch x"))
    assert said["type"] == "failed"
    assert said["found"]
    assert os.listdir(tmp_path / "l9" / ".l9") == []


def test_a_log_is_made_and_kept(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "a.log"
    change = ch.MakeLog(path=str(log), mode=0o640, **ME)
    perform(HERE, change)
    log.write_text("one line\n", encoding="utf-8")
    log.chmod(0o600)
    perform(HERE, change)
    assert (log.read_text(encoding="utf-8"), stat.S_IMODE(log.stat().st_mode)) == ("one line\n", 0o640)


def test_a_link_in_place_of_the_log_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.log").symlink_to(tmp_path / "precious")
    (said,) = perform(HERE, ch.MakeLog(path=str(tmp_path / "a.log"), mode=0o644, **ME))
    assert said["type"] == "failed"
    assert not (tmp_path / "precious").exists()


def test_a_linked_file_is_written_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("1", encoding="utf-8")
    (tmp_path / "link").symlink_to("real")
    files.put(str(tmp_path / "link"), b"2", 0o644)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text(encoding="utf-8") == "2"


def test_neighbours_of_one_privilege_go_together() -> None:
    roots = [True, False, False, True]
    groups = host_apply._by_privilege([{"root": root, "n": n} for n, root in enumerate(roots)])
    assert [[change["n"] for change in group] for group in groups] == [[0], [1, 2], [3]]


def test_a_change_meanwhile_is_refused_by_its_own_name(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="meanwhile"):
        files.refuse_changed(str(tmp_path / "none"), "0" * 64)


def test_every_change_has_a_step_on_the_host() -> None:
    kinds = {kind.__struct_config__.tag for kind in ch.Change.__subclasses__()}
    assert kinds == {*host_apply.STEPS, "install-agent"}


# ── what only root may write, and what is used no longer ─────────────────────────────────────────


def test_a_link_is_told_as_one_where_root_writes_and_followed_elsewhere(tmp_path: Path) -> None:
    for name in ("real", "own", "etc"):
        (tmp_path / name).mkdir()
    (tmp_path / "real" / "file").write_text("1", encoding="utf-8")
    for name in ("own", "etc"):
        (tmp_path / name / "file").symlink_to(tmp_path / "real" / "file")
    own, etc = (str(tmp_path / name / "file") for name in ("own", "etc"))
    found = host_look.entries([own, etc], [etc])
    assert (found[own]["kind"], found[own]["text"]) == ("file", "1")
    assert (found[etc]["kind"], found[etc].get("text")) == ("link", None)


def test_the_settings_of_all_instances_are_seen(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "etc" / name).mkdir(parents=True)
        (tmp_path / "etc" / name / "settings.json").write_text(f'{{\n"{name}": 1\n}}\n', encoding="utf-8")
    asked = {**question(tmp_path), "instances": str(tmp_path / "etc" / "*" / "settings.json")}
    seen = host_look.look({"look": asked})
    assert {Path(path).parent.name: json.loads(text) for path, text in seen["instances"].items()} == {
        "one": {"one": 1},
        "two": {"two": 1},
    }


@pytest.mark.parametrize("umask", [0o077, 0o002])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, umask: int) -> None:
    top = tmp_path / "etc"
    above = os.umask(umask)
    try:
        perform(
            HERE,
            ch.MakeDirectory(path=str(top), mode=0o755, **ME),
            ch.MakeDirectory(path=str(top / "a"), mode=0o755, **ME),
            ch.WriteFile(path=str(top / "a" / "settings.json"), text="{}", mode=0o644, **ME),
        )
    finally:
        os.umask(above)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (top, top / "a", top / "a" / "settings.json")]
    assert modes == [0o755, 0o755, 0o644]


def test_the_agents_wheels_reach_whoever_installs_it_as_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sudo = tmp_path / "bin" / "sudo"
    sudo.parent.mkdir()
    sudo.write_text(f'#!/bin/sh\nexec cat >"$(mktemp {tmp_path}/child.XXXXXX)"\n', encoding="utf-8")
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sudo.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(host_apply, "program", json.dumps)
    install = ch.InstallAgent(directory="/usr/lib/l9/a", digest="a" * 16, version="1", python="", root=True)
    between = ch.MakeDirectory(path=str(tmp_path / "own"), mode=0o755, **ME)
    changes = (install, between, ch.StartTimers(names=("l9-a.timer",), root=True))
    numbered = [{**msgspec.to_builtins(change), "index": n} for n, change in enumerate(changes)]
    assert (
        host_apply.apply(
            {
                "changes": numbered,
                "wheels": {"l9.whl": "V0hFRUw="},
                "lock": "/nonexistent",
                "wanted": None,
            }
        )
        == 0
    )
    asked = [json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.glob("child.*")]
    assert {child["changes"][0]["kind"]: child["wheels"] for child in asked} == {
        "install-agent": {"l9.whl": "V0hFRUw="},
        "timers": {},
    }


def _unused(state: Path) -> tuple[str, ...]:
    (state / "agent" / "bin").mkdir(parents=True)
    (state / "config.json").write_text("{}", encoding="utf-8")
    (state / "kept").mkdir()
    (state / "linked").symlink_to(state / "kept")
    return tuple(str(state / name) for name in ("config.json", "agent", "linked", "gone"))


@pytest.mark.parametrize("locked_before", [True, False])
def test_what_is_used_no_longer_goes(tmp_path: Path, locked_before: bool) -> None:
    paths = _unused(tmp_path)
    if locked_before:
        (tmp_path / "lock").touch()
    (said,) = perform(HERE, ch.Remove(paths=paths), lock=str(tmp_path / "lock"))
    assert said["type"] == "done", said
    assert sorted(os.listdir(tmp_path)) == (["kept", "lock"] if locked_before else ["kept"])


def test_nothing_is_changed_while_a_run_is_on(tmp_path: Path) -> None:
    paths, lock = _unused(tmp_path), LockFile(tmp_path / "lock")
    before = sorted(os.listdir(tmp_path))
    lock.take("ada", "deploy v1")
    made = ch.MakeDirectory(path=str(tmp_path / "new"), mode=0o755, **ME)
    (said,) = perform(HERE, made, ch.Remove(paths=paths), lock=str(tmp_path / "lock"))
    assert (said["type"], said["message"], said["found"]) == (
        "failed",
        "a run is in progress",
        "deploy v1 by ada",
    )
    assert said["busy"] and said["index"] == 0
    assert sorted(os.listdir(tmp_path)) == sorted([*before, "lock"])
    lock.free()


def test_nothing_is_changed_while_the_lock_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()  # as one of another user, also for root
    made = ch.MakeDirectory(path=str(tmp_path / "new"), mode=0o755, **ME)
    (said,) = perform(HERE, made, lock=str(tmp_path / "lock"))
    assert (said["type"], said["message"]) == ("failed", "the run's lock cannot be taken")
    assert os.listdir(tmp_path) == ["lock"]
