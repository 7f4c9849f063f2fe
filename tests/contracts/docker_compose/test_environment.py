"""The host's environment file, and no other environment, reaches a release; its values reach nobody else."""

from __future__ import annotations

import pytest

from docker_compose.project import (
    BLUE,
    ONE_SERVICE,
    V1,
    WITH_DATABASE,
    Project,
    commit,
)
from l9.errors import ActionError
from l9.protocol.answers.error import Error

pytestmark = pytest.mark.host


def test_the_hosts_env_wins_over_a_tracked_one_and_the_tree_stays_the_tags(project: Project) -> None:
    project.tag(V1, files={".env": "TOKEN=dummy\nPLAIN=no\n"})
    project.runtime.build(V1, commit(V1), project.said.append)
    project.runtime.start_services(V1, project.said.append)
    project.runtime.start(BLUE, V1)
    assert project.env(BLUE)["TOKEN"] == "s3cr$et value"
    assert project.get(BLUE, "/app/.env")["file"] == "TOKEN=dummy\nPLAIN=no\n"
    assert (project.layout.tree(V1) / ".env").read_text() == "TOKEN=dummy\nPLAIN=no\n"


def test_a_tree_left_with_the_hosts_env_by_a_killed_build_is_put_right(project: Project) -> None:
    project.tag(V1, files={".env": "TOKEN=dummy\n"})
    tree = project.layout.tree(V1)
    (tree / ".env").rename(project.layout.release(V1) / "env-of-tag")
    (tree / ".env").symlink_to(project.layout.env_snapshot(V1))
    project.runtime.build(V1, commit(V1), project.said.append)
    assert (tree / ".env").read_text() == "TOKEN=dummy\n"
    assert not (project.layout.release(V1) / "env-of-tag").exists()


def test_env_files_that_only_the_host_has(project: Project) -> None:
    project.write("envs/prod/web.env", "WEB=1\n")
    project.tag(V1, ONE_SERVICE.replace("env_file: .env", "env_file: [.env, envs/prod/web.env]"))
    project.runtime.build(V1, commit(V1), project.said.append)
    project.runtime.start_services(V1, project.said.append)
    project.runtime.start(BLUE, V1)
    assert project.env(BLUE)["WEB"] == "1"


def test_the_operators_own_environment_stays_out(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in (("PLAIN", "leaked"), ("COMPOSE_PROFILES", "debug"), ("COMPOSE_PROJECT_NAME", "other")):
        monkeypatch.setenv(key, value)
    project.deploy(BLUE, V1, ONE_SERVICE.replace("env_file: .env", 'environment: {PLAIN: "${PLAIN}"}'))
    assert project.env(BLUE)["PLAIN"] == "yes"


def test_profiles_of_the_env_file_say_which_services_there_are(project: Project) -> None:
    project.write(".env", "COMPOSE_PROFILES=queue\n")
    more = "  {}:\n    image: l9-contract/base:1\n    command: [sleep]\n    profiles: [{}]\n"
    compose = WITH_DATABASE.replace(
        "volumes: {data", "%svolumes: {data" % (more.format("q", "queue") + more.format("x", "x"))
    )
    project.tag(V1, compose)
    project.runtime.build(V1, commit(V1), project.said.append)
    assert set(project.runtime.services(V1).status) == {"db", "q"}


@pytest.mark.parametrize("env", ["TOKEN='hunter2-unclosed\n", "TOKEN=${hunter2-\n", "GOOD hunter2-word=1\n"])
def test_a_malformed_env_file_is_refused_without_its_values(project: Project, env: str) -> None:
    project.write(".env", env)
    project.tag(V1)
    with pytest.raises(ActionError) as refused:
        project.runtime.build(V1, commit(V1), project.said.append)
    assert "cannot be resolved" in refused.value.message
    assert refused.value.log
    assert "hunter2" not in str(Error.of(refused.value))
