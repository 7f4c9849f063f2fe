"""Rules for the source that the linters do not know."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from source import SRC, TOP, imports, modules

from l9.cli.commands import COMMANDS
from l9.cli.main import cli

PROGRAMS = {
    "$EDITOR", "X", "apt-get", "cat", "cd", "command", "df", "docker", "gh", "git", "l9", "ls", "pip", "rm", "ssh",
    "ssh-copy-id", "ssh-keygen", "pip-audit", "systemctl", "tail", "unset",
}  # fmt: skip


@pytest.mark.parametrize("tree", [pytest.param(tree, id=name) for name, tree in modules("core")])
def test_the_core_needs_the_standard_library_msgspec_and_itself(tree: ast.Module) -> None:
    beyond = {i for i in imports(tree) if i.split(".")[0] != "msgspec" and not i.startswith("l9.core")}
    assert beyond <= {"l9.errors"}


def test_no_program_is_started_through_a_shell() -> None:
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                assert not any(keyword.arg == "shell" for keyword in node.keywords), f"{name}:{node.lineno}"
            if isinstance(node, ast.Attribute):
                called = ast.unparse(node)
                assert called not in ("os.system", "os.popen", "subprocess.getoutput"), (
                    f"{name}:{node.lineno}"
                )


@pytest.mark.parametrize("side", ["host", "operator"])
def test_entries_are_appended_to_the_journal_in_one_place_on_each_side(side: str) -> None:
    """Each side appends through one `Recorder`, so that an alert has one place to hang."""
    calls = [
        ast.unparse(node.func)
        for _, tree in modules(side)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]
    assert calls.count("Recorder") == 1
    assert [call for call in calls if re.fullmatch(r".*\bjournal\.append", call)] == []


def test_only_runtimes_routes_and_provisioning_know_the_slots_ports() -> None:
    """Everybody else asks the runtime for a slot's endpoint."""
    known = ("l9.config.", "l9.provision.", "l9.drivers.caddy.", "l9.drivers.compose.", "l9.drivers.docker.",
             "l9.drivers.process.")  # fmt: skip
    for name, tree in modules():
        reads = [ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "ports"]
        assert name.startswith(known) or "target.ports" not in " ".join(reads), name


def test_every_part_of_the_package_has_its_layer() -> None:
    contracts = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (layers,) = (c["layers"] for c in contracts["contracts"] if c["type"] == "layers")
    named = {module.strip("() ") for layer in layers for module in layer.replace(":", "|").split("|")}
    there = {
        f"l9.{path.stem}"
        for path in SRC.iterdir()
        if path.name[:1] not in "." and "__init__" not in path.name
    }
    lacking = {
        part for part in there if part not in named and not any(n.startswith(f"{part}.") for n in named)
    }
    assert lacking - {"l9.__pycache__"} == set()


def test_every_command_has_its_file() -> None:
    for module, text in COMMANDS.values():
        assert (SRC / "cli" / Path(*module.split(".")).with_suffix(".py")).exists()
        assert text.endswith(".")


def remedies() -> Iterator[tuple[str, str]]:
    """Every `remedy=` that is written out in the source, with X for what is filled in."""
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "remedy":
                for text in written(node.value):
                    yield f"{name}:{node.value.lineno}", text


def written(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.JoinedStr(values=values):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "X" for v in values)
        case ast.Constant(value=str(text)) if text:
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*written(body), *written(orelse))


@pytest.mark.parametrize(("where", "remedy"), list(remedies()))
def test_a_remedy_is_a_command(where: str, remedy: str) -> None:
    words = shlex.split(remedy, comments=True)
    assert words[0] in PROGRAMS, where
    if words[0] == "l9" and words[1] != "X" and words[-1] != "--help":
        command = cli.get_command(click.Context(cli), words[1])
        assert command is not None, where
        command.make_context(words[1], words[2:])


ELSEWHERE = (  # where git is no part of what l9 asks: a bare host before l9 is there, and the demo's own scene
    "l9.provision.host.", "l9.demo.",
)  # fmt: skip
STARTERS = ("run", "run_checked", "stream", "Popen", "call", "check_call", "check_output")


def _starts_git(tree: ast.Module) -> Iterator[int]:
    """Lines at which a program runner that is not git's own is given git's arguments."""
    builders = set()  # what stands for a module of git's argument vectors here
    own = set()  # git's own runner
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name, here = f"{node.module}.{alias.name}", alias.asname or alias.name
                if name.startswith("l9.drivers.git.runner"):
                    own.add(here)
                elif name.endswith("commands") and {"git", "git_hooks", "signing", "secrets"} & set(
                    name.split(".")
                ):
                    builders.add(here)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called.rpartition(".")[2] not in STARTERS or called.partition(".")[0] in own:
            continue
        for argument in node.args:
            text = ast.unparse(argument)
            if text.startswith(("('git'", "['git'")) or text.partition(".")[0] in builders:
                yield node.lineno


def test_git_is_started_by_its_own_runner_alone() -> None:
    found = [
        f"{name}:{line}"
        for name, tree in modules()
        if not name.startswith(ELSEWHERE) and name != "l9.drivers.git.runner"
        for line in _starts_git(tree)
    ]
    assert found == []


def test_a_module_that_starts_git_by_itself_is_found() -> None:
    for text in (
        "import subprocess\nsubprocess.run(('git', 'status'))",
        "from l9.drivers.process.programs import run\nrun(('git', 'status'), cwd=top)",
        "from l9.drivers.process.programs import run\nfrom l9.drivers.git import commands as g\nrun(g.status())",
        "import subprocess\nfrom l9.drivers.git_hooks import commands as g\nsubprocess.Popen(g.write_tree())",
    ):
        assert list(_starts_git(ast.parse(text))), text
