"""Other services: started when missing, never restarted; migrations once for each release."""

from __future__ import annotations

from pathlib import Path

import pytest

from docker_compose.project import (
    BLUE,
    GREEN,
    ONE_SERVICE,
    V1,
    V2,
    V3,
    WITH_DATABASE,
    Project,
    commit,
)
from l9.errors import ActionError

pytestmark = pytest.mark.host


def test_a_database_is_started_once_and_never_restarted(project: Project) -> None:
    project.tag(V1, WITH_DATABASE)
    project.runtime.build(V1, commit(V1), project.said.append)
    assert project.runtime.services(V1).status == {"db": "absent"}
    project.runtime.start_services(V1, project.said.append)
    assert project.runtime.services(V1).status == {"db": "running"}
    database = project.inspect("shop-db-1", "{{.Id}} {{.State.StartedAt}}")
    changed = WITH_DATABASE.replace('"5432"]', '"5432"]\n    environment: {NEW: "1"}')
    project.deploy(GREEN, V2, changed)
    assert project.inspect("shop-db-1", "{{.Id}} {{.State.StartedAt}}") == database
    assert project.runtime.changed_services("v9.9.9-l9", {"compose.yaml": changed}) == ("db",)
    assert project.runtime.changed_services("v9.9.9-l9", {"compose.yaml": WITH_DATABASE}) == ()
    assert [p.name for p in (project.layout.state / "releases").iterdir() if p.name.startswith("plan")] == []
    with pytest.raises(ActionError, match="cannot be resolved"):
        project.runtime.changed_services("v9.9.9-l9", {"compose.yaml": "services: ["})
    assert "db: its definition has changed; a deploy does not restart it" in project.said
    project.docker("stop", "--time", "0", "shop-db-1")
    assert project.runtime.services(V2).status == {"db": "exited with 137"}
    project.runtime.start_services(V2, project.said.append)
    assert project.inspect("shop-db-1", "{{.Id}}") == database.split()[0]
    assert project.runtime.services(V2).status == {"db": "running"}


def test_a_release_that_is_woken_has_its_services_again(project: Project) -> None:
    """After a restart of the engine everything may have ended: the services that a release needs as well."""
    project.deploy(BLUE, V1, WITH_DATABASE)
    project.docker("stop", "--time", "0", "shop-db-1", project.id(BLUE))
    note = project.runtime.wake(BLUE, V1)
    assert note.endswith("started; db started again")
    assert project.runtime.services(V1).status == {"db": "running"}
    assert project.runtime.slots()[BLUE].status == "running"
    project.docker("rm", "--force", "shop-db-1")
    project.docker("stop", "--time", "0", project.id(BLUE))
    assert "db started again" in project.runtime.start(BLUE, V1)
    assert project.runtime.wake(BLUE, V1).endswith("runs")


def test_a_container_that_has_ended_holds_no_port(project: Project) -> None:
    project.deploy(BLUE, V1, WITH_DATABASE)
    assert project.runtime.host(BLUE).ports_taken == {}
    project.docker("stop", "--time", "0", project.id(BLUE))
    assert project.runtime.host(BLUE).ports_taken == {}


def test_what_compose_started_by_hand_is_taken_over(project: Project) -> None:
    project.tag(V1, WITH_DATABASE)
    file = project.layout.tree(V1) / "compose.yaml"
    argv = (
        "compose",
        "--project-name",
        "shop",
        "--file",
        str(file),
        "--env-file",
        str(project.root / ".env"),
    )
    (project.layout.tree(V1) / ".env").symlink_to(project.root / ".env")
    project.docker(*argv, "up", "--detach", "db")
    database = project.inspect("shop-db-1", "{{.Id}} {{.State.StartedAt}}")
    project.deploy(BLUE, V1, WITH_DATABASE)
    assert project.inspect("shop-db-1", "{{.Id}} {{.State.StartedAt}}") == database
    assert project.runtime.changed_services(V1, {"compose.yaml": WITH_DATABASE}) == ()


def test_a_service_that_is_never_healthy_is_shown_with_its_log(project: Project) -> None:
    broken = WITH_DATABASE.replace(
        'command: [python3, -m, http.server, "5432"]',
        "command: [python3, -c, 'raise SystemExit(\"no data\")']",
    )
    with pytest.raises(ActionError) as failed:
        project.deploy(BLUE, V1, broken)
    assert failed.value.message == "service db did not start"
    assert failed.value.found == "exited with 1"
    assert failed.value.log == ("no data",)


def test_health_of_other_services_is_waited_for(project: Project) -> None:
    check = (
        'healthcheck: {test: ["CMD", "python3", "-c", "import os; os.stat(\'/tmp/up\')"], interval: 200ms}'
    )
    late = 'command: [python3, -c, \'import time; time.sleep(1); open("/tmp/up", "w"); time.sleep(99)\']'
    compose = WITH_DATABASE.replace(
        'command: [python3, -m, http.server, "5432"]', f"{late}\n    {check}\n    tmpfs: /tmp"
    )
    project.deploy(BLUE, V1, compose)
    assert project.inspect("shop-db-1", "{{.State.Health.Status}}") == "healthy"


def test_a_migration_runs_once_for_each_release_with_its_own_image(project: Project) -> None:
    command = "open('/data/log', 'a').write(os.environ['L9_RELEASE'] + open('/app/version').read() + ';')"
    job = f'  migrate:\n    build: .\n    command: [python3, -c, "import os; {command}"]\n    volumes: ["data:/data"]\n'
    compose = WITH_DATABASE.replace(
        "depends_on: [db]", "depends_on: {migrate: {condition: service_completed_successfully}}"
    )
    compose = compose.replace("  db:", f"{job}  db:")
    project.deploy(BLUE, V1, compose)
    assert project.runtime.services(V1).status == {"db": "running", "migrate": "done"}
    project.runtime.start_services(V1, project.said.append)
    project.deploy(GREEN, V2, compose)
    assert project.get(GREEN, "/data/log")["file"] == f"{V1}{V1};{V2}{V2};"
    broken = compose.replace("import os;", "import os; raise SystemExit('no such column');")
    with pytest.raises(ActionError) as failed:
        project.deploy(BLUE, V3, broken)
    assert failed.value.message == "service migrate did not start"
    assert failed.value.log == ("no such column",)
    assert project.runtime.services(V3).status["migrate"] == "exited with 1"


def test_an_external_network_that_nobody_made(project: Project) -> None:
    compose = (
        ONE_SERVICE.replace("ports:", "networks: [edge]\n    ports:") + "networks: {edge: {external: true}}\n"
    )
    with pytest.raises(ActionError) as refused:
        project.deploy(BLUE, V1, compose)
    assert refused.value.remedy == "docker network create edge"


def test_a_fixed_name_that_another_instance_has(project: Project, tmp_path: Path) -> None:
    compose = WITH_DATABASE.replace("  db:", "  db:\n    container_name: shop-db")
    project.deploy(BLUE, V1, compose)
    staging = Project(project.host, tmp_path / "staging", name="shop-staging", ports=(8100, 8101))
    with pytest.raises(ActionError) as refused:
        staging.deploy(BLUE, V1, compose)
    assert refused.value.found == "a container of project shop"
    assert project.inspect("shop-db", "{{.State.Status}}") == "running"


def test_a_database_in_a_project_of_another_name_is_not_hidden_by_an_empty_one(project: Project) -> None:
    project.write("compose.yaml", WITH_DATABASE)
    file = project.root / "compose.yaml"
    project.docker("compose", "--project-name", "by-hand", "--file", str(file), "up", "--detach", "db")
    with pytest.raises(ActionError) as refused:
        project.deploy(BLUE, V1, WITH_DATABASE)
    assert refused.value.message == "service db belongs to project by-hand here"
    assert refused.value.remedy.endswith('instance = "by-hand"')
    assert project.names() == {"by-hand-db-1"}
