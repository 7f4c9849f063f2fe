"""Each act on a slot, done twice, and on slots that are not what they should be."""

from __future__ import annotations

import time

import pytest

from docker_compose.no_freezer import no_freezer
from docker_compose.own_docker import BASE, DOCKER
from docker_compose.project import (
    BLUE,
    DOCKERFILE,
    ONE_SERVICE,
    V1,
    V2,
    Project,
    commit,
)
from l9.drivers.docker.engine import Engine
from l9.drivers.docker.runtime import ComposeRuntime
from l9.errors import ActionError

pytestmark = pytest.mark.host


def test_start_is_done_once(project: Project) -> None:
    made = project.deploy(BLUE, V1)
    project.runtime.start(BLUE, V1)
    assert project.id(BLUE) == made
    project.docker("pause", "shop-blue")
    project.again().start(BLUE, V1)
    assert (project.id(BLUE), project.state(BLUE).status) == (made, "running")
    project.docker("stop", "shop-blue")
    project.again().start(BLUE, V1)  # what does not run is made anew
    assert project.id(BLUE) != made
    assert project.state(BLUE).status == "running"


def test_a_slot_holds_one_release(project: Project) -> None:
    made = project.deploy(BLUE, V1)
    project.tag(V2)
    project.runtime.build(V2, commit(V2), project.said.append)
    for act in (project.runtime.start, project.runtime.wake, project.runtime.pause, project.runtime.restore):
        with pytest.raises(ActionError) as refused:
            act(BLUE, V2)
        assert refused.value.found == V1
    for act in (project.runtime.stop, project.runtime.remove, project.runtime.evict):
        act(BLUE, V2)
    assert (project.id(BLUE), project.state(BLUE).status) == (made, "running")


def test_a_container_that_l9_did_not_make_is_left_alone(project: Project) -> None:
    project.docker("run", "--detach", "--name", "shop-blue", BASE, "python3", "-m", "http.server")
    foreign = project.id(BLUE)
    project.tag(V1)
    project.runtime.build(V1, commit(V1), project.said.append)
    assert (project.state(BLUE).release, project.state(BLUE).status) == (None, "running")
    assert list(project.runtime.read_log(BLUE, 0).read()) == []
    assert project.runtime.log_tail(BLUE, 9) == []
    with pytest.raises(ActionError, match="slot blue is not free") as refused:
        project.runtime.start(BLUE, V1)
    assert refused.value.remedy == "docker rename shop-blue shop-blue-before-l9"
    for act in (project.runtime.stop, project.runtime.remove, project.runtime.evict):
        act(BLUE, V1)
    project.runtime.prune(())
    assert (project.id(BLUE), project.state(BLUE).status) == (foreign, "running")


def test_pause_and_wake(project: Project) -> None:
    made = project.deploy(BLUE, V1)
    for _ in range(2):
        project.runtime.pause(BLUE, V1)
        assert project.state(BLUE).status == "paused"
        assert project.inspect("shop-blue", "{{.HostConfig.RestartPolicy.Name}}") == "no"
    for _ in range(2):
        project.runtime.wake(BLUE, V1)
        assert project.state(BLUE).status == "running"
        assert project.inspect("shop-blue", "{{.HostConfig.RestartPolicy.Name}}") == "always"
    assert project.env(BLUE)["L9_RELEASE"] == V1
    assert project.id(BLUE) == made


def test_a_container_that_somebody_renamed_stays_the_slots_own(project: Project) -> None:
    made = project.deploy(BLUE, V1)
    project.docker("rename", "shop-blue", "by-hand")
    assert (project.state(BLUE).status, project.state(BLUE).release) == ("running", V1)
    project.runtime.wake(BLUE, V1)
    assert project.id(BLUE) == made
    project.docker("rename", "shop-blue", "by-hand")
    project.runtime.pause(BLUE, V1)
    assert project.inspect("by-hand", "{{.State.Status}}") == "paused"
    project.runtime.evict(BLUE, V1)
    assert "by-hand" not in project.names()
    assert project.state(BLUE).status == "absent"  # one that is kept for its release is in no slot
    project.runtime.wake(BLUE, V1)
    assert (project.id(BLUE), project.state(BLUE).status) == (made, "running")


def test_a_stopped_slot_does_not_start_with_the_engine(project: Project) -> None:
    project.deploy(BLUE, V1)
    project.docker("stop", "shop-blue")  # by hand: it is stopped, and its policy is still to restart it
    project.runtime.stop(BLUE, V1)
    assert project.inspect("shop-blue", "{{.HostConfig.RestartPolicy.Name}}") == "no"


def probed(interval: str, seconds: float) -> str:
    """The one service with a healthcheck that takes its time."""
    check = f'{{test: ["CMD", "python3", "-c", "import time; time.sleep({seconds})"], interval: {interval}}}'
    return ONE_SERVICE.replace("    build: .\n", f"    build: .\n    healthcheck: {check}\n")


def test_a_pause_catches_no_health_probe(project: Project) -> None:
    made = project.deploy(BLUE, V1, probed("2s", 0.5))
    for wait in (0.0, 1.2, 2.4, 0.3):
        time.sleep(wait)
        assert project.runtime.pause(BLUE, V1) == "shop-blue paused"
        assert project.state(BLUE).status == "paused"
        assert project.inspect("shop-blue", "{{json .ExecIDs}}") in ("null", "[]")
        assert project.runtime.wake(BLUE, V1) == "shop-blue unpaused"
    assert project.id(BLUE) == made


def test_a_slot_that_is_never_at_rest_stands_by_stopped(project: Project) -> None:
    project.deploy(BLUE, V1, probed("100ms", 0.1))
    assert "stopped" in project.runtime.pause(BLUE, V1)
    assert project.state(BLUE).status == "exited"
    assert "started" in project.runtime.wake(BLUE, V1)
    assert project.state(BLUE).status == "running"


FORKS = (
    'command: ["python3", "-c", "import os, runpy; os.fork() and os.wait(); runpy.run_path(\'/app/app.py\')"]'
)


def forking(compose: str) -> str:
    """The same service, whose first process only waits for a worker."""
    at = compose.index("image:") if "build:" not in compose else compose.index("build:")
    indent = compose[compose.rindex("\n", 0, at) + 1 : at]
    return f"{compose[:at]}{FORKS}\n{indent}{compose[at:]}"


def test_a_release_of_several_processes_stands_by_stopped(project: Project) -> None:
    project.deploy(BLUE, V1, forking(ONE_SERVICE))
    assert "it works in 2 processes" in project.runtime.pause(BLUE, V1)
    assert project.state(BLUE).status == "exited"
    assert "started" in project.runtime.wake(BLUE, V1)
    assert project.state(BLUE).status == "running"


@pytest.mark.parametrize(("mode", "status"), [("pause", "paused"), ("stop", "exited"), ("auto", "paused")])
def test_the_mode_of_standby_is_the_servers(project: Project, mode: str, status: str) -> None:
    project.configure(f'standby.mode = "{mode}"')
    project.deploy(BLUE, V1)
    project.runtime.pause(BLUE, V1)
    assert project.state(BLUE).status == status


@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize("freezes", [True, False])
def test_a_slot_that_the_engine_cannot_freeze_stands_by_stopped(
    project: Project, *, freezes: bool, answers: bool
) -> None:
    made = project.deploy(BLUE, V1)
    with no_freezer(project.host, freezes=freezes, answers=answers) as host:
        runtime = ComposeRuntime(project.config, project.layout, host=host, program=DOCKER)
        assert "shop-blue stopped, not paused: " in runtime.pause(BLUE, V1)
        assert project.state(BLUE).status == "exited"
        assert project.docker("logs", "shop-blue").endswith("INFO terminated")
        assert "started" in runtime.wake(BLUE, V1)
    assert (project.id(BLUE), project.env(BLUE)["L9_RELEASE"]) == (made, V1)


def test_who_is_unpaused_twice_goes_on(project: Project) -> None:
    project.deploy(BLUE, V1)
    project.runtime.pause(BLUE, V1)
    engine = Engine(project.host)
    for _ in range(2):
        engine.unpause("shop-blue")
        assert project.state(BLUE).status == "running"


def test_stop_is_graceful_also_for_a_paused_slot(project: Project) -> None:
    made = project.deploy(BLUE, V1)
    project.runtime.pause(BLUE, V1)
    for _ in range(2):
        project.runtime.stop(BLUE, V1)
        assert (project.state(BLUE).status, project.state(BLUE).exit_code) == ("exited", 0)
    assert project.docker("logs", "shop-blue").endswith("INFO terminated")
    project.runtime.pause(BLUE, V1)  # nothing to freeze
    assert project.state(BLUE).status == "exited"
    assert "started" in project.runtime.wake(BLUE, V1)
    assert (project.id(BLUE), project.env(BLUE)["L9_RELEASE"]) == (made, V1)


def test_wake_makes_anew_what_is_gone(project: Project) -> None:
    project.deploy(BLUE, V1)
    project.docker("rm", "--force", "shop-blue")
    assert "created" in project.runtime.wake(BLUE, V1)
    assert project.env(BLUE)["L9_RELEASE"] == V1
    project.runtime.stop(BLUE, V1)
    project.docker("network", "rm", "shop_default")
    assert "created" in project.runtime.wake(BLUE, V1)
    assert project.env(BLUE)["L9_RELEASE"] == V1


def test_evict_and_restore(project: Project) -> None:
    made = project.deploy(BLUE, V1)
    for _ in range(2):
        project.runtime.evict(BLUE, V1)
        assert project.state(BLUE).status == "absent"
        assert project.inspect(f"shop-blue-{V1}", "{{.Id}} {{.State.Status}}") == f"{made} exited"
    project.deploy(BLUE, V2)
    assert project.inspect(f"shop-blue-{V1}", "{{.Id}} {{.State.Status}}") == f"{made} exited"
    with pytest.raises(ActionError, match="not free"):
        project.runtime.restore(BLUE, V1)
    project.runtime.remove(BLUE, V2)
    for _ in range(2):
        project.runtime.restore(BLUE, V1)
        assert (project.id(BLUE), project.state(BLUE).status) == (made, "exited")
    project.runtime.wake(BLUE, V1)
    assert project.env(BLUE)["L9_RELEASE"] == V1


def test_wake_takes_back_a_kept_container(project: Project) -> None:
    made = project.deploy(BLUE, V1)
    project.runtime.evict(BLUE, V1)
    project.runtime.wake(BLUE, V1)
    assert (project.id(BLUE), project.env(BLUE)["L9_RELEASE"]) == (made, V1)


def test_a_release_that_was_kept_starts_anew(project: Project) -> None:
    """Compose knows the kept container by its project; it must neither start nor rename that one."""
    kept = project.deploy(BLUE, V1)
    project.runtime.evict(BLUE, V1)
    assert project.deploy(BLUE, V1) != kept
    assert f"shop-blue-{V1}" not in project.names()
    project.runtime.evict(BLUE, V1)
    project.runtime.evict(BLUE, V1)
    assert f"shop-blue-{V1}" in project.names()


def test_remove(project: Project) -> None:
    project.deploy(BLUE, V1)
    project.runtime.pause(BLUE, V1)
    for _ in range(2):
        project.runtime.remove(BLUE, V1)
        assert project.names() == set()


def test_a_crash_loop_is_seen(project: Project) -> None:
    project.deploy(BLUE, V1)
    with pytest.raises(OSError):
        project.get(BLUE, "/crash", patience=0)
    project.get(BLUE)
    assert project.state(BLUE).restarts == 1


def test_docker_health_is_known_soon(project: Project) -> None:
    check = 'HEALTHCHECK --interval=30s CMD ["python3", "-c", "open(\'/app/version\')"]'
    project.tag(V1, files={"Dockerfile": DOCKERFILE + check})
    project.runtime.build(V1, commit(V1), project.said.append)
    project.runtime.start_services(V1, project.said.append)
    project.runtime.start(BLUE, V1)
    assert project.state(BLUE).health in ("starting", "healthy")
    until = time.monotonic() + 10
    while project.state(BLUE).health != "healthy":
        assert time.monotonic() < until
        time.sleep(0.05)
