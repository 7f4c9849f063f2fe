"""The record of what is deployed, and the environment file: the same promises in memory and on the disk."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from l9.checks.environment.env_file import fingerprint, parse_env
from l9.checks.environment.facts import Environment
from l9.checks.environment.ports import Env
from l9.checks.environment.resolved import ResolvedEnv
from l9.checks.environment.schema import Rule, TypeMismatch
from l9.config.layout import Layout
from l9.core.ports import Record
from l9.drivers.files.deployed import DeployedFiles
from l9.drivers.files.env_on_host import EnvOnHost
from l9.errors import ActionError
from l9.protocol.answers.error import Error
from world.host import World


def resolved(text: str, *keep: str) -> ResolvedEnv:
    return ResolvedEnv(source="production.env", file=".env", text=text, keep=keep)


def rules(*keys: str) -> tuple[Rule, ...]:
    return tuple(map(Rule, keys))


V1, V2 = "v1.0.0-l9", "v1.1.0-l9"


@pytest.fixture(params=["fake", "real"])
def record(request: pytest.FixtureRequest, tmp_path: Path) -> Record:
    return World().record if request.param == "fake" else DeployedFiles(Layout(tmp_path))


@pytest.fixture(params=["fake", "real"])
def env_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[dict[str, str] | None, int], Env]:
    """An environment file with these values (None: no file) and this mode."""

    def make(values: dict[str, str] | None, mode: int = 0o600) -> Env:
        if request.param == "fake":
            env = World().env
            env.values, env.mode = values, mode
            return env
        path = tmp_path / ".env"
        if values is not None:
            path.write_text("".join(f"{k}={v}\n" for k, v in values.items()))
            path.chmod(mode)
        return EnvOnHost(path, tmp_path / "aside")

    return make


def test_nothing_is_recorded_at_first(record: Record) -> None:
    assert record.deployed_tag() is None
    assert record.run() is None


def test_newest_release_is_recorded_and_again_does_no_harm(record: Record) -> None:
    for tag in (V1, V2, V2):
        record.write({"deployed_tag": tag, "commit": "c" * 40, "status": "SUCCESS"})
    assert record.deployed_tag() == V2
    assert record.run() is None
    record.write({"deployed_tag": V2, "run": "run-2"})
    assert record.run() == "run-2"


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", '{"run": 7}', "no JSON", '{"deployed_tag": "v1.0.0"}']
)
def test_a_record_that_another_program_wrote_names_no_run(tmp_path: Path, text: str) -> None:
    layout = Layout(tmp_path)
    layout.deployed_metadata.write_text(text, encoding="utf-8")
    assert DeployedFiles(layout).run() is None


def test_missing_keys_are_named(env_of: Callable[..., Env]) -> None:
    seen = env_of({"A": "1", "EMPTY": ""}).check(rules("A", "B", "EMPTY"))
    assert (seen.exists, seen.missing, seen.mode) == (True, ("B", "EMPTY"), 0o600)


def test_complete_file_lacks_nothing(env_of: Callable[..., Env]) -> None:
    assert env_of({"A": "1", "B": "x y"}).check(rules("A", "B")).missing == ()


def test_file_that_is_not_there_lacks_everything(env_of: Callable[..., Env]) -> None:
    env = env_of(None)
    seen = env.check(rules("A", "B"))
    assert (seen.exists, seen.missing) == (False, ("A", "B"))
    assert env.secret("A") is None


def test_wrong_shape_is_told_by_name_alone(env_of: Callable[..., Env]) -> None:
    seen = env_of({"PORT": "hunter2"}).check((Rule("PORT", type="port"), Rule("X", required=False)))
    assert (seen.missing, seen.wrong) == ((), (TypeMismatch("PORT", "a port, 1 to 65535"),))
    assert "hunter2" not in str(seen)


def test_mode_is_told(env_of: Callable[..., Env]) -> None:
    assert env_of({"A": "1"}, 0o644).check(()).mode == 0o644


def test_one_secret_is_given(env_of: Callable[..., Env]) -> None:
    env = env_of({"KEY": "s3cret"})
    assert env.secret("KEY") == "s3cret"
    assert env.secret("OTHER") is None


NEW = "A='hunter2 planted'\nB=2\n"


def test_what_is_staged_is_judged_and_is_not_the_file_yet(env_of: Callable[..., Env]) -> None:
    env = env_of({"A": "1", "GONE": "x"})
    told = env.stage("run-1", resolved(NEW, "KEPT"))
    assert (told.source, told.keys) == ("production.env", ("A", "B"))
    assert len(told.fingerprint) == 16
    assert env.secret("A") == "1"
    mine, other = env.check(rules("A", "C"), "run-1"), env.check(rules("A", "C"), "run-2")
    assert (mine.resolved, mine.missing, mine.exists) == (True, ("C",), True)
    assert (other.resolved, other.missing) == (False, ("C",))


def test_written_once_or_twice_and_what_was_there_can_be_put_back(env_of: Callable[..., Env]) -> None:
    env = env_of({"A": "1", "GONE": "x"})
    env.stage("run-1", resolved(NEW))
    first = env.write("run-1")
    assert "2 keys" in first
    assert "removed: GONE" in first
    assert "hunter2" not in first
    assert env.write("run-1") == "already written"
    assert (env.secret("A"), env.secret("GONE")) == ("hunter2 planted", None)
    for _ in range(2):
        env.restore("run-1")
        assert (env.secret("A"), env.secret("GONE"), env.secret("B")) == ("1", "x", None)


def test_file_that_was_not_there_is_gone_again(env_of: Callable[..., Env]) -> None:
    env = env_of(None)
    env.stage("run-1", resolved(NEW))
    env.write("run-1")
    assert env.check(rules("A")) == Environment(env.check(()).path, exists=True)
    env.restore("run-1")
    assert not env.check(()).exists


def test_values_that_the_host_keeps_are_taken_along(env_of: Callable[..., Env]) -> None:
    env = env_of({"KEPT": "of the host", "OTHER": "x"})
    assert env.stage("run-1", resolved("A=1\n", "KEPT", "NOWHERE")).keys == ("A", "KEPT")
    env.write("run-1")
    assert (env.secret("KEPT"), env.secret("OTHER")) == ("of the host", None)


def test_nothing_is_staged_or_put_back_where_nothing_was(env_of: Callable[..., Env]) -> None:
    env = env_of({"A": "1"})
    with pytest.raises(ActionError, match="the staged environment is missing"):
        env.write("run-1")
    env.restore("run-1")
    env.settle("run-1")
    assert env.secret("A") == "1"


def test_another_run_starts_afresh(env_of: Callable[..., Env]) -> None:
    env = env_of({"A": "1"})
    env.stage("run-1", resolved(NEW))
    env.stage("run-2", resolved(NEW))
    assert not env.check((), "run-1").resolved
    env.write("run-2")
    env.settle("run-2")
    env.restore("run-2")
    assert env.secret("B") == "2"


def test_a_whole_file_is_told_and_compared_without_a_value(env_of: Callable[..., Env]) -> None:
    env = env_of({"A": "hunter2", "B": "x"})
    seen = env.report(rules("A", "C"))
    assert (seen.exists, seen.mode) == (True, "0600")
    assert [(k.key, k.found) for k in seen.keys] == [("A", "fits"), ("C", "missing"), ("B", "no rule")]
    assert env.fingerprints(b"k") == fingerprint(parse_env("A=hunter2\nB=x"), b"k")
    assert "hunter2" not in str(seen)


# ── what only files can show ─────────────────────────────────────────────────────────────────────


def test_both_files_of_the_spec_are_written(tmp_path: Path) -> None:
    """Spec 5.1 step 11."""
    layout = Layout(tmp_path)
    DeployedFiles(layout).write({"deployed_tag": V1, "commit": "c" * 40, "status": "SUCCESS"})
    assert layout.deployed_tag.read_text() == f"{V1}\n"
    assert json.loads(layout.deployed_metadata.read_text())["status"] == "SUCCESS"
    assert [
        p.name for p in tmp_path.iterdir() if p.name not in (".deployed-tag", ".deployed-metadata.json")
    ] == []


def test_env_file_as_people_write_it(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# comment\nexport A='one two'\nB=\"3\"\nA2=\n\nA=last\n")
    env = EnvOnHost(path)
    assert env.secret("B") == "3"
    assert env.secret("A") == "last"
    assert env.check(rules("A", "B", "A2")).missing == ("A2",)


def staged(tmp_path: Path, text: str = "A=old\n") -> tuple[Path, EnvOnHost]:
    path = tmp_path / ".env"
    path.write_text(text, encoding="utf-8")
    env = EnvOnHost(path, tmp_path / "aside")
    env.stage("run-1", resolved(NEW))
    return path, env


def modes(tmp_path: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "aside").iterdir()}


def test_all_that_holds_a_value_is_its_owners_alone(tmp_path: Path) -> None:
    path, env = staged(tmp_path)
    path.chmod(0o640)
    assert (tmp_path / "aside").stat().st_mode & 0o777 == 0o700
    assert modes(tmp_path) == {"run-1.new": 0o600, "key": 0o600}
    env.write("run-1")
    assert path.stat().st_mode & 0o777 == 0o600
    assert modes(tmp_path) == {"run-1.before": 0o640, "key": 0o600}
    env.restore("run-1")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("A=old\n", 0o640)
    env.settle("run-1")
    assert modes(tmp_path) == {"key": 0o600}
    assert [p.name for p in tmp_path.iterdir() if p.name not in (".env", "aside")] == []


def test_fingerprints_of_one_host_can_be_compared_with_each_other(tmp_path: Path) -> None:
    _, env = staged(tmp_path)
    one, two = (env.stage(run, resolved(NEW)).fingerprint for run in ("run-2", "run-3"))
    assert one == two
    (tmp_path / "elsewhere").mkdir()
    assert staged(tmp_path / "elsewhere")[1].stage("run-2", resolved(NEW)).fingerprint != one


def test_crash_between_writing_and_tidying_up_does_no_harm(tmp_path: Path) -> None:
    path, env = staged(tmp_path)
    left = (tmp_path / "aside" / "run-1.new").read_bytes()
    env.write("run-1")
    (tmp_path / "aside" / "run-1.new").write_bytes(left)  # as if the worker had died right there
    env.write("run-1")
    assert env.secret("B") == "2"
    env.restore("run-1")
    assert path.read_text() == "A=old\n"


def test_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real"
    path, env = staged(tmp_path)
    path.rename(real)
    path.symlink_to(real)
    env.write("run-1")
    assert path.is_symlink()
    assert "B=2" in real.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_owner_stays_who_it_was(tmp_path: Path) -> None:
    path, env = staged(tmp_path)
    os.chown(path, 65534, 65534)
    env.write("run-1")
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)
    env.restore("run-1")
    assert path.stat().st_uid == 65534


def test_file_that_is_no_text_is_a_clear_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=hunter2\xe9\n")
    with pytest.raises(ActionError, match="cannot be read") as caught:
        EnvOnHost(tmp_path / ".env").check(())
    assert "hunter2" not in str(Error.of(caught.value))
