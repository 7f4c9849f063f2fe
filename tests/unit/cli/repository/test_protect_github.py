"""`l9 protect github`: the rulesets, and what `gh` is told. GitHub itself is not asked: its `gh` is a stand-in here."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from hooked import Clone, working_copy

# A stand-in for GitHub's program: keeps rulesets in a file, as their REST API does, and notes what it was called with.
FAKE_GH = """#!/usr/bin/env python3
import json, os, sys
from pathlib import Path
args, store = sys.argv[1:], Path(os.environ["FAKE_GH"])
known = json.loads(store.read_text()) if store.exists() else []
with open(f"{store}.calls", "a") as calls:
    calls.write(json.dumps(args) + "\\n")
if os.environ.get("FAKE_GH_FAILS"):
    sys.exit("gh: Resource not accessible by integration (HTTP 403)")
assert args[:3] == ["api", "--header", "X-GitHub-Api-Version: 2022-11-28"], args
if "--method" not in args:
    print(json.dumps([{"id": one["id"], "name": one["name"], "source_type": "Repository"} for one in known]))
    sys.exit()
body, number = json.load(sys.stdin), args[-1].rsplit("/", 1)[-1]
if args[args.index("--method") + 1] == "POST":
    known.append({**body, "id": len(known) + 41})
else:
    known = [{**body, "id": one["id"]} if str(one["id"]) == number else one for one in known]
store.write_text(json.dumps(known))
print(json.dumps(body))
"""


class Hub(Clone):
    """A working copy beside a `gh` that is none."""

    def __init__(self, root: Path) -> None:
        super().__init__(working_copy(root).work)
        self.store, programs = root / "github.json", root / "bin"
        programs.mkdir()
        (programs / "gh").write_text(FAKE_GH)
        (programs / "gh").chmod(0o755)
        self.with_gh = {
            "PATH": f"{programs}{os.pathsep}{self.env['PATH']}",
            "FAKE_GH": str(self.store),
        }

    @property
    def rulesets(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.store.read_text())
        return found

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in Path(f"{self.store}.calls").read_text().splitlines()]


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


def test_it_prints_and_asks_nobody(hub: Hub) -> None:
    main, releases = hub.json("protect", "github", **hub.with_gh)["rulesets"]
    assert main["conditions"]["ref_name"]["include"] == ["refs/heads/main"]
    assert releases["conditions"]["ref_name"]["include"] == ["refs/tags/v*.*.*-l9"]
    assert not hub.store.with_name("github.json.calls").exists()
    shown = hub.l9("protect", "github", "--check", "cgmp", "--review", "merge")
    assert json.loads(shown.partition("\n}\n")[0] + "}")["name"] == "l9: main"
    assert '"context": "cgmp"' in shown


def test_applied_twice_there_is_one_of_each(hub: Hub) -> None:
    first = hub.json("protect", "github", "--apply", **hub.with_gh)
    assert first["applied"] == {"l9: main": "created", "l9: releases": "created"}
    again = hub.json("protect", "github", "--apply", "--check", "cgmp", **hub.with_gh)
    assert again["applied"] == {"l9: main": "replaced (41)", "l9: releases": "replaced (42)"}
    assert [one["name"] for one in hub.rulesets] == ["l9: main", "l9: releases"]
    assert [{k: v for k, v in one.items() if k != "id"} for one in hub.rulesets] == again["rulesets"]
    assert hub.calls[0][-1] == "repos/{owner}/{repo}/rulesets?includes_parents=false&per_page=100"


def test_rulesets_of_others_are_left_alone(hub: Hub) -> None:
    hub.store.write_text('[{"id": 7, "name": "theirs", "rules": []}]')
    hub.json("protect", "github", "--apply", "--repo", "ada/l9-api", **hub.with_gh)
    assert hub.rulesets[0] == {"id": 7, "name": "theirs", "rules": []}
    assert len(hub.rulesets) == 3
    assert all("repos/ada/l9-api/rulesets" in call[-1] for call in hub.calls)


def test_what_github_says_when_it_refuses(hub: Hub) -> None:
    argv = ("python3", "-P", "-m", "l9", "protect", "github", "--apply")
    said = hub.run(*argv, code=3, **hub.with_gh, FAKE_GH_FAILS="1").said
    assert "GitHub refused the rulesets" in said
    assert "Resource not accessible by integration (HTTP 403)" in said
    assert "next      gh auth status" in said


def test_without_gh(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "bin" / "gh").unlink()
    (tmp_path / "bin" / "git").symlink_to(str(shutil.which("git")))
    found = hub.run(
        sys.executable, "-P", "-m", "l9", "protect", "github", "--apply",
        code=3, PATH=str(tmp_path / "bin"),
    ).said  # fmt: skip
    assert "gh, is required" in found
    assert "next      command -v gh" in found


@pytest.mark.parametrize("name", ["l9-api", "ada/l9/api", "../x", "ada/l9?x=1"])
def test_what_is_no_repository(hub: Hub, name: str) -> None:
    assert "not a repository on GitHub" in hub.l9("protect", "github", "--apply", "--repo", name, code=2)
