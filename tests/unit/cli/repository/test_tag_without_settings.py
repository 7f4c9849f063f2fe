"""A tag that has no l9.toml says nothing of how it is run: it is refused by its name, before anything begins."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli_check import CONFIG, Repository

TAG = "v1.0.0-l9"


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """The tag was made before l9.toml came."""
    made = Repository(tmp_path)
    (made.work / "l9.toml").unlink()
    made.commit()
    made.git("tag", "-a", TAG, "-m", f"Release {TAG}: Bring it to production")
    made.write("l9.toml", CONFIG)
    made.commit()
    return made


@pytest.mark.parametrize("command", ["deploy", "plan", "cgmp"])
def test_it_is_refused_by_name(repo: Repository, command: str) -> None:
    said = repo.l9(command, TAG, code=2)
    assert f"{TAG} has no l9.toml" in said
    assert "expected  l9.toml in the tag's tree" in said
    assert "next      l9 init" in said


def test_one_below_the_top_is_found_where_it_lies(tmp_path: Path) -> None:
    made = Repository(tmp_path)
    (made.work / "l9.toml").unlink()
    (made.work / "deploy").mkdir()
    made.write("deploy/l9.toml", CONFIG)
    made.commit()
    made.git("tag", "-a", TAG, "-m", f"Release {TAG}: Bring it to production")
    made.work = made.work / "deploy"
    assert "has no" not in made.l9("plan", TAG, code=2)  # the host has no settings: that is what is told
