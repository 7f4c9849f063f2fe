"""`l9 check --fix`: it mends what has one outcome only, in the working tree only, and says what it did."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_check_bad_input import CONFIG, Place

from l9.catalogue import catalogue
from l9.cli.repository.fixes import FIXES
from l9.core.states import Substrate

SCRIPT = "#!/bin/sh\nexec l9 deploy\n"
ID = "workspace.scripts-executable"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path / "work")
    made.top.mkdir()
    made.git("init", "--quiet", "--initial-branch=main")
    made.write("l9.toml", CONFIG)
    made.write("scripts/deploy.sh", SCRIPT)
    made.write("scripts/its own.sh", SCRIPT)
    made.write("scripts/library.sh", "hello() { :; }\n")
    return made


def test_scripts_are_made_executable_and_nothing_is_committed(place: Place) -> None:
    place.commit()
    head = place.git("rev-parse", "HEAD")
    assert place.check(code=0)[ID]["excused"] == "advice"
    (found,) = place.said("--fix", code=3)
    assert found["fixed"] == [
        {"id": ID, "did": "chmod a+x -- scripts/deploy.sh"},
        {"id": ID, "did": "chmod a+x -- 'scripts/its own.sh'"},
    ]
    judged = {one["id"]: one for one in found["invariants"]}  # as it is now: changed, and not committed
    assert judged["workspace.no-uncommitted-changes"]["verdict"] == "fail"
    assert judged["workspace.no-uncommitted-changes"]["remedy"] == "git commit --all"
    assert place.git("rev-parse", "HEAD") == head
    assert place.git("diff", "--name-only", "--staged") == ""
    assert [line.split()[0:2] for line in place.git("diff", "--summary").splitlines()] == [
        ["mode", "change"]
    ] * 2
    place.commit()
    (found,) = place.said("--fix", code=0)
    assert found["fixed"] == []
    assert {one["id"]: one["verdict"] for one in found["invariants"]}[ID] == "pass"


def test_what_is_no_plain_file_of_the_working_tree_is_left_alone(place: Place, tmp_path: Path) -> None:
    place.commit()
    outside = tmp_path / "outside.sh"
    outside.write_text(SCRIPT, encoding="utf-8")
    outside.chmod(0o644)
    (place.top / "scripts/deploy.sh").unlink()
    (place.top / "scripts/deploy.sh").symlink_to(outside)
    (place.top / "scripts/its own.sh").unlink()
    (found,) = place.said("--fix", code=3)
    assert found["fixed"] == []
    (place.top / "scripts").rename(tmp_path / "moved")
    (place.top / "scripts").symlink_to(tmp_path / "moved")
    (tmp_path / "moved" / "its own.sh").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "moved" / "its own.sh").chmod(0o644)
    (found,) = place.said("--fix", code=3)
    assert found["fixed"] == []
    assert outside.stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "moved" / "its own.sh").stat().st_mode & 0o777 == 0o644


def test_people_read_what_it_did(place: Place) -> None:
    place.commit()
    shown = place.text("--fix", code=3)
    assert shown.splitlines()[:3] == [
        "✔ fixed: chmod a+x -- scripts/deploy.sh",
        "✔ fixed: chmod a+x -- 'scripts/its own.sh'",
        "fixes are not committed: git diff",
    ]
    place.commit()
    assert place.text("--fix", code=0).startswith("nothing to fix automatically\n")


def test_a_tag_is_never_fixed(place: Place) -> None:
    place.commit()
    (refused,) = place.said("v1.0.0-l9", "--fix", code=2)
    assert refused["message"] == "a tag cannot be fixed"


def test_before_the_first_commit_there_is_nothing_to_mend(place: Place) -> None:
    (found,) = place.said("--fix", code=3)
    assert found["fixed"] == []


def test_only_invariants_of_the_workspace_mend_themselves() -> None:
    assert set(FIXES) <= {need.id for need in catalogue(Substrate.WORKSPACE)}
