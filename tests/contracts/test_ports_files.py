"""The record of what is deployed, and the environment file: the same promises in memory and on the disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from l9.adapters.host_files import DeployedFiles, EnvOnHost
from l9.core.env_schema import Misfit, Rule
from l9.layout import Layout
from l9.ports import Env, Record
from world.host import World


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
        return EnvOnHost(path)

    return make


def test_nothing_is_recorded_at_first(record: Record) -> None:
    assert record.deployed_tag() is None


def test_newest_release_is_recorded_and_again_does_no_harm(record: Record) -> None:
    for tag in (V1, V2, V2):
        record.write({"deployed_tag": tag, "commit": "c" * 40, "status": "SUCCESS"})
    assert record.deployed_tag() == V2


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
    assert (seen.missing, seen.wrong) == ((), (Misfit("PORT", "a port, 1 to 65535"),))
    assert "hunter2" not in str(seen)


def test_mode_is_told(env_of: Callable[..., Env]) -> None:
    assert env_of({"A": "1"}, 0o644).check(()).mode == 0o644


def test_one_secret_is_given(env_of: Callable[..., Env]) -> None:
    env = env_of({"KEY": "s3cret"})
    assert env.secret("KEY") == "s3cret"
    assert env.secret("OTHER") is None


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
