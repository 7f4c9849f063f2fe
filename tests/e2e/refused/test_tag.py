"""Tags that are not released."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from e2e.refusals import Desk
from e2e.refusing_stage import NEXT

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(120)]


@pytest.mark.parametrize("command", ["deploy", "cgmp"])
def test_no_such_tag(desk: Desk, command: str) -> None:
    answer = desk.refused(command, "v9.9.9-l9", code=3, says=("a tag v9.9.9-l9", "no such tag"))
    assert any(r.startswith("git tag -a v9.9.9-l9") for r in answer.remedies)
    assert set(answer.remedies) <= {answer.remedies[0], "git tag"}


def test_plan_of_no_such_tag(desk: Desk) -> None:
    done = desk.l9("plan", "v9.9.9-l9", "--json")
    gates = json.loads(done.stdout)["gates"]
    assert done.returncode == 3
    assert next(g["gate"] for g in gates if g["verdict"] == "fail") == "LOCAL-READY"


def test_lightweight_tag(desk: Desk) -> None:
    desk.git("tag", "v0.6.0-l9")
    answer = desk.refused("deploy", "v0.6.0-l9", code=3, says=("an annotated tag", "a lightweight tag"))
    # The remedy is a command that mends it: typed as it is, the same deploy gets past this gate.
    subprocess.run(shlex.split(answer.remedies[0]), cwd=desk.work, check=True, capture_output=True)
    assert "LOCAL-READY" in desk.l9("cgmp", "v0.6.0-l9").stderr
    assert desk.l9("cgmp", "v0.6.0-l9").returncode == 0


NAMES = (
    "v0.6-l9", "release-1", "v01.0.0-l9", "v1.0.0", "v1.0.0-l9; rm -rf /", "$(id)", "v1.0.0-l9\n", "`id`", "",
    "v١.٠.٠-l9", "v1.0.0-l9 ", "v1.0.0-l9/../../x", "refs/heads/main", "HEAD", "v1.0.0-l9^{}", "\udcff",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_name_that_is_no_releases(desk: Desk, name: str) -> None:
    desk.refused("deploy", name, code=2, says=("a tag like v<major>.<minor>.<patch>-l9",))


@pytest.mark.parametrize("command", ["deploy", "rollback", "plan", "cgmp"])
def test_name_like_an_option(desk: Desk, command: str) -> None:
    desk.refused(command, "--", "--upload-pack=x", code=2, says=("invalid tag name", "--upload-pack=x"))
    desk.refused(command, "--upload-pack=x", code=2, says=("No such option '--upload-pack'",))


def test_tag_not_on_main(desk: Desk) -> None:
    desk.git("switch", "--quiet", "--create", "side")
    desk.commit("api/side.txt", "not reviewed")
    desk.git("tag", "-a", "v0.6.0-l9", "-m", "Release v0.6.0-l9: From the side")
    desk.git("switch", "--quiet", "main")
    answer = desk.refused("deploy", "v0.6.0-l9", code=3, says=("reachable from main",))
    assert answer.remedies == ["git merge v0.6.0-l9"]


def test_tag_without_a_message(desk: Desk) -> None:
    desk.git("tag", "-a", "v0.6.0-l9", "-m", "", "--cleanup=verbatim")
    desk.refused("deploy", "v0.6.0-l9", code=3, says=("a tag message", "an empty message"))


def test_tag_moved(desk: Desk) -> None:
    desk.git("tag", "-a", "-f", NEXT, f"{NEXT}^{{}}", "-m", f"Release {NEXT}: Make another object")
    answer = desk.refused("deploy", NEXT, code=3, says=("origin has a different object under this name",))
    assert answer.remedies == [f"git ls-remote origin {NEXT}"]
