"""`l9 init` in repositories as people have them: what it writes, what it leaves alone, and what l9 says then."""

from __future__ import annotations

import os
import pty
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import layouts
from documented import documents
from l9.checks.compose.production import resolved
from l9.checks.compose.services import choose
from l9.checks.compose.yaml_reader import parse
from l9.config.provisioned import in_directory
from l9.config.settings import ServerSettings, server_settings
from l9.configuration import load
from l9.operator.scaffold.scripts import SCRIPTS
from l9.provision.wanted import settings_text
from server_l9 import ServerL9

ASKED = ("--host", "ada@host.invalid", "--url", "https://shop.invalid")
LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "specs-own": layouts.specs_own,
    "fastapi-uv": lambda root: layouts.make(root, "shop", layouts.FASTAPI_UV),
    "django": lambda root: layouts.make(root, "my site", layouts.DJANGO),
    "host-network": lambda root: layouts.make(root, "relay", layouts.HOST_NETWORK),
    "only-a-dockerfile": lambda root: layouts.make(root, "fresh", layouts.ONLY_A_DOCKERFILE),
    "fresh": lambda root: layouts.make(root, "fresh", layouts.FRESH),
    "empty": lambda root: layouts.make(root, "empty", {}),
}
# What `l9 check` finds that a person must really do; nginx has no restart policy there.
HOOKED = ("specs-own", "django")  # there the first commit goes through our hooks
TO_DO = {"django": {"workspace.restart-policy"}}


def l9(work: Path, *args: str, code: int = 0) -> str:
    done = subprocess.run(
        (sys.executable, "-P", "-m", "l9", *args),
        cwd=work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stdout if code in (0, 3) else done.stderr


def initialised(work: Path, *args: str, code: int = 0) -> dict[str, Any]:
    (found,) = documents(l9(work, "init", *args, "--json", code=code))
    return found


def files(work: Path) -> dict[str, str]:
    """Every file but git's own, with its content."""
    return {
        str(p.relative_to(work)): p.read_text(encoding="utf-8", errors="replace")
        for p in work.rglob("*")
        if p.is_file() and ".git" not in p.parts
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A place with blanks in its path."""
    place = tmp_path / "a place with blanks"
    place.mkdir()
    return place


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest, root: Path) -> tuple[str, Path]:
    return request.param, LAYOUTS[request.param](root)


def test_a_deploy_can_go_on_from_there(layout: tuple[str, Path]) -> None:
    name, work = layout
    before = files(work)
    hooks = () if name in HOOKED else ("--no-hooks",)
    found = initialised(work, "--yes", *ASKED, *hooks)
    assert found["written"] is True
    for path, text in before.items():
        assert files(work)[path] == text
    for each in found["files"]:
        assert stat.S_IMODE((work / each["path"]).stat().st_mode) == int(each["mode"], 8)
    assert load(work).target.host == "ada@host.invalid"
    layouts.git(work, "add", "--all")
    commit = ("commit", "--quiet", "-m", "Add: Deploy with l9")
    if name in TO_DO:  # the hook says so first
        with pytest.raises(subprocess.CalledProcessError):
            layouts.git(work, *commit)
        commit = (*commit, "--no-verify")
    layouts.git(work, *commit)
    (judged,) = documents(l9(work, "check", "--json", code=3 if name in TO_DO else 0))
    fails = {one["id"] for one in judged["invariants"] if one["closes"]}
    assert fails == TO_DO.get(name, set())
    by_id = {one["id"]: one["verdict"] for one in judged["invariants"]}
    assert by_id["workspace.scripts-there"] == "pass"
    for command in (("config", "show"), ("graph", "--json"), ("cgmp", "--help")):
        l9(work, *command)


def test_the_settings_name_a_service_that_is_there(layout: tuple[str, Path]) -> None:
    name, work = layout
    initialised(work, "--yes", *ASKED)
    config = load(work)
    assert (config.target.runtime == "process") is (name == "empty")
    if name == "empty":
        return
    usual = [
        p for p in ("docker/docker-compose.yml", "docker-compose.yml", "compose.yaml") if (work / p).exists()
    ]
    text = (work / (config.compose.file or usual[0])).read_text(encoding="utf-8")
    chosen = choose(resolved(parse(text)), config)
    assert (chosen.blue, config.compose.port, config.health.path, config.env.file) == {
        "specs-own": ("l9-api-blue", 8000, "/health", ".env"),
        "fastapi-uv": ("web", 8080, "/healthz", ".env"),
        "django": ("web", 9000, "/health/", ".env.prod"),
        "host-network": ("relay", 8000, "/up", ".env"),
        "only-a-dockerfile": ("fresh", 8000, "/health", ".env"),
        "fresh": ("fresh", 8000, "/health", ".env"),
    }[name]


def test_the_specs_own_layout_takes_five_lines(root: Path) -> None:
    text = initialised(layouts.specs_own(root), "--yes")["text"]
    assert [line for line in text.splitlines() if line] == [
        'app = "l9-api"',
        "[targets.production]",
        'host = "admin@203.0.113.10"',
        'public_url = "https://l9.example.com"',
    ]


def test_what_is_left_to_a_person_is_said_with_what_to_type(root: Path) -> None:
    text = l9(LAYOUTS["django"](root), "init", "--yes")
    assert "▲ l9.toml has example values for host and public_url" in text
    assert "▲ service nginx publishes a port" in text
    assert text.splitlines()[-5:] == [
        "  git add --all && git commit -m 'Add: Deploy with l9'",
        "  l9 check",
        "  l9 provision",
        "  l9 release v0.1.0-l9",
        "  l9 deploy v0.1.0-l9",
    ]
    empty = root / "other"
    empty.mkdir()
    assert l9(LAYOUTS["empty"](empty), "init", "--yes").splitlines()[-2:] == [
        "  $EDITOR Dockerfile",
        "  rm l9.toml && l9 init",
    ]


def test_hooks_are_installed_unless_they_are_not_wanted(root: Path) -> None:
    work = LAYOUTS["host-network"](root)
    notes = [note["what"] for note in initialised(work, "--yes")["notes"]]
    assert any(note.startswith("each commit is now checked") for note in notes)
    assert any(note.startswith("main accepts only reviewed merges") for note in notes)
    (status,) = documents(l9(work, "hooks", "status", "--json"))
    assert status["ready"] is True
    l9(work, "hooks", "remove")
    (work / "l9.toml").unlink()
    initialised(work, "--yes", "--no-hooks")
    (status,) = documents(l9(work, "hooks", "status", "--json"))
    assert status["ready"] is False


def test_hooks_that_cannot_be_installed_stop_nothing(root: Path) -> None:
    work = LAYOUTS["host-network"](root)
    layouts.git(work, "config", "core.hooksPath", "/dev/null")
    notes = [note["what"] for note in initialised(work, "--yes")["notes"]]
    assert any(note.startswith("the git hooks could not be installed") for note in notes)


def test_a_main_that_others_have_too_is_changed_over_a_branch(root: Path) -> None:
    work = LAYOUTS["host-network"](root)
    layouts.git(work, "add", "--all")
    layouts.git(work, "commit", "--quiet", "-m", "Add: The relay")
    layouts.git(work, "push", "--quiet", "origin", "main")
    steps = initialised(work, "--yes")["next"]
    assert steps[0].startswith("git switch --create feature/deploy-with-l9 && ")


def test_no_value_of_anybody_is_written(root: Path) -> None:
    work = LAYOUTS["fastapi-uv"](root)
    (work / ".env").write_text(
        "STRIPE_API_KEY=sk_live_nobodyknows\nDATABASE_URL=postgresql://u:hunter2@db/x\n"
    )
    found = initialised(work, "--yes")
    assert ".env.example" in {each["path"] for each in found["files"]}
    for text in (each["text"] for each in found["files"]):
        assert "nobodyknows" not in text
        assert "hunter2" not in text


# ── asking ───────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_written_unasked(layout: tuple[str, Path]) -> None:
    _, work = layout
    before = files(work)
    text = l9(work, "init", code=3)
    assert "+++ b/l9.toml\n" in text
    assert "+exec l9 deploy" in text
    assert "nothing was written; to write the files: l9 init --yes" in text
    found = initialised(work, code=3)
    assert (found["written"], found["next"]) == (False, ["l9 init --yes"])
    assert files(work) == before


@pytest.mark.parametrize(("answer", "written"), [(b"y\n", True), (b"n\n", False)])
def test_on_a_terminal_it_asks(root: Path, answer: bytes, written: bool) -> None:
    work = LAYOUTS["host-network"](root)
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        done = subprocess.run(
            (sys.executable, "-m", "l9", "init"),
            cwd=work,
            stdin=theirs,
            capture_output=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == (0 if written else 3)
    assert b"Write .env.example, scripts/deploy.sh" in done.stderr
    assert (work / "l9.toml").exists() is written


def test_what_is_there_is_never_overwritten(root: Path) -> None:
    work = LAYOUTS["host-network"](root)
    (work / "scripts").mkdir()
    (work / "scripts" / "deploy.sh").write_text("mine\n", encoding="utf-8")
    assert "# scripts/deploy.sh already exists" in l9(work, "init", "--yes")
    assert (work / "scripts" / "deploy.sh").read_text(encoding="utf-8") == "mine\n"
    assert "l9.toml already exists" in l9(work, "init", "--yes", code=2)


def test_not_even_what_git_leaves_out(root: Path) -> None:
    work = LAYOUTS["host-network"](root)
    (work / ".gitignore").write_text("scripts/\n", encoding="utf-8")
    (work / "scripts").mkdir()
    (work / "scripts" / "rollback.sh").write_text("mine\n", encoding="utf-8")
    assert "rollback.sh already exists" in l9(work, "init", "--yes", code=2)
    assert (work / "scripts" / "rollback.sh").read_text(encoding="utf-8") == "mine\n"
    assert not (work / "l9.toml").exists()
    assert not (work / "scripts" / "deploy.sh").exists()


def test_not_out_of_the_repository(root: Path) -> None:
    work = LAYOUTS["host-network"](root)
    (root / "elsewhere").mkdir()
    (work / "scripts").symlink_to(root / "elsewhere")
    assert "already exists" in l9(work, "init", "--yes", code=2)
    assert list((root / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("compose.yaml", b"services: [\n"),
        ("compose.yaml", b"\xff\xfe\x00"),
        ("compose.yaml", b"services:\n  web: !reset\n"),
        ("main.py", b"\xff\xfe def (\n"),
        ("Dockerfile", b"\x00" * 100),
        ("pyproject.toml", b"[project\n"),
        ("requirements.txt", b"\xff==\n"),
        ("caf\xe9.py".encode("latin-1").decode("latin-1"), b"x = 1\n"),
    ],
)
def test_odd_files_are_no_reason_to_stop(root: Path, path: str, content: bytes) -> None:
    work = layouts.make(root, "odd", {})
    (work / path).write_bytes(content)
    assert initialised(work, "--yes")["written"] is True
    load(work)


def test_outside_a_repository(tmp_path: Path) -> None:
    assert "not inside a git working copy" in l9(tmp_path, "init", code=2)


# ── the scripts ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def scripted(root: Path) -> Path:
    """A repository with its scripts, and a FAKE l9 on the path that tells where and how it was called."""
    work = LAYOUTS["host-network"](root)
    initialised(work, "--yes", "--no-hooks")
    (root / "bin").mkdir()
    fake(root / "bin" / "l9", "fake")
    return work


def fake(path: Path, name: str) -> None:
    """FAKE: a stand-in for l9 that says what it was asked for, and exits with 4."""
    path.write_text(
        f'#!/bin/sh\necho "{name} in $(pwd)"\nfor a; do echo "<$a>"; done\nexit 4\n', encoding="utf-8"
    )
    path.chmod(0o755)


def called(
    work: Path, script: str, *args: str, cwd: Path | None = None, **env: str
) -> tuple[int, list[str], str]:
    path = {"PATH": f"{work.parent / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(
        (str(work / "scripts" / script), *args), cwd=cwd or work, env={**os.environ, **path, **env},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize("path", SCRIPTS)
@pytest.mark.parametrize("shell", ["sh", "bash", "dash"])
def test_every_shell_reads_them(scripted: Path, path: str, shell: str) -> None:
    assert shutil.which(shell)
    subprocess.run((shell, "-n", str(scripted / path)), check=True)


@pytest.mark.parametrize(
    ("script", "args", "argv"),
    [
        ("deploy.sh", ("v0.5.1-l9",), ["<deploy>", "<v0.5.1-l9>"]),
        ("deploy.sh", ("v0.5.1-l9", "--target", "a b"), ["<deploy>", "<v0.5.1-l9>", "<--target>", "<a b>"]),
        ("rollback.sh", ("v0.5.0-l9",), ["<rollback>", "<v0.5.0-l9>"]),
        ("drift-check.sh", (), ["<drift>"]),
        ("drift-check.sh", ("--json",), ["<drift>", "<--json>"]),
    ],
)
def test_they_call_l9_at_the_top_and_exit_as_it_does(
    scripted: Path, script: str, args: tuple[str, ...], argv: list[str]
) -> None:
    for cwd in (scripted, Path("/")):
        assert called(scripted, script, *args, cwd=cwd) == (4, [f"fake in {scripted}", *argv], "")


@pytest.mark.parametrize("script", ["deploy.sh", "rollback.sh"])
@pytest.mark.parametrize("args", [(), ("",), ("--help",)])
def test_usage_is_the_specs(scripted: Path, script: str, args: tuple[str, ...]) -> None:
    code, out, err = called(scripted, script, *args)
    assert (code, out) == (1, [])
    assert err.startswith(f"Usage: {scripted / 'scripts' / script} <")


def test_another_server_by_environment_is_refused_and_not_passed_over(scripted: Path) -> None:
    code, out, err = called(scripted, "deploy.sh", "v0.5.1-l9", VPS_HOST="192.0.2.1")
    assert (code, out) == (1, [])
    assert "--target NAME" in err


def test_on_the_host_they_call_the_l9_that_is_there(scripted: Path) -> None:
    agent = scripted / ".l9" / "agent" / "bin"
    agent.mkdir(parents=True)
    fake(agent / "l9", "the host's")
    for script, args in (("rollback.sh", ("v0.5.0-l9",)), ("drift-check.sh", ())):
        assert called(scripted, script, *args, cwd=Path("/"))[1][0] == f"the host's in {scripted}"


@pytest.mark.parametrize("name", ["app", "größe's 50% $HOME"])
@pytest.mark.parametrize("script", ["rollback.sh", "drift-check.sh"])
def test_of_several_instances_they_call_the_one_of_their_own_directory(
    scripted: Path, tmp_path: Path, script: str, name: str
) -> None:
    work = scripted.rename(scripted.parent / name)
    file = work / "scripts" / script
    text = file.read_text(encoding="utf-8")
    for there, here in (("/etc/l9", tmp_path / "etc"), ("/usr/lib/l9", tmp_path / "lib")):
        assert there in text
        text = text.replace(there, str(here))
    file.write_text(text, encoding="utf-8")
    for instance, path in (("another", work.parent), ("last", work / "below"), ("mine", work)):
        settings = ServerSettings(app="a", name="production", instance=instance, path=str(path))
        (tmp_path / "etc" / instance).mkdir(parents=True)
        (tmp_path / "etc" / instance / "settings.json").write_text(settings_text(settings), encoding="utf-8")
        (tmp_path / "lib" / instance / "bin").mkdir(parents=True)
        fake(tmp_path / "lib" / instance / "bin" / "l9", instance)
    assert called(work, script, "v0.5.0-l9", cwd=Path("/"))[1][0] == f"mine in {work}"
    (tmp_path / "etc" / "mine" / "settings.json").unlink()
    assert called(work, script, "v0.5.0-l9", cwd=Path("/"))[1][0] == f"fake in {work}"


def test_the_hosts_own_l9_goes_by_the_settings_beside_it(root: Path) -> None:
    """As provisioning leaves it: an environment below .l9/agent, and the target's configuration in .l9."""
    work = layouts.make(root, "live", {"l9/__init__.py": "raise SystemExit('the repository, and not l9')\n"})
    initialised(work, "--yes", "--host", "ada@nowhere.invalid", "--no-hooks")
    ServerL9(work)
    settings = in_directory(work).settings
    code, _, err = called(work, "rollback.sh", "v0.5.0-l9", cwd=Path("/"))
    assert code == 2
    assert f"the settings in {settings} are not usable" in err
    config = load(work)
    own = msgspec.structs.replace(config, target=msgspec.structs.replace(config.target, path=str(work)))
    settings.write_text(settings_text(server_settings(own)), encoding="utf-8")
    code, out, err = called(work, "rollback.sh", "v0.5.0-l9", "--json", cwd=Path("/"))
    # Asked here, where nothing ever went live, and not over ssh.
    assert (code, err) == (2, "")
    assert "v0.5.0-l9 is not retained on the host" in out[0]
    assert "unknown target on this host: other" in called(work, "drift-check.sh", "--target", "other")[2]
