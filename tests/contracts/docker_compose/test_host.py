"""Logs, the host, and what is kept of releases that are over."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path

import pytest

from docker_compose.own_docker import BASE
from docker_compose.project import (
    BLUE,
    GREEN,
    ONE_SERVICE,
    V1,
    V2,
    V3,
    Project,
    commit,
    is_open,
    listen,
)
from l9.core.facts import LogLine, LogsLost
from l9.core.states import Slot
from l9.drivers.docker.engine import Engine
from l9.errors import ActionError

pytestmark = pytest.mark.host


def read(project: Project, slot: Slot, since: float = 0.0) -> list[LogLine | LogsLost]:
    return list(project.runtime.read_log(slot, since).read())


def texts(found: list[LogLine | LogsLost]) -> list[str]:
    return [line.text if isinstance(line, LogLine) else f"lost: {line.reason}" for line in found]


def test_logs_of_both_streams(project: Project) -> None:
    project.deploy(BLUE, V1)
    began = project.state(BLUE).started_at
    reader = project.runtime.read_log(BLUE, began)
    lines = [line for line in reader.read() if isinstance(line, LogLine)]
    assert sorted((line.stream, line.text) for line in lines) == [
        ("stderr", "WARNING on the other stream"),
        ("stdout", f"INFO started {V1}"),
    ]
    assert all(line.at and line.at >= began for line in lines)
    assert lines == sorted(lines, key=lambda line: line.at or 0)
    assert list(reader.read()) == []
    assert read(project, BLUE, max(line.at or 0 for line in lines) + 0.001) == []
    assert len(project.runtime.log_tail(BLUE, 1)) == 1
    project.runtime.pause(BLUE, V1)
    assert list(reader.read()) == []
    assert len(read(project, BLUE)) == len(project.runtime.log_tail(BLUE, 9)) == 2
    assert read(project, GREEN) == []


def speaking(project: Project, slot: Slot, release: str, python: str, more: str = "") -> None:
    """A release that runs this program, with more keys for its service."""
    command = f'build: .\n    command: [python3, -c, "import os, time; {python}; time.sleep(99)"]{more}'
    project.tag(release, ONE_SERVICE.replace("build: .", command))
    project.runtime.build(release, commit(release), project.said.append)
    project.runtime.start_services(release, project.said.append)
    project.runtime.start(slot, release)


def test_logs_of_a_terminal_and_long_lines(project: Project) -> None:
    said = "os.write(1, b'x' * 40000 + bytes([10])); os.write(2, b'after' + bytes([10]))"
    for slot, release, tty in ((BLUE, V1, "true"), (GREEN, V2, "false")):
        speaking(project, slot, release, said, f"\n    tty: {tty}")
        reader = project.runtime.read_log(slot, 0)
        lines: list[str] = []
        while len(lines) < 2:
            lines += texts(list(reader.read()))
        assert sorted(lines) == ["after", "x" * 40000]
        assert list(reader.read()) == []


def test_each_of_many_lines_is_read_once_while_they_are_written(project: Project) -> None:
    many = "[os.write(1 + n % 2, b'%d%c' % (n, 10)) for n in range(20000)]"
    speaking(project, BLUE, V1, many)
    reader = project.runtime.read_log(BLUE, 0)
    lines: list[str] = []
    while len(lines) < 20000:
        lines += texts(list(islice(reader.read(), 3000)))
    assert sorted(map(int, lines)) == list(range(20000))
    assert list(reader.read()) == []


def test_lines_that_were_rotated_away_are_lost(project: Project) -> None:
    """`max-size` alone keeps one file: what is in it is gone when it is full."""
    small = "\n    logging: {driver: json-file, options: {max-size: 20k}}"
    many = "[print(n, 'x' * 99, flush=True) for n in range(999)]"
    speaking(project, BLUE, V1, f"print('first', flush=True); time.sleep(2); {many}", small)
    reader = project.runtime.read_log(BLUE, 0)
    lines: list[str] = []
    while "lost: lines of its log were rotated away before they were read" not in lines:
        time.sleep(0.5)
        lines += texts(list(reader.read()))
    assert lines[0] == "first"


def test_a_logging_driver_that_keeps_nothing(project: Project) -> None:
    speaking(project, BLUE, V1, "print('hello', flush=True)", "\n    logging: {driver: none}")
    (lost,) = texts(read(project, BLUE))[:1]
    assert lost.startswith("lost: cannot read its log: ")
    assert "does not support reading" in lost


def test_the_host(project: Project) -> None:
    host = project.runtime.host(BLUE)
    assert host.engine.startswith("Docker 2")
    assert "Compose 2." in host.engine
    assert host.disk_free > 1_000_000
    assert host.memory_available > 1_000_000
    assert host.ports_taken == {}
    with listen(8001):
        assert list(project.runtime.host(GREEN).ports_taken) == [8001]
        assert "pid" in project.runtime.host(GREEN).ports_taken[8001]
        assert project.runtime.host(BLUE).ports_taken == {}
    project.docker(
        "run", "--detach", "--name", "other", "--publish", "8001:80", BASE, "python3", "-m", "http.server"
    )
    assert project.runtime.host(GREEN).ports_taken == {8001: "container other"}
    project.deploy(BLUE, V1)
    assert project.runtime.host(BLUE).ports_taken == {}


def test_no_docker(project: Project) -> None:
    nowhere = Project(f"unix://{project.root}/none.sock", project.root / "nowhere")
    for look in (lambda: nowhere.runtime.host(BLUE), nowhere.runtime.slots):
        with pytest.raises(ActionError, match="Docker not found"):
            look()


def test_a_port_that_is_taken_after_all_fails_the_start_only(project: Project) -> None:
    project.tag(V1)
    project.runtime.build(V1, commit(V1), project.said.append)
    project.runtime.start_services(V1, project.said.append)
    with listen(8000):
        with pytest.raises(ActionError) as failed:
            project.runtime.start(BLUE, V1)
        assert "8000" in failed.value.found
        assert project.state(BLUE).status == "created"
    project.runtime.start(BLUE, V1)
    assert project.env(BLUE)["L9_RELEASE"] == V1


def test_the_way_back_is_known_part_by_part(project: Project) -> None:
    project.deploy(BLUE, V1)
    kept = project.runtime.retained(V1)
    assert (kept.known, kept.image_present, kept.compose, kept.env) == (True, True, True, True)
    assert kept.image == project.runtime.image(V1).digest
    gone = project.runtime.retained(V2)
    assert (gone.known, gone.image, gone.image_present, gone.compose, gone.env) == (
        False,
        None,
        False,
        False,
        False,
    )
    project.layout.env_snapshot(V1).chmod(0o644)  # its secrets are open to others
    assert not project.runtime.retained(V1).env
    project.layout.compose_snapshot(V1).write_text("{")
    project.layout.env_snapshot(V1).unlink()
    kept = project.runtime.retained(V1)
    assert (kept.known, kept.image_present, kept.compose, kept.env) == (True, True, False, False)


def test_prune_takes_what_is_ours_and_no_longer_kept(project: Project, tmp_path: Path) -> None:
    staging = Project(project.host, tmp_path / "staging", name="shop-staging", ports=(8100, 8101))
    staging.deploy(BLUE, V1)
    project.deploy(BLUE, V1)
    project.runtime.evict(BLUE, V1)
    project.deploy(BLUE, V2)
    project.runtime.evict(BLUE, V2)
    project.deploy(BLUE, V3)
    project.docker(
        "build", "--tag", "mine:1", "--build-context", "x=.", str(derived(project, f"l9/shop:{V1}"))
    )
    project.docker("tag", f"l9/shop:{V2}", "mine:2")
    said = project.runtime.prune((V3,))
    assert said.startswith("removed 2 containers, 1 image, 2 trees")
    assert project.names() == {"shop-blue", "shop-staging-blue"}
    images = set(project.docker("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines())
    assert images == {BASE, f"l9/shop:{V3}", f"l9/shop-staging:{V1}", "mine:1", "mine:2"}
    assert [p.name for p in (project.layout.state / "releases").iterdir()] == [V3]
    assert project.runtime.prune((V3,)) == "nothing to remove"
    assert project.runtime.prune(()) == "nothing to remove"  # it stands in a slot
    assert project.env(BLUE)["L9_RELEASE"] == V3
    assert staging.env(BLUE)["L9_RELEASE"] == V1
    assert project.runtime.retained(V1).image_present is False


def derived(project: Project, base: str) -> Path:
    """A person's own image upon one of ours, which has our labels by inheritance."""
    folder = project.root / "derived"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {base}\nCOPY Dockerfile /note\n")
    return folder


def test_instances_on_one_host_do_not_meet(project: Project, tmp_path: Path) -> None:
    staging = Project(project.host, tmp_path / "staging", name="shop-staging", ports=(8100, 8101))
    for one in (project, staging):
        one.deploy(BLUE, V1)
        one.put(BLUE, "/data/note", one.instance)
    assert project.get(BLUE, "/data/note")["file"] == "shop"
    assert staging.get(BLUE, "/data/note")["file"] == "shop-staging"
    staging.runtime.remove(BLUE, V1)
    assert project.state(BLUE).status == "running"
    assert staging.state(BLUE).status == "absent"
    assert not is_open(8100)


def test_an_instance_is_one_directorys(project: Project, tmp_path: Path) -> None:
    project.deploy(BLUE, V1)
    assert project.runtime.host(GREEN).engine  # its own containers are no strangers
    twin = Project(project.host, tmp_path / "twin", name=project.instance, ports=(8100, 8101))
    with pytest.raises(ActionError) as refused:
        twin.runtime.host(GREEN)
    assert refused.value.message == "instance shop is in use by another directory on this host"
    assert str(project.root) in refused.value.found
    assert str(twin.root) in refused.value.expected


def test_the_engine_knows_its_own_images_by_label(project: Project) -> None:
    project.deploy(BLUE, V1)
    found = Engine(project.host).images("dev.l9.instance=shop")
    assert [image.tags for image in found] == [(f"l9/shop:{V1}",)]
