"""The whole of `l9 check` and of the stages, beside the nastiest that can be set for git: the outcome is the same."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from release_desk import Desk

CLEAN, FAULTY = "v1.0.1-l9", "v1.1.0-l9"  # the stages run on the one; the other has faults to be found
CONFIG = """app = "l9-api"
[check]
test = ["{python}", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
[cgmp]
where = "process"
coverage = 50
fix = [["{python}", "-c", "import pathlib; assert pathlib.Path('version').read_text() == '$Format:%H$ $Id$ é\\\\n'"]]
[health]
field = ""
[process]
command = ["{python}", "app.py", "{port}"]
[targets.production]
host = "local"
"""
# The tag's own attributes: what they do to a checkout and to an archive is done to no release.
ATTRIBUTES = """tests/ export-ignore
version export-subst ident
*.txt filter=louder
*.py diff=shouting
"""
SECRET = f"aws_key = 'AKIA{'QYLPMN5HHHFPZAM2'}'\n"
ENVIRONMENT = "import os\nx = os.environ['UNDOCUMENTED_KEY']\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Three releases; the last is a tag of a tag, and has faults of every kind that is looked for with git."""
    desk = Desk(tmp_path_factory.mktemp("made"), CONFIG)
    desk.write(".gitattributes", ATTRIBUTES)
    desk.write("version", "$Format:%H$ $Id$ é\n")
    desk.write("tests/test_app.py", "import logic\n\n\ndef test_it():\n    assert logic.double(2) == 4\n")
    desk.write("conftest.py", "")
    desk.write("logic.py", "def double(x):\n    return 2 * x\n")
    desk.commit("Add: The first release é")
    desk.git("tag", "-a", "v1.0.0-l9", "-m", "Release v1.0.0-l9: Begin")
    desk.write("logic.py", "def double(x):\n    return 2 * x\n\n\ndef unused(x):\n    return x - 1\n")
    desk.commit("Add: Something that no test runs")
    desk.git("tag", "-a", CLEAN, "-m", f"Release {CLEAN}: Go on")
    desk.write("compose.yaml", "services:\n  api:\n    build: .\n    ports: ['8000:8000']\n")
    desk.write("Dockerfile", "FROM python:latest\nCMD python app.py\n")
    desk.write("scripts/deploy.sh", "#!/bin/sh\nl9 deploy\n")
    desk.write("requirements.txt", "click>=8\n")
    desk.write("settings.py", ENVIRONMENT)
    desk.write("keys.py", SECRET)
    desk.commit("Added things.")
    desk.git("tag", "-a", "rc", "-m", "A candidate")
    desk.git("tag", "-a", FAULTY, "rc", "-m", f"Release {FAULTY}: Go wrong")
    desk.git("push", "--quiet", "origin", "main", "v1.0.0-l9", CLEAN, FAULTY)
    return desk


@pytest.fixture
def desk(made: Desk, tmp_path: Path) -> Desk:
    """One of one's own, with the same objects and times."""
    shutil.copytree(made.root, tmp_path / "desk", symlinks=True)
    own = object.__new__(Desk)
    own.__dict__ |= made.__dict__
    own.root = tmp_path / "desk"
    own.work, own.origin, own.home = (own.root / p.name for p in (made.work, made.origin, made.home))
    own.env = {**made.env, "HOME": str(own.home)}
    own.git("remote", "set-url", "origin", str(own.origin))
    own.git("update-index", "--refresh")
    return own


def outcome(desk: Desk, root: Path) -> dict[str, Any]:
    """All that `l9 check` and `l9 cgmp` say, without what differs between two runs."""
    shutil.rmtree(desk.work / ".git" / "l9", ignore_errors=True)
    found: dict[str, Any] = {}
    for command, tag in (("check", FAULTY), ("cgmp", CLEAN)):
        argv = (sys.executable, "-m", "l9", command, "--json", tag)
        done = subprocess.run(
            argv, cwd=desk.work, env=desk.env, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert "Traceback" not in done.stderr, done.stderr
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        found[command] = {"exit code": done.returncode}
        if command == "check":
            found |= {one["id"]: one for one in rows[-1]["invariants"]}
            continue
        for row in rows:
            body = row.get("entry", {}).get("body", {})
            if body.get("event") in ("gate-opened", "gate-closed", "action-done", "action-failed"):
                name = f"{body['gate']} {body['event']}"
                found[name] = {key: body.get(key) for key in ("evidence", "note", "found", "why", "verdicts")}
    text = re.sub(r"after \d+\.\d s", "after a while", json.dumps(found).replace(str(root), "ROOT"))
    return json.loads(text)


@pytest.fixture(scope="module")
def plain(made: Desk) -> dict[str, Any]:
    found = outcome(made, made.root)
    verdicts = {name: one["verdict"] for name, one in found.items() if "verdict" in one}
    assert found["ORACLE gate-opened"]
    assert found["COV action-done"]["note"].startswith("green: 1 of 2 changed lines ran (50 %)")
    for closed in ("repository.no-secrets", "workspace.env-documented", "workspace.dependencies-locked",
                   "workspace.no-latest-image",):  # fmt: skip
        assert verdicts[closed] == "fail", (closed, found[closed])
    for held in ("repository.tag-exists", "repository.tag-on-main", "workspace.no-uncommitted-changes"):
        assert verdicts[held] == "pass", (held, found[held])
    return found


def _set(**settings: str) -> Callable[[Desk], None]:
    def change(desk: Desk) -> None:
        for name, value in settings.items():
            desk.git("config", name.replace("__", "."), value)

    return change


def _program(desk: Desk, name: str, text: str = "echo nonsense; exit 1") -> str:
    path = desk.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def _programs(desk: Desk) -> None:
    """Programs that git starts by itself: none of ours to start."""
    for setting in ("core.fsmonitor", "core.pager", "core.editor", "diff.external", "diff.shouting.textconv",
                    "diff.shouting.command", "filter.louder.smudge", "filter.louder.process"):  # fmt: skip
        desk.git("config", setting, _program(desk, setting))
    desk.git("config", "filter.louder.required", "true")
    for hook in ("post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc"):
        _program(desk, f"hooks/{hook}")
    desk.git("config", "core.hooksPath", str(desk.root / "hooks"))


def _attributes(desk: Desk) -> None:
    """Attributes of the clone and of the user, which come before those of the tree."""
    text = "* -diff -text export-ignore ident\n*.py binary\nlogic.py working-tree-encoding=UTF-16\n"
    (desk.work / ".git" / "info" / "attributes").write_text(text)
    (desk.root / "attributes").write_text("* binary export-ignore\n")
    desk.git("config", "core.attributesFile", str(desk.root / "attributes"))


def _replacements(desk: Desk) -> None:
    """Every commit, tree and file that is judged shows itself as a harmless one."""
    clean = desk.git("rev-parse", "v1.0.0-l9^{commit}")
    head = desk.git("rev-parse", "HEAD")
    desk.git("replace", head, clean)
    desk.git(
        "replace", desk.git("rev-parse", f"{FAULTY}^{{tree}}"), desk.git("rev-parse", f"{clean}^{{tree}}")
    )
    empty = desk.git("hash-object", "-w", "--stdin")
    for path in ("keys.py", "settings.py", "logic.py"):
        desk.git("replace", desk.git("--no-replace-objects", "rev-parse", f"{head}:{path}"), empty)


def _grafts(desk: Desk) -> None:
    """The last commit has no parents any more, and main does not have the first one."""
    (desk.work / ".git" / "info" / "grafts").write_text(desk.git("rev-parse", "HEAD") + "\n")


def _environment(desk: Desk) -> None:
    nonsense = _program(desk, "nonsense")
    desk.env |= {
        "GIT_EXTERNAL_DIFF": nonsense, "GIT_PAGER": nonsense, "GIT_EDITOR": nonsense, "GIT_DIFF_OPTS": "-u9",
        "GIT_TRACE": "1", "GIT_TRACE2": "1", "GIT_TRACE_SETUP": "2", "GIT_LITERAL_PATHSPECS": "1",
        "GIT_ICASE_PATHSPECS": "1", "GIT_NOTES_REF": "refs/notes/other", "GIT_REPLACE_REF_BASE": "refs/tags",
        "GIT_GRAFT_FILE": str(desk.root / "none"), "GIT_ATTR_SOURCE": "HEAD", "GIT_DIR": str(desk.origin),
        "GIT_INDEX_FILE": "/dev/null", "GIT_OBJECT_DIRECTORY": "/nonexistent", "GIT_SHALLOW_FILE": "/dev/zero",
        "LANGUAGE": "de", "LC_ALL": "C.UTF-8", "GIT_CONFIG": "/dev/null", "GIT_DEFAULT_HASH": "sha256",
    }  # fmt: skip


def _global(desk: Desk) -> None:
    """Write settings that git reads before any repository's, in a file and in the environment."""
    (desk.root / "gitconfig").write_text(
        "[trace2]\nnormalTarget = 2\n[color]\nui = always\n[alias]\nlog = !false\n"
        "[core]\nautocrlf = true\neol = crlf\nquotePath = true\nabbrev = 4\n"
    )
    desk.env["GIT_CONFIG_GLOBAL"] = str(desk.root / "gitconfig")
    desk.env |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "color.ui", "GIT_CONFIG_VALUE_0": "always"}


NASTY: dict[str, Callable[[Desk], None]] = {
    "colours": _set(
        color__ui="always", color__grep="always", color__diff="always", color__status="always",
        color__branch="always", column__ui="always",
    ),
    "searches": _set(
        grep__patternType="fixed", grep__lineNumber="true", grep__column="true", grep__fullName="false",
        grep__extendedRegexp="false", grep__threads="1",
    ),
    "diffs": _set(
        diff__noprefix="true", diff__mnemonicPrefix="true", diff__interHunkContext="99", diff__renames="copies",
        diff__submodule="log", diff__suppressBlankEmpty="true", diff__relative="true", diff__wordRegex=".",
        diff__indentHeuristic="false", diff__algorithm="patience", diff__colorMoved="zebra",
    ),
    "logs": _set(
        log__showSignature="true", log__follow="true", log__date="raw", format__pretty="oneline",
        log__diffMerges="off", notes__displayRef="refs/notes/*", i18n__logOutputEncoding="UTF-16",
        i18n__commitEncoding="latin1", trailer__separators="%", log__decorate="full",
    ),
    "lists": _set(
        status__showUntrackedFiles="no", status__short="true", status__branch="false", tag__sort="-refname",
        branch__sort="-refname", versionsort__suffix=".0-l9", core__quotePath="true", core__abbrev="4",
        fetch__prune="true", fetch__pruneTags="true", remote__origin__pruneTags="true", tag__gpgSign="true",
    ),
    "attributes": _attributes,
    "replacements": _replacements,
    "grafts": _grafts,
    "programs": _programs,
    "environment": _environment,
    "global settings": _global,
}  # fmt: skip


@pytest.mark.parametrize("nasty", list(NASTY))
def test_one_of_the_nastiest_settings(desk: Desk, plain: dict[str, Any], nasty: str) -> None:
    NASTY[nasty](desk)
    assert outcome(desk, desk.root) == plain


def test_all_of_them_at_once(desk: Desk, plain: dict[str, Any]) -> None:
    for change in NASTY.values():
        change(desk)
    assert outcome(desk, desk.root) == plain


def test_red_tests_stay_red_behind_a_replacement(desk: Desk) -> None:
    """The tag's tests fail; `refs/replace` shows others that pass."""
    desk.write("tests/test_app.py", "def test_it():\n    assert False\n")
    desk.commit("Fix: Nothing")
    red = desk.git("rev-parse", "HEAD:tests/test_app.py")
    green = desk.git("hash-object", "-w", "--stdin", data="def test_it():\n    assert True\n")
    desk.git("replace", red, green)
    done = subprocess.run(
        (sys.executable, "-m", "l9", "cgmp"), cwd=desk.work, env=desk.env, capture_output=True, text=True
    )
    assert done.returncode == 3, done.stdout
    assert "1 failed" in done.stdout + done.stderr
