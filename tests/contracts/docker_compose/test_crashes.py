"""The deployer is killed after each change that an act makes; the same act again completes it."""

from __future__ import annotations

import pytest

from docker_compose.project import (
    BLUE,
    V1,
    Project,
)

pytestmark = pytest.mark.host


class Killed(BaseException):
    """The deployer was killed: nothing after this ran."""


def dies_after(project: Project, changes: int) -> None:
    """Let the project's runtime die after that many changing calls to the engine or to compose."""
    left = [changes]
    runtime = project.again()
    project.runtime = runtime
    ask, read = runtime._engine._request, runtime._cli.read

    def request(method: str, *args: object, **how: object) -> bytes:
        found = ask(method, *args, **how)  # type: ignore[arg-type]
        if method != "GET":
            tick()
        return found

    def run(argv: tuple[str, ...], *args: object, **how: object) -> object:
        found = read(argv, *args, **how)  # type: ignore[arg-type]
        if "up" in argv:
            tick()
        return found

    def tick() -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    runtime._engine._request = request  # type: ignore[method-assign]
    runtime._cli.read = run  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("before", "act", "status"),
    [
        ("running", "pause", "paused"),
        ("paused", "stop", "exited"),
        ("paused", "wake", "running"),
        ("exited", "wake", "running"),
        ("evicted", "wake", "running"),
        ("absent", "start", "running"),
        ("created", "start", "running"),
        ("exited", "start", "running"),
        ("evicted", "start", "running"),
        ("paused", "remove", "absent"),
        ("paused", "evict", "absent"),
        ("evicted", "restore", "exited"),
    ],
)
def test_an_act_cut_short_is_completed_by_repeating_it(
    project: Project, before: str, act: str, status: str
) -> None:
    project.deploy(BLUE, V1)
    for death in range(1, 9):
        bring_to(project, before)
        dies_after(project, death)
        try:
            getattr(project.runtime, act)(BLUE, V1)
        except Killed:
            getattr(project.again(), act)(BLUE, V1)
        else:
            break
        finally:
            project.runtime = project.again()
        assert project.state(BLUE).status == status, f"killed after change {death}"
        policy = "always" if status == "running" else "no"
        name = f"shop-blue-{V1}" if act == "evict" else "shop-blue"
        if status != "absent" or act == "evict":
            assert project.inspect(name, "{{.HostConfig.RestartPolicy.Name}}") == policy
        kept = f"shop-blue-{V1}" in project.names()
        assert kept == (act == "evict")
    else:
        pytest.fail("it never came to an end")
    assert death > 1, "the act changed nothing, so that nothing was tried"


def bring_to(project: Project, status: str) -> None:
    project.runtime.wake(BLUE, V1)
    project.get(BLUE)  # a program that does not listen for SIGTERM yet would use up its time to stop
    if status in ("absent", "created"):
        project.docker("rm", "--force", "shop-blue")
    if status == "paused":
        project.runtime.pause(BLUE, V1)
    elif status == "exited":
        project.docker("stop", "shop-blue")
    elif status == "evicted":
        project.runtime.evict(BLUE, V1)
    elif status == "created":
        file = project.layout.release(V1) / "blue.json"
        project.docker("compose", "--file", str(file), "create")
