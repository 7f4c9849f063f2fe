"""Origins that do not take, or do not have, what is released."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from e2e.refusals import Desk
from e2e.refusing_stage import NEXT

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(120)]


def test_no_origin(desk: Desk) -> None:
    desk.git("remote", "remove", "origin")
    answer = desk.refused("deploy", NEXT, code=3, says=("a remote named origin", "none"))
    assert answer.remedies == ["git remote add origin URL"]


@pytest.mark.parametrize("kind", ["gone", "ssh", "http"])
def test_origin_that_does_not_answer(desk: Desk, kind: str) -> None:
    port = desk.stage.closed_port
    url, says = {
        "gone": (f"{desk.origin}-gone", "does not appear to be a git repository"),
        "ssh": (f"ssh://git@127.0.0.1:{port}/app.git", "Connection refused"),
        "http": (f"http://127.0.0.1:{port}/app.git", "unable to access"),
    }[kind]
    desk.git("remote", "set-url", "origin", url)
    desk.refused("deploy", NEXT, code=3, says=("were not pushed", says))


def test_origin_is_ahead(desk: Desk, tmp_path: Path) -> None:
    other = Desk(desk.stage, tmp_path / "other", desk.origin)
    desk.git("clone", "--quiet", str(desk.origin), str(other.work))
    other.commit("theirs.txt", "theirs")
    other.git("push", "--quiet", "origin", "main")
    desk.commit("ours.txt", "ours")
    desk.git("tag", "-a", "v0.6.0-l9", "-m", "Release v0.6.0-l9: Ours")
    answer = desk.refused("deploy", "v0.6.0-l9", code=3, says=("refs/heads/main [rejected]",))
    assert answer.remedies == ["git pull --no-rebase origin main"]
    desk.git(*shlex.split(answer.remedies[0])[1:])
    assert desk.l9("cgmp", "v0.6.0-l9").returncode == 0  # the tagged commit is still on main


def test_origin_declines(desk: Desk) -> None:
    hook = desk.origin / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho no releases on Fridays\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    desk.commit("ours.txt", "ours")
    desk.git("tag", "-a", "v0.6.0-l9", "-m", "Release v0.6.0-l9: Ours")
    desk.refused("deploy", "v0.6.0-l9", code=3, says=("pre-receive hook declined", "no releases on Fridays"))
