"""A run's id became a path on the host, and the directory of a run that was refused is removed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asked import RUN, in_directory, provisioned_directory, refused, request
from l9.config.layout import Layout

ID = "a" * 40
CLAIM = {"tag": "v1.0.0-l9", "commit": ID, "tag_object": ID, "tree": ID, "config_blob": ID}
# Each is refused on a host without releases, before or after its run's directory was made.
COMMANDS: dict[str, dict[str, Any]] = {
    "rollback": {},
    "deploy": {"release": CLAIM, "claims": [], "env": None},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return provisioned_directory(tmp_path / "app")


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    file = tmp_path / "precious" / "file"
    file.parent.mkdir()
    file.write_text("of somebody else", encoding="utf-8")
    return file


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "form", ["{}", "{}/", "../../../{name}", "../runs/../../../{name}", "./{name}", RUN + "/../{}"]
)
def test_a_folder_by_run_id(root: Path, precious: Path, command: str, form: str) -> None:
    run = form.format(precious.parent, name=precious.parent.name)
    error = refused(request({"command": command, "run": run, **COMMANDS[command]}), in_directory(root))
    assert error.message == "the agent does not understand the request"
    assert precious.read_text(encoding="utf-8") == "of somebody else"
    assert not Layout(root).run("x").parent.exists()


def test_the_directory_of_another_run(root: Path) -> None:
    """An id of the right form, of a run that there was: its log and its progress stay."""
    log = Layout(root).run(RUN) / "worker.log"
    log.parent.mkdir(parents=True)
    log.write_text("what it said", encoding="utf-8")
    error = refused(request({"command": "rollback", "run": RUN}), in_directory(root))
    assert (error.message, error.remedy[0].command) == (f"run {RUN} already exists", "l9 history")
    assert log.read_text(encoding="utf-8") == "what it said"


def test_a_run_that_is_refused_leaves_no_directory(root: Path) -> None:
    """The directory made for a refused run is removed again."""
    error = refused(request({"command": "rollback", "run": RUN}), in_directory(root))
    assert error.message == "there is no previous good release"
    assert list(Layout(root).run(RUN).parent.iterdir()) == []
