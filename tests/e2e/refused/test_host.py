"""Hosts that are not ready for a release."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.loopback import docker_engine, plain_site
from e2e.refusals import Desk, kept
from e2e.refusing_stage import NEXT

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(120)]


def test_no_directory_on_the_host(desk: Desk) -> None:
    answer = desk.refused(
        "deploy", NEXT, "--target", "nowhere", code=2, says=("settings.json are not usable",)
    )
    assert answer.remedies == ["l9 provision --target nowhere"]


def test_directory_that_is_no_clone(desk: Desk) -> None:
    """It lies inside a repository, which must not be taken for the host's own."""
    with desk.provisioned("no-clone"):
        desk.refused("drift", "--target", "no-clone", code=3, says=("is not a git repository",))


@pytest.mark.parametrize(
    "command", [("status",), ("plan", NEXT), ("deploy", NEXT), ("rollback",), ("resume",)]
)
def test_directory_of_another_target(desk: Desk, command: tuple[str, ...]) -> None:
    says = (
        "on the host belongs to another target",
        "the directory of l9-api",
        "a directory of l9-api-neighbour only",
    )
    desk.refused(*command, "--target", "neighbour", code=2, says=says)


def test_no_docker(desk: Desk, tmp_path: Path) -> None:
    desk.env["DOCKER_HOST"] = f"unix://{tmp_path}/none.sock"
    with desk.provisioned("docker"):
        for command in (("deploy", NEXT), ("status",)):
            desk.refused(*command, "--target", "docker", code=3, says=("Docker not found",))


def test_docker_too_old(desk: Desk, tmp_path: Path) -> None:
    desk.env["DOCKER_HOST"] = f"unix://{tmp_path}/docker.sock"
    with desk.provisioned("docker"), docker_engine(tmp_path / "docker.sock", "20.10.24", "1.41"):
        says = ("Docker is too old", "Engine 20.10.24")
        desk.refused("deploy", NEXT, "--target", "docker", code=3, says=says, recorded=True)


def test_compose_file_without_the_service(desk: Desk) -> None:
    says = ("the compose file has no service for the slots", "service nosuch")
    desk.refused("deploy", NEXT, "--target", "no-service", code=3, says=says)


def test_nothing_listens_where_the_site_should_be(desk: Desk) -> None:
    says = ("Caddy does not answer", "Connection refused")
    with desk.provisioned("silent"):
        desk.refused("deploy", NEXT, "--target", "silent", code=3, says=says, recorded=True)


def test_another_site_answers(desk: Desk) -> None:
    with desk.provisioned("foreign"), plain_site(desk.stage.foreign_port):
        says = ("status 200 from no slot",)
        desk.refused("deploy", NEXT, "--target", "foreign", code=3, says=says, recorded=True)


def test_port_of_the_idle_slot_is_taken(desk: Desk) -> None:
    port = desk.stage.ports[0]  # the first release went to green
    # A process of its own: l9 runs as a fork of this one, and would share the socket with it.
    listens = f"import socket; s = socket.create_server(('127.0.0.1', {port})); print(1, flush=True); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen((sys.executable, "-c", listens), stdin=pipe, stdout=pipe) as stranger:
        assert stranger.stdout is not None
        stranger.stdout.readline()
        says = (f"port {port} free", f"held by pid {stranger.pid}")
        desk.refused("deploy", NEXT, code=3, says=says, recorded=True)
        stranger.communicate(b"\n")


@pytest.mark.parametrize(
    ("target", "says"), [("full", "MB of disk free"), ("crowded", "MB of memory available")]
)
def test_too_little_room(desk: Desk, target: str, says: str) -> None:
    with desk.provisioned(target):
        desk.refused("deploy", NEXT, "--target", target, code=3, says=("1000000000 MB", says), recorded=True)


def test_journal_that_cannot_be_written(desk: Desk) -> None:
    (desk.work / ".git" / "l9" / "journal.jsonl").unlink()  # the operator's own stays below the limit
    desk.largest_file = desk.stage.layout.journal.stat().st_size
    desk.refused("deploy", NEXT, code=3, says=("a file operation failed on the host", "File too large"))


def test_directory_where_the_journal_should_be(desk: Desk) -> None:
    journal = desk.stage.layout.journal
    aside = journal.rename(journal.with_name("aside"))
    journal.mkdir()
    try:
        for command in (("status",), ("deploy", NEXT)):
            done = desk.l9(*command, "--json")
            last = json.loads(done.stdout.splitlines()[-1])
            assert (done.returncode, last["code"]) == (3, "ACTION"), (done.stdout, done.stderr)
            assert "Is a directory" in last["evidence"][0]["observed"]
    finally:
        journal.rmdir()
        aside.rename(journal)


ENV = Callable[[Path], object]


def _without(key: str) -> ENV:
    def change(path: Path) -> None:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(x for x in lines if not x.startswith(f"{key}=")), encoding="utf-8")

    return change


def _emptied(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    secret = next(x for x in text.splitlines() if x.startswith("L9_EXECUTOR_API_KEY="))
    path.write_text(text.replace(secret, "L9_EXECUTOR_API_KEY="), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (Path.unlink, ("an environment file", "none")),
        (_without("MEMORY_DSN"), ("every key of .env.example", "missing: MEMORY_DSN")),
        (_emptied, ("every key of .env.example", "missing: L9_EXECUTOR_API_KEY")),
        (lambda path: path.chmod(0o644), ("readable by its owner only", "mode 0644")),
    ],
    ids=["missing", "lacking", "empty", "world-readable"],
)
def test_environment_file(desk: Desk, change: ENV, says: tuple[str, ...]) -> None:
    with kept(desk.stage.host / ".env") as path:
        change(path)
        answer = desk.refused("deploy", NEXT, code=3, says=says, recorded=True)
    assert desk.stage.api_key not in answer.text + json.dumps(answer.document)
