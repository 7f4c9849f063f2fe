"""An image for each release, or a reason why there is none."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from docker_compose.project import (
    BLUE,
    DOCKERFILE,
    V1,
    V2,
    WITH_DATABASE,
    Project,
    commit,
)
from l9.errors import ActionError

pytestmark = pytest.mark.host


def test_a_release_is_built_once_for_a_commit(project: Project) -> None:
    project.tag(V1)
    first = project.runtime.build(V1, commit(V1), project.said.append)
    assert first == project.runtime.image(V1)
    assert first.digest.startswith("sha256:")
    assert first.commit == commit(V1)
    assert first.size > 1_000_000
    project.said.clear()
    assert project.runtime.build(V1, commit(V1), project.said.append) == first
    assert project.said == [f"image {first.digest[7:19]} of {V1} already exists"]
    moved = project.runtime.build(V1, commit(V2), project.said.append)
    assert (moved.commit, moved.digest != first.digest) == (commit(V2), True)
    again = project.runtime.build(V1, commit(V2), project.said.append, no_cache=True)
    assert again.digest != moved.digest
    moved = again
    project.runtime.prune((V1,))  # the image of the tag's former commit had no use but to be gone back to
    assert project.docker("images", "--quiet", "l9/shop").split() == [moved.digest[7:19]]


def test_a_build_that_fails_says_why(project: Project) -> None:
    project.tag(
        V1, files={"Dockerfile": f'{DOCKERFILE}RUN ["python3", "-c", "raise SystemExit(\'no luck\')"]'}
    )
    with pytest.raises(ActionError) as failed:
        project.runtime.build(V1, commit(V1), project.said.append)
    error = failed.value
    assert error.message == f"the build of {V1} failed"
    assert "did not complete successfully" in error.found
    assert any("no luck" in line for line in error.log)
    assert any("no luck" in line for line in project.said)
    assert len(error.log) <= 30
    assert project.runtime.image(V1) is None


def test_a_pulled_image_is_marked_as_the_releases_own(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compose = (
        "services: {shop: {image: 'vendor/shop:${L9_RELEASE}', pull_policy: never, ports: ['8000:8000']}}"
    )
    project.tag("base")
    label = f"LABEL org.opencontainers.image.revision={commit(V1)}"
    (project.layout.tree("base") / "Dockerfile").write_text(f"{DOCKERFILE}\n{label}")
    project.docker("build", "--tag", f"vendor/shop:{V1}", str(project.layout.tree("base")))
    project.docker("tag", f"vendor/shop:{V1}", f"vendor/shop:{V2}")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)  # it is looked for anew
    project.configure()
    project.deploy(BLUE, V1, compose)
    assert list(temporary.iterdir()) == []  # compose leaves a Dockerfile here, if one lets it
    assert project.env(BLUE)["L9_RELEASE"] == V1
    assert project.runtime.image(V1).commit == commit(V1)
    assert project.state(BLUE).image == project.runtime.image(V1).digest
    project.tag(V2, compose)  # whose image was pushed from another commit
    assert project.runtime.build(V2, commit(V2), project.said.append).commit == commit(V1)


def test_a_missing_image_to_pull_is_refused(project: Project) -> None:
    project.tag(V1, "services: {shop: {image: 'localhost:1/none:1', ports: ['8000:8000']}}")
    with pytest.raises(ActionError, match="the pull of"):
        project.runtime.build(V1, commit(V1), project.said.append)


@pytest.mark.parametrize(
    ("compose", "config", "found"),
    [
        ("services: {a: {image: x}, b: {image: y}}", "", "services a, b"),
        (WITH_DATABASE, '[compose]\nservice = "web"\n', "services db, shop"),
        (
            "services: {shop: {image: x, network_mode: 'service:db'}, db: {image: y}}",
            "",
            "network_mode: service:db",
        ),
    ],
)
def test_a_compose_file_without_the_service_closes_the_gate(
    project: Project, compose: str, config: str, found: str
) -> None:
    project.configure(config)
    project.tag(V1, compose)
    with pytest.raises(ActionError) as refused:
        project.runtime.build(V1, commit(V1), project.said.append)
    assert refused.value.found == found
    assert project.names() == set()


def test_a_release_without_a_compose_file(project: Project) -> None:
    project.tag(V1)
    (project.layout.tree(V1) / "compose.yaml").unlink()
    with pytest.raises(ActionError, match="compose file not found"):
        project.runtime.build(V1, commit(V1), project.said.append)
