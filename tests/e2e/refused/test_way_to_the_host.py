"""Hosts that cannot be reached, and agents that are not ours."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from e2e.loopback import launcher
from e2e.refusals import Desk
from e2e.refusing_stage import NEXT
from l9 import __version__
from l9.graph import GRAPH
from l9.protocol.requests import SCHEMA

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(120)]


@pytest.mark.parametrize("command", [("status",), ("deploy", NEXT), ("rollback",)])
def test_unreachable_host(desk: Desk, command: tuple[str, ...]) -> None:
    says = ("ssh: 127.0.0.1 refused the connection", "Connection refused")
    answer = desk.refused(*command, "--target", "unreachable", code=3, says=says)
    port = desk.stage.closed_port
    assert answer.remedies == [f"ssh -F /dev/null -p {port} 127.0.0.1 true"]


@pytest.mark.usefixtures("ssh")
@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("unknown-key", "the host key of 127.0.0.1 is unknown"),
        ("changed-key", "the host key of 127.0.0.1 has changed"),
    ],
)
def test_wrong_host_key(desk: Desk, target: str, says: str) -> None:
    answer = desk.refused("status", "--target", target, code=3, says=(says, "Host key verification failed"))
    assert answer.remedies[0].endswith(" 127.0.0.1 true")


@pytest.mark.usefixtures("ssh")
def test_host_without_the_agent(desk: Desk) -> None:
    answer = desk.refused(
        "status", "--target", "no-agent", code=3, says=("no agent of this l9 answers", "bare host")
    )
    assert answer.remedies == ["l9 provision --target no-agent"]


HELLO = {"type": "hello", "version": "9.9.9", "graph": "0", "host": "vps", "schema": SCHEMA}
NEWER = f"echo '{json.dumps(HELLO)}'\n"
STRANGE = 'echo \'{"type": "greeting"}\'\necho login banner\nexit 3\n'


@pytest.mark.usefixtures("ssh")
@pytest.mark.parametrize(
    ("script", "code", "says"),
    [
        (NEWER, 2, ("a different version", "version 9.9.9 on vps")),
        (STRANGE, 3, ("no agent of this l9 answers", "exit code 3")),
        (
            "echo 'python3: not found' >&2\nexit 127\n",
            3,
            ("no agent of this l9 answers", "python3: not found"),
        ),
    ],
    ids=["newer", "strange", "broken"],
)
def test_agent_that_is_not_ours(desk: Desk, script: str, code: int, says: tuple[str, ...]) -> None:
    launcher(desk.stage.root / "other", script)
    desk.refused("deploy", NEXT, "--target", "other-agent", code=code, says=says)


@pytest.mark.usefixtures("ssh")
def test_link_that_drops(desk: Desk) -> None:
    hello = {**HELLO, "version": __version__, "graph": GRAPH.digest}
    launcher(desk.stage.root / "other", f"echo '{json.dumps(hello)}'\necho 'Connection reset' >&2\n")
    to = ("--target", "other-agent")
    desk.refused("status", *to, code=3, says=("dropped before the answer", "Connection reset"))
    answer = desk.refused("deploy", NEXT, *to, code=130, says=("the run continues there",))
    assert answer.remedies == ["l9 resume --target other-agent"]
    assert answer.document["changed"] is True  # nobody here can know


@pytest.mark.usefixtures("ssh")
def test_over_ssh_it_is_the_same(desk: Desk) -> None:
    local, over_ssh = (
        json.loads(desk.l9("status", "--json", "--target", t).stdout) for t in ("production", "over-ssh")
    )
    assert over_ssh["live"] == local["live"]


def test_no_ssh_on_this_machine(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(shutil.which("git") or "git")
    desk.env["PATH"] = str(tmp_path / "bin")
    desk.refused("status", "--target", "unreachable", code=3, says=("ssh cannot be run",))


def test_no_git_on_this_machine(desk: Desk, tmp_path: Path) -> None:
    desk.env["PATH"] = str(tmp_path)
    desk.refused("cgmp", NEXT, code=3, says=("git cannot be run",))
