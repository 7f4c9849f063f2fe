"""The environment file and the record where somebody broke them: the same in memory and on the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.broken_files import as_nobody, as_root_again, files
from contracts.test_ports_files import NEW, V1, V2, resolved, rules
from l9.checks.environment.facts import Environment
from l9.checks.environment.ports import Env
from l9.config.layout import Layout
from l9.core import actions as do
from l9.core import events as ev
from l9.core.ports import Record
from l9.core.run import Run, begin
from l9.core.states import Kind, Slot
from l9.drivers.files.deployed import DeployedFiles
from l9.drivers.files.env_on_host import EnvOnHost
from l9.errors import ActionError
from l9.host.disk import telling_of_the_disk
from world.host import World

STARTED = ev.RunStarted(
    kind=Kind.DEPLOY, tag=V1, commit="c", tag_object="t", new=Slot.BLUE, old=None, previous=None, who="ada"
)


def perform(act: Callable[[], object]) -> None:
    """As a run performs an action that writes a file."""

    def performed(_run: Run, _action: do.AnyAction) -> str:
        act()
        return "done"

    telling_of_the_disk(performed, lambda: False)(begin("run-1", 1.0, STARTED), do.WriteEnv(run="run-1"))


def refused(act: Callable[[], object], what: str, why: str) -> ActionError:
    """A run is told what stands in the way, and of no bug in l9."""
    with pytest.raises(ActionError, match="a file operation failed on the host") as caught:
        perform(act)
    assert what in caught.value.found and why in caught.value.found
    assert caught.value.remedy.startswith("ls -ld /")
    return caught.value


# ── the environment file ─────────────────────────────────────────────────────────────────────────


@dataclass
class BrokenEnv:
    """An environment file of A=1. `folder`: one is in its place, until it is gone again; `gone`: it is deleted.

    `kept`: all that is staged and kept aside.
    """

    env: Env
    folder: Callable[[], AbstractContextManager[object]]
    gone: Callable[[], object]
    kept: Callable[[], object]


@contextmanager
def simulated_env(_directory: Path) -> Iterator[BrokenEnv]:
    env = World().env
    env.values = {"A": "1"}

    @contextmanager
    def folder() -> Iterator[None]:
        env.folder = True
        yield
        env.folder = False

    yield BrokenEnv(env, folder, lambda: setattr(env, "values", None), lambda: ({**env.staged}, {**env.kept}))


@contextmanager
def real_env(directory: Path) -> Iterator[BrokenEnv]:
    path, aside, elsewhere = directory / ".env", directory / "aside", directory / "elsewhere"
    path.write_text("A=1\n", encoding="utf-8")
    path.chmod(0o600)

    @contextmanager
    def folder() -> Iterator[None]:
        there = path.exists()
        if there:
            path.rename(elsewhere)
        path.mkdir(0o755)
        yield
        path.rmdir()
        if there:
            elsewhere.rename(path)

    yield BrokenEnv(EnvOnHost(path, aside), folder, path.unlink, lambda: files(aside))


@pytest.fixture(params=[simulated_env, real_env])
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BrokenEnv]:
    make: Callable[[Path], AbstractContextManager[BrokenEnv]] = request.param
    with make(tmp_path) as made:
        yield made


def test_folder_in_its_place_holds_nothing_and_is_open_to_others(broken: BrokenEnv) -> None:
    env = broken.env
    with broken.folder():
        seen = env.check(rules("A", "B"))
        assert (seen.exists, seen.missing, seen.mode, seen.wrong) == (True, ("A", "B"), 0o755, ())
        told = env.report(rules("A"))
        assert (told.exists, told.mode, [(k.key, k.found) for k in told.keys]) == (
            True, "0755", [("A", "missing")],
        )  # fmt: skip
        assert (env.secret("A"), env.fingerprints(b"k")) == (None, {})
    assert env.secret("A") == "1"
    assert env.check(rules("A")).missing == ()


def test_nothing_is_written_over_a_folder(broken: BrokenEnv) -> None:
    env = broken.env
    with broken.folder():
        assert env.stage("run-1", resolved(NEW, "A")).keys == ("A", "B")
        assert env.check(rules("A"), "run-1").resolved
        before = broken.kept()
        for _ in range(2):
            refused(lambda: env.write("run-1"), ".env", "Is a directory")
            assert broken.kept() == before
        env.restore("run-1")  # nothing was written, so that there is nothing to be put back
    assert env.secret("A") == "1"
    env.write("run-1")
    assert env.secret("B") == "2"
    env.restore("run-1")
    assert (env.secret("A"), env.secret("B")) == ("1", None)


@pytest.mark.parametrize("was_there", [True, False])
def test_nothing_is_put_back_over_a_folder_until_it_is_gone(broken: BrokenEnv, was_there: bool) -> None:
    env = broken.env
    if not was_there:
        broken.gone()
    env.stage("run-1", resolved(NEW))
    env.write("run-1")
    before = broken.kept()
    with broken.folder():
        for _ in range(2):
            refused(lambda: env.restore("run-1"), ".env", "Is a directory")
            assert broken.kept() == before
    env.restore("run-1")
    assert (env.secret("A"), env.secret("B")) == ("1" if was_there else None, None)


def test_file_that_is_deleted_in_mid_run_is_put_back(broken: BrokenEnv) -> None:
    env = broken.env
    env.stage("run-1", resolved(NEW))
    env.write("run-1")
    broken.gone()
    seen = env.check(rules("A"), "run-1")
    assert (seen.exists, seen.missing, seen.resolved) == (False, ("A",), False)
    assert (env.report(()).exists, env.report(()).mode, env.fingerprints(b"k")) == (False, "", {})
    assert env.write("run-1") == "already written"
    env.restore("run-1")
    assert env.secret("A") == "1"


def test_missing_file_is_no_obstacle_to_a_new_one(broken: BrokenEnv) -> None:
    env = broken.env
    broken.gone()
    assert env.check(rules("A")) == Environment(env.check(()).path, exists=False, missing=("A",))
    assert env.stage("run-1", resolved("B=2\n", "A")).keys == ("B",)
    env.write("run-1")
    assert (env.secret("A"), env.secret("B")) == (None, "2")


# ── the record ───────────────────────────────────────────────────────────────────────────────────


@dataclass
class BrokenRecord:
    """A record that names V1 of run-1. `unreadable`: from now on it cannot be read by who runs l9."""

    record: Record
    unreadable: Callable[[], None]


@contextmanager
def simulated_record() -> Iterator[BrokenRecord]:
    record = World().record
    yield BrokenRecord(record, lambda: setattr(record, "unreadable", True))


@contextmanager
def real_record() -> Iterator[BrokenRecord]:
    with as_nobody() as directory:
        layout = Layout(directory)

        def unreadable() -> None:
            with as_root_again():
                for path in (layout.deployed_tag, layout.deployed_metadata):
                    os.chown(path, 0, 0)
                    path.chmod(0o600)

        yield BrokenRecord(DeployedFiles(layout), unreadable)


@pytest.fixture(
    params=[
        simulated_record,
        pytest.param(
            real_record,
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else"),
        ),
    ]
)
def kept(request: pytest.FixtureRequest) -> Iterator[BrokenRecord]:
    make: Callable[[], AbstractContextManager[BrokenRecord]] = request.param
    with make() as made:
        made.record.write({"deployed_tag": V1, "commit": "c" * 40, "run": "run-1", "status": "SUCCESS"})
        yield made


def test_unreadable_record_names_nothing_and_the_next_takes_its_place(kept: BrokenRecord) -> None:
    assert (kept.record.deployed_tag(), kept.record.run()) == (V1, "run-1")
    kept.unreadable()
    assert (kept.record.deployed_tag(), kept.record.run()) == (None, None)
    kept.record.write({"deployed_tag": V2, "commit": "d" * 40, "run": "run-2", "status": "SUCCESS"})
    assert (kept.record.deployed_tag(), kept.record.run()) == (V2, "run-2")


@pytest.mark.parametrize("name", [".deployed-tag", ".deployed-metadata.json"])
def test_folder_in_the_place_of_the_record_is_told_and_nothing_is_left_beside_it(
    tmp_path: Path, name: str
) -> None:
    """Only files can show it."""
    record = DeployedFiles(Layout(tmp_path))
    (tmp_path / name).mkdir()
    for tag in (V1, V2):
        assert record.deployed_tag() is None
        refused(lambda tag=tag: record.write({"deployed_tag": tag, "run": tag}), name, "Is a directory")  # type: ignore[misc]
    assert [one for one in files(tmp_path) if one not in (".deployed-tag", ".deployed-metadata.json")] == []
    (tmp_path / name).rmdir()
    record.write({"deployed_tag": V2, "run": "run-2"})
    assert (record.deployed_tag(), record.run()) == (V2, "run-2")
