"""One service or two, with a network of their own or the host's: two slots come out."""

from __future__ import annotations

import pytest

from docker_compose.project import (
    BLUE,
    DOCKERFILE,
    GREEN,
    HOST_NETWORK,
    TWO_SERVICES,
    V1,
    V2,
    WITH_DATABASE,
    Project,
    commit,
    mode,
)

pytestmark = pytest.mark.host


def test_one_service_becomes_two_slots(project: Project) -> None:
    project.deploy(BLUE, V1, WITH_DATABASE)
    project.deploy(GREEN, V2, WITH_DATABASE)
    for slot, release in ((BLUE, V1), (GREEN, V2)):
        state, env = project.state(slot), project.env(slot)
        assert (state.status, state.release, state.restarts) == ("running", release, 0)
        assert state.image == project.runtime.image(release).digest
        assert (env["L9_RELEASE"], env["L9_SLOT"], env["L9_COMMIT"]) == (release, str(slot), commit(release))
        assert (env["TOKEN"], env["PLAIN"]) == ("s3cr$et value", "yes")
        assert state.started_at > 1_700_000_000
        ports = project.inspect(f"shop-{slot}", "{{json .HostConfig.PortBindings}}")
        port = project.ports[slot is GREEN]
        assert ports == f'{{"8000/tcp":[{{"HostIp":"127.0.0.1","HostPort":"{port}"}}]}}'
        assert project.inspect(f"shop-{slot}", "{{.HostConfig.RestartPolicy.Name}}") == "always"
    project.put(BLUE, "/data/note", "shared")
    assert project.get(GREEN, "/data/note")["file"] == "shared"
    assert project.docker("volume", "ls", "--quiet") == "shop_data\nshop_dbdata"
    look = "import socket; print(socket.gethostbyname('shop-blue') != socket.gethostbyname('shop-green'))"
    assert project.docker("exec", "shop-db-1", "python3", "-c", look) == "True"
    alias = "{{json .NetworkSettings.Networks.shop_default.Aliases}}"
    assert '"shop"' not in project.inspect("shop-blue", alias)  # or both slots would answer to it


def test_the_image_is_the_tags_tree_and_nothing_of_the_host(project: Project) -> None:
    project.deploy(BLUE, V1)
    listing = project.docker(
        "exec", "shop-blue", "python3", "-c", "import os; print(sorted(os.listdir('/app')))"
    )
    assert listing == "['Dockerfile', 'app.py', 'compose.yaml', 'version']"
    for snapshot in (project.layout.env_snapshot(V1), project.layout.compose_snapshot(V1)):
        assert mode(snapshot) == 0o600
    assert {mode(f) for f in project.layout.release(V1).glob("*.json")} == {0o600}


def test_two_services_of_the_specs_form(project: Project) -> None:
    files = {"docker/docker-compose.yml": TWO_SERVICES, "docker/Dockerfile": DOCKERFILE}
    for slot, release in ((BLUE, V1), (GREEN, V2)):
        project.tag(release, files=files)
        project.runtime.build(release, commit(release), project.said.append)
        assert project.runtime.services(release).status == {}
        project.runtime.start_services(release, project.said.append)
        project.runtime.start(slot, release)
        assert project.env(slot)["L9_RELEASE"] == release
    project.put(GREEN, "/data/note", "shared")
    assert project.get(BLUE, "/data/note")["file"] == "shared"
    assert project.inspect("shop-green", "{{.HostConfig.RestartPolicy.Name}}") == "always"


def test_host_network_gets_its_port_by_a_variable(project: Project) -> None:
    project.deploy(BLUE, V1, HOST_NETWORK)
    project.deploy(GREEN, V2, HOST_NETWORK)
    assert (project.env(BLUE)["PORT"], project.env(GREEN)["PORT"]) == ("8000", "8001")
    assert project.inspect("shop-green", "{{.HostConfig.NetworkMode}}") == "host"
    assert project.runtime.host(GREEN).ports_taken == {}
    project.runtime.pause(GREEN, V2)
    assert project.runtime.host(GREEN).ports_taken == {}  # our own, paused
