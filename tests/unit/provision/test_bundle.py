"""The l9 of a server: the same bytes for the same sources, and all that it is for works on a bare Python."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fresh_host import wanted
from l9 import __version__
from l9.cli.commands import COMMANDS, ON_SERVER
from l9.config.layout import Layout
from l9.config.provisioned import in_directory
from l9.core import events as ev
from l9.core.states import State
from l9.drivers.files.journal import JournalFile
from l9.provision import bundle
from l9.provision.host import agent
from samples import NOW, STARTED
from server_l9 import ServerL9

MODULES = {"click", "msgspec", "re2"}  # of the packages that it needs
SRC = Path(bundle.__file__).parents[1]
REFUSED = ev.RunFinished(outcome=State.REFUSED, live=None, slot=None, standby=None, exit_code=3, seconds=1.0)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> ServerL9:
    """A target's directory with one run on record; with a blank in its path, where a `#!` names no Python."""
    root = tmp_path_factory.mktemp("server") / "l9 é"
    root.mkdir()
    for argv in (
        ("git", "init", "--quiet", "--initial-branch=main"),
        ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.net",
         "commit", "--quiet", "--allow-empty", "--message", "Add: Nothing"),
    ):  # fmt: skip
        subprocess.run(argv, cwd=root, check=True)
    made = ServerL9(root)
    text = wanted(target=f'runtime = "process"\npath = "{root}"').settings_text
    layout = Layout(root)
    in_directory(root).settings.write_text(text, encoding="utf-8")
    journal = JournalFile(layout.journal, lambda: NOW)
    journal.append("run-1", STARTED)
    journal.append("run-1", REFUSED)
    return made


def test_packing_twice_gives_the_same_bytes() -> None:
    assert bundle.own_wheel() == bundle.own_wheel()


def test_a_server_gets_no_operators_part() -> None:
    names = set(bundle.sources())
    assert {
        "l9/__main__.py",
        "l9/host/agent.py",
        "l9/host/timer.py",
        "l9/cli/main.py",
        "l9/graph.py",
    } <= names
    others = ("l9/operator", "l9/demo", "l9/provision", "l9/cli/repository", "l9/drivers/github")
    assert not [name for name in names if name.startswith(others)]


def test_each_part_on_the_list_is_there_once() -> None:
    for folder, names in bundle.PARTS.items():
        for name in names:
            assert name == "*" or (SRC / folder / f"{name}.py").is_file(), f"{folder}/{name}"
        assert len(set(names)) == len(names), folder


def needed(module: str) -> set[str]:
    """Return the modules that a module imports as it is imported itself."""
    path = SRC.parent.joinpath(*module.split(".")).with_suffix(".py")
    tree = ast.parse((path if path.exists() else path.with_suffix("") / "__init__.py").read_bytes())
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            deeper = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name for name in deeper if is_module(name)} or {node.module}
    return found


def is_module(name: str) -> bool:
    path = SRC.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def bundled() -> list[str]:
    return [name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in bundle.sources()]


def test_what_a_module_imports_goes_with_it() -> None:
    """A failure here names all that `bundle.PARTS` lacks."""
    seen, todo = set(bundled()), bundled()
    while todo:
        new = {name for name in needed(todo.pop()) if is_module(name)} - seen
        seen |= new
        todo += new
    assert sorted(seen - set(bundled())) == []
    outside = {name.split(".")[0] for module in bundled() for name in needed(module)} - {"l9"}
    assert outside <= {*sys.stdlib_module_names, *MODULES}


def test_nothing_is_installed_but_the_wheels(server: ServerL9) -> None:
    assert agent.look(str(server.directory)) == {
        "current": server.version.digest, "installed": [server.version.digest],
    }  # fmt: skip
    (packages,) = (server.directory / server.version.digest).glob("lib/python*/site-packages")
    assert {p.name for p in packages.iterdir() if not p.name.endswith(".dist-info")} == {"l9", *MODULES}
    assert sum(p.stat().st_size for p in packages.rglob("*") if p.is_file()) < 12_000_000


def test_every_module_can_be_imported_there(server: ServerL9) -> None:
    program = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    names = [name for name in bundled() if name != "l9.__main__"]
    done = subprocess.run(
        (server.python, "-I", "-c", program, *names), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_server_judges_patterns_and_loads_re2_only_then(server: ServerL9) -> None:
    program = (
        "import sys, l9.cli.main, l9.host.agent\n"
        "from l9.checks.environment.patterns import matches\n"
        "assert 're2' not in sys.modules\n"
        "print(matches('[a-z]+(-[a-z]+)*', 'a-slug'))"
    )
    done = subprocess.run((server.python, "-I", "-c", program), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_the_agent_and_the_timer_answer(server: ServerL9) -> None:
    assert '"type":"hello"' in server("agent", "--path", str(server.root), data=b"{}\n")[1]
    code, out, err = server("tick", "--path", str(server.root))
    assert (code, json.loads(out)["schema"], err) == (0, "l9.tick/1", "")
    code, out, err = server("drift", "--path", str(server.root))
    assert (code, json.loads(out)["schema"], err) == (0, "l9.drift/1", "")
    code, out, err = server("tick", "--path", str(server.root.parent))
    assert (code, "l9 provision" in out) == (2, True)


ANSWERS = [
    (("status",), 0, "live     nothing"),
    (("history",), 0, "v0.5.1-l9"),
    (("explain",), 0, "run run-1: deploy v0.5.1-l9"),
    (("explain", "LOCKED"), 0, "Another run holds the host's lock."),
    (("drift",), 0, "no drift"),
    (("logs",), 0, ""),
    (("resume",), 0, "nothing to resume"),
    (("rollback",), 2, "there is no previous good release"),
    (("rollback", "v0.4.0-l9"), 2, "v0.4.0-l9 is not retained on the host"),
    (("rollback", "a b"), 2, "invalid tag name"),
    (("status", "--target", "other"), 2, "unknown target on this host: other"),
    (("--version",), 0, __version__),
    (("stat",), 2, "did you mean status"),
]


@pytest.mark.parametrize(("args", "code", "says"), ANSWERS)
def test_a_servers_command_answers_or_says_what_is_wrong(
    server: ServerL9, args: tuple[str, ...], code: int, says: str
) -> None:
    """From any directory: this l9 belongs to one target."""
    found, out, err = server(*args)
    assert (found, says in out + err) == (code, True), out + err
    assert "Traceback" not in err
    assert "\x1b" not in out + err


@pytest.mark.parametrize("name", [name for name in ON_SERVER if name != "agent"])
def test_it_answers_machines_too(server: ServerL9, name: str) -> None:
    _, out, err = server(name, "--json")
    assert all(isinstance(json.loads(line), dict) for line in out.splitlines()), out
    assert "Traceback" not in err


@pytest.mark.parametrize("progress", ["auto", "tty", "plain", "json"])
def test_a_run_is_shown_without_rich(server: ServerL9, progress: str) -> None:
    code, out, err = server("rollback", "--progress", progress)
    assert (code, "Traceback" in err) == (2, False), out + err


@pytest.mark.parametrize("name", ON_SERVER)
def test_each_has_its_help_there(server: ServerL9, name: str) -> None:
    code, out, err = server(name, "--help")
    assert (code, out.startswith(f"Usage: l9 {name}"), err) == (0, True, "")


def test_the_help_names_what_a_server_has(server: ServerL9) -> None:
    code, out, err = server("--help")
    named = {line.split()[0] for line in out.partition("Commands:\n")[2].splitlines() if line[2:3].strip()}
    assert (code, named, err) == (0, {*ON_SERVER} - {"agent"}, "")


@pytest.mark.parametrize(
    ("name", "args"),
    [
        *((name, ()) for name in sorted({*COMMANDS} - {*ON_SERVER})),
        ("deploy", ("v0.5.1-l9",)),
        ("deploy", ("--help",)),
        ("deploy", ("--json",)),
    ],
)
def test_an_operators_command_says_where_it_runs(server: ServerL9, name: str, args: tuple[str, ...]) -> None:
    code, out, err = server(name, *args)
    assert (code, f"`l9 {name}` runs on the operator's machine" in out + err) == (2, True), out + err
    assert "l9 --help" in out + err
    assert "Traceback" not in err


def test_a_version_that_lost_its_python_is_no_version(tmp_path: Path) -> None:
    whole = tmp_path / ("a" * 16) / "bin"
    whole.mkdir(parents=True)
    (whole / "l9").write_text("#!/bin/sh\n", encoding="utf-8")
    (whole / "l9").chmod(0o755)
    (whole / "python").symlink_to("/usr/bin/python3.2")
    (tmp_path / "bin").symlink_to(f"{'a' * 16}/bin")
    assert agent.look(str(tmp_path)) == {"current": None, "installed": []}


def test_a_wheel_that_climbs_out_is_refused(tmp_path: Path) -> None:
    data = bundle.pack({"../evil.py": b""}, "x.dist-info/RECORD")
    with pytest.raises(agent.Refused, match="invalid wheel"):
        agent.install(
            {"directory": str(tmp_path), "digest": "a" * 16, "python": sys.executable},
            {"x.whl": _encoded(data)},
        )
    assert not (tmp_path / ("a" * 16)).exists()


def _encoded(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()
