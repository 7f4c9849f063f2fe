"""Test cases that are no bad input at all: spaces and umlauts in every path, Ctrl-C, terminals."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.embedded_place import QUICK_TEST
from e2e.loopback import launcher
from e2e.place import l9_json
from e2e.refusals import Desk, kept, on_terminal, world
from e2e.refusing_stage import LIVE, NEXT, Refusing, staged

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def spaced() -> Iterator[Refusing]:
    with staged("Grüße aus dem Büro/l9 stage") as made:
        launcher(made.host)
        with made.sshd.running():
            yield made


def test_paths_with_spaces_and_umlauts(spaced: Refusing) -> None:
    """The whole way: Caddy's file, git, the agent over ssh, the slots, the journal."""
    desk = Desk(spaced, spaced.work, spaced.origin)
    (spaced.work / "Größe der Welt.txt").touch()
    spaced.release("v0.5.2-l9")
    over = ("--target", "over-ssh")
    deployed = desk.l9("deploy", "v0.5.2-l9", *over, "--json")
    result = json.loads(deployed.stdout.splitlines()[-1])["answer"]
    assert (result["outcome"], result["live"]) == ("SUCCESS", "v0.5.2-l9"), deployed.stdout[-3000:]
    assert json.loads(desk.l9("drift", "--json", *over).stdout)["drift"] == []
    assert "Uvicorn" in desk.l9("logs", *over).stdout
    back = desk.l9("rollback", "--json", *over)
    assert json.loads(back.stdout.splitlines()[-1])["answer"]["live"] == LIVE, back.stdout[-3000:]
    assert json.loads(desk.l9("history", "--verify", "--json").stdout)["verified"] is True
    assert json.loads(desk.l9("status", "--json").stdout)["live"]["release"] == LIVE
    with kept(spaced.host / ".env") as path:
        path.chmod(0o640)
        answer = desk.refused("deploy", NEXT, *over, code=3, says=("mode 0640",), recorded=True)
    assert shlex.split(answer.remedies[0])[:2] == ["chmod", "600"]
    assert shlex.split(answer.remedies[0])[2] == str(path)


def in_foreground(argv: tuple[str, ...], cwd: Path) -> subprocess.Popen[str]:
    """As a shell starts a command: in a process group of its own, which Ctrl-C goes to."""
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, cwd=cwd, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def test_interrupted_by_the_operator(spaced: Refusing) -> None:
    """Ctrl-C ends the watching, says so, and the run on the host goes on to a good end."""
    argv = (sys.executable, "-m", "l9", "deploy", NEXT, "--json")
    watching = in_foreground(argv, spaced.work)
    assert watching.stdout is not None
    line = next(line for line in watching.stdout if '"BLUE-GREEN-LAUNCH"' in line)
    os.killpg(watching.pid, signal.SIGINT)  # as a terminal does: to l9, and to the agent that it asked
    out, err = watching.communicate(timeout=20)
    last = json.loads((line + out).splitlines()[-1])
    assert (watching.returncode, last["code"], last["schema"]) == (130, "INTERRUPTED", "l9.error/1")
    assert "the run on the host continues" in last["message"]
    assert last["remedy"] == [{"command": "l9 resume", "when": ""}]
    assert "Traceback" not in err
    resumed = l9_json(spaced, "resume")
    assert resumed["live"] in (None, NEXT)  # attached to it, or came after its end
    assert l9_json(spaced, "status")["live"]["release"] == NEXT


def test_interrupted_before_the_host_is_asked(desk: Desk) -> None:
    config = desk.work / "l9.toml"
    text = config.read_text(encoding="utf-8")
    slow = text.replace(json.dumps(QUICK_TEST), json.dumps(["{python}", "-c", "import time; time.sleep(20)"]))
    desk.commit("l9.toml", slow)
    desk.git("tag", "-a", "v0.6.0-l9", "-m", "Release v0.6.0-l9: With slow tests")
    argv = (sys.executable, "-m", "l9", "deploy", "v0.6.0-l9")
    running = in_foreground(argv, desk.work)
    assert running.stderr is not None
    next(line for line in running.stderr if "VERSION-LOCK" in line)
    before = world(desk)
    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "interrupted before anything was started on the host" in err
    assert "Traceback" not in err
    assert world(desk) == before


@pytest.mark.parametrize(
    ("env", "styled"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
    ids=["colours", "NO_COLOR", "dumb"],
)  # fmt: skip
def test_colours_on_a_terminal(desk: Desk, env: dict[str, str], styled: bool) -> None:
    shown = on_terminal(("cgmp", NEXT), desk.work, {"TERM": "xterm-256color", **env})
    assert "CREATE-ANNOTATED-TAG" in shown
    assert bool(re.search(r"\x1b\[[0-9;]*m", shown)) is styled
    assert ("\x1b" in shown) is (env.get("TERM") != "dumb")
