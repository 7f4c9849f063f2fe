"""Refused things: each is told in full, with the command that mends it, and changes nothing."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.embedded_place import QUICK_TEST
from e2e.loopback import Sshd, absent, docker_engine, launcher, plain_site
from e2e.refusals import PROGRAMS, REMEDIES, Desk, kept, on_terminal, world
from e2e.refusing_stage import LIVE, NEXT, Refusing, staged
from l9 import __version__
from l9.core.graph import GRAPH

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def stage() -> Iterator[Refusing]:
    with staged("stage") as made:
        yield made


@pytest.fixture
def desk(stage: Refusing, tmp_path: Path) -> Desk:
    """A working copy and an origin of this case's own; its host is everybody's, and nobody may change it."""
    origin = shutil.copytree(stage.origin, tmp_path / "origin.git")
    work = shutil.copytree(stage.work, tmp_path / "work", ignore=shutil.ignore_patterns("__pycache__"))
    desk = Desk(stage, work, origin)
    desk.git("remote", "set-url", "origin", str(origin))
    desk.git("fetch", "--quiet")
    return desk


# ── the tag ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", ["deploy", "check"])
def test_no_such_tag(desk: Desk, command: str) -> None:
    answer = desk.refused(command, "v9.9.9-l9", code=3, says=("a tag v9.9.9-l9", "no such tag"))
    assert any(r.startswith("git tag -a v9.9.9-l9") for r in answer.remedies)


def test_plan_of_no_such_tag(desk: Desk) -> None:
    done = desk.l9("plan", "v9.9.9-l9", "--json")
    gates = json.loads(done.stdout)["gates"]
    assert done.returncode == 3
    assert next(g["gate"] for g in gates if g["verdict"] == "closed") == "LOCAL-READY"


def test_lightweight_tag(desk: Desk) -> None:
    desk.git("tag", "v0.6.0-l9")
    answer = desk.refused("deploy", "v0.6.0-l9", code=3, says=("an annotated tag", "a lightweight tag"))
    # The remedy is a command that mends it: typed as it is, the same deploy gets past this gate.
    subprocess.run(shlex.split(answer.remedies[0]), cwd=desk.work, check=True, capture_output=True)
    assert "LOCAL-READY" in desk.l9("check", "v0.6.0-l9").stderr
    assert desk.l9("check", "v0.6.0-l9").returncode == 0


NAMES = (
    "v0.6-l9", "release-1", "v01.0.0-l9", "v1.0.0", "v1.0.0-l9; rm -rf /", "$(id)", "v1.0.0-l9\n", "`id`", "",
    "v١.٠.٠-l9", "v1.0.0-l9 ", "v1.0.0-l9/../../x", "refs/heads/main", "HEAD", "v1.0.0-l9^{}", "\udcff",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_name_that_is_no_releases(desk: Desk, name: str) -> None:
    desk.refused("deploy", name, code=2, says=("a tag like v<major>.<minor>.<patch>-l9",))


@pytest.mark.parametrize("command", ["deploy", "rollback", "plan", "check"])
def test_name_like_an_option(desk: Desk, command: str) -> None:
    desk.refused(command, "--", "--upload-pack=x", code=2, says=("this tag is refused", "--upload-pack=x"))
    desk.refused(command, "--upload-pack=x", code=2, says=("No such option '--upload-pack'",))


def test_tag_not_on_main(desk: Desk) -> None:
    desk.git("switch", "--quiet", "--create", "side")
    desk.commit("api/side.txt", "not reviewed")
    desk.git("tag", "-a", "v0.6.0-l9", "-m", "Release v0.6.0-l9: From the side")
    desk.git("switch", "--quiet", "main")
    answer = desk.refused("deploy", "v0.6.0-l9", code=3, says=("reachable from main",))
    assert answer.remedies == ["git merge v0.6.0-l9"]


def test_tag_without_a_message(desk: Desk) -> None:
    desk.git("tag", "-a", "v0.6.0-l9", "-m", "", "--cleanup=verbatim")
    desk.refused("deploy", "v0.6.0-l9", code=3, says=("a message", "an empty one"))


def test_tag_moved(desk: Desk) -> None:
    desk.git("tag", "-a", "-f", NEXT, f"{NEXT}^{{}}", "-m", "Release: Another object")
    answer = desk.refused("deploy", NEXT, code=3, says=("origin has another object under this name",))
    assert answer.remedies == [f"git ls-remote origin {NEXT}"]


# ── the working copy ─────────────────────────────────────────────────────────────────────────────


def _changed(desk: Desk) -> str:
    (desk.work / "README.md").write_text("changed", encoding="utf-8")
    return "README.md"


def _staged(desk: Desk) -> str:
    (desk.work / "api" / "new.py").write_text("", encoding="utf-8")
    desk.git("add", "--all")
    return "api/new.py"


def _renamed(desk: Desk) -> str:
    desk.git("mv", "README.md", "READ ME.md")
    return "READ ME.md"


def _deleted(desk: Desk) -> str:
    (desk.work / "README.md").unlink()
    return "README.md"


@pytest.mark.parametrize("change", [_changed, _staged, _renamed, _deleted])
def test_uncommitted_change(desk: Desk, change: Callable[[Desk], str]) -> None:
    path = change(desk)
    answer = desk.refused("deploy", NEXT, code=3, says=("no uncommitted changes", path))
    assert answer.remedies == ["git commit --all"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("notes.txt", "notes.txt"),
        ("my notes.txt", "my notes.txt"),
        ("Größe.txt", "Größe.txt"),
        ("two\nlines", r"'two\nlines'"),
        ("red\x1b[31m", r"'red\x1b[31m'"),
        ("-rf", "-rf"),
    ],
    ids=ascii,
)
def test_untracked_file(desk: Desk, name: str, shown: str) -> None:
    (desk.work / name).touch()
    answer = desk.refused("deploy", NEXT, code=3, says=("no untracked files",))
    assert answer.findings[0]["found"] == shown


def test_detached_head(desk: Desk) -> None:
    desk.git("switch", "--quiet", "--detach")
    answer = desk.refused("deploy", NEXT, code=3, says=("branch main checked out", "a detached HEAD"))
    assert answer.remedies == ["git switch main"]


def test_wrong_branch(desk: Desk) -> None:
    desk.git("switch", "--quiet", "--create", "topic")
    desk.refused("deploy", NEXT, code=3, says=("branch main checked out", "topic"))


def test_not_a_git_repository(desk: Desk) -> None:
    shutil.rmtree(desk.work / ".git")
    desk.env["GIT_CEILING_DIRECTORIES"] = str(desk.work.parent)
    for command in (("deploy", NEXT), ("check",), ("plan", NEXT)):
        answer = desk.refused(*command, code=2, says=("not inside a git working copy",))
        assert answer.remedies == ["git init"]


def test_no_configuration(desk: Desk) -> None:
    (desk.work / "l9.toml").unlink()
    answer = desk.refused("status", code=2, says=("no l9.toml",))
    assert answer.remedies == ["l9 init"]


def test_configuration_that_is_there_already(desk: Desk) -> None:
    answer = desk.refused("init", code=2, says=("l9.toml is there already",))
    assert answer.remedies == ["l9 config show"]


def test_repository_without_commits(desk: Desk) -> None:
    shutil.rmtree(desk.work / ".git")
    desk.git("init", "--quiet", "--initial-branch=main")
    desk.refused("deploy", NEXT, code=3, says=("no such tag", "no untracked files"))
    desk.refused("check", code=2, says=("there is no release tag yet",))


def test_shallow_clone(desk: Desk, tmp_path: Path) -> None:
    shallow = Desk(desk.stage, tmp_path / "shallow", desk.origin)
    desk.git("clone", "--quiet", "--depth=1", f"file://{desk.origin}", str(shallow.work))
    shallow.git("fetch", "--quiet", "--depth=1", "origin", "tag", LIVE)
    answer = shallow.refused("deploy", LIVE, code=3, says=("a shallow clone",))
    assert answer.remedies == ["git fetch --unshallow origin"]
    subprocess.run(shlex.split(answer.remedies[0]), cwd=shallow.work, check=True, capture_output=True)
    assert shallow.l9("check", LIVE).returncode == 0


def test_working_copy_that_cannot_be_written(desk: Desk) -> None:
    shutil.rmtree(desk.work / ".git" / "l9")
    (desk.work / ".git" / "l9").touch()
    desk.refused("deploy", NEXT, code=3, says=("this machine refuses a file operation", ".git/l9"))


def test_journal_of_the_working_copy_is_broken(desk: Desk) -> None:
    with (desk.work / ".git" / "l9" / "journal.jsonl").open("a", encoding="utf-8") as journal:
        journal.write("not an entry\n")
    answer = desk.refused("check", NEXT, code=5, says=("the journal ends in a line that is no entry",))
    subprocess.run(shlex.split(answer.remedies[0]), check=True)
    assert desk.l9("check", NEXT).returncode == 0


def test_a_hooks_variables_do_not_lead_to_its_repository(desk: Desk, tmp_path: Path) -> None:
    desk.git("init", "--quiet", str(tmp_path / "other"))
    desk.env.update({"GIT_DIR": str(tmp_path / "other" / ".git"), "GIT_WORK_TREE": str(tmp_path / "other")})
    assert desk.l9("check", NEXT).returncode == 0
    assert desk.l9("drift").returncode == 0


# ── origin ───────────────────────────────────────────────────────────────────────────────────────


def test_no_origin(desk: Desk) -> None:
    desk.git("remote", "remove", "origin")
    answer = desk.refused("deploy", NEXT, code=3, says=("a remote named origin", "none"))
    assert answer.remedies == ["git remote add origin URL"]


@pytest.mark.parametrize("kind", ["gone", "ssh", "http"])
def test_origin_that_does_not_answer(desk: Desk, kind: str) -> None:
    port = desk.stage.closed_port
    url, says = {
        "gone": (f"{desk.origin}-gone", "does not appear to be a git repository"),
        "ssh": (f"ssh://git@127.0.0.1:{port}/app.git", "Connection refused"),
        "http": (f"http://127.0.0.1:{port}/app.git", "unable to access"),
    }[kind]
    desk.git("remote", "set-url", "origin", url)
    desk.refused("deploy", NEXT, code=3, says=("were not pushed", says))


def test_origin_is_ahead(desk: Desk, tmp_path: Path) -> None:
    other = Desk(desk.stage, tmp_path / "other", desk.origin)
    desk.git("clone", "--quiet", str(desk.origin), str(other.work))
    other.commit("theirs.txt", "theirs")
    other.git("push", "--quiet", "origin", "main")
    desk.commit("ours.txt", "ours")
    desk.git("tag", "-a", "v0.6.0-l9", "-m", "Release v0.6.0-l9: Ours")
    answer = desk.refused("deploy", "v0.6.0-l9", code=3, says=("refs/heads/main [rejected]",))
    assert answer.remedies == ["git pull --no-rebase origin main"]
    desk.git(*shlex.split(answer.remedies[0])[1:])
    assert desk.l9("check", "v0.6.0-l9").returncode == 0  # the tagged commit is still on main


def test_origin_declines(desk: Desk) -> None:
    hook = desk.origin / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho no releases on Fridays\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    desk.commit("ours.txt", "ours")
    desk.git("tag", "-a", "v0.6.0-l9", "-m", "Release v0.6.0-l9: Ours")
    desk.refused("deploy", "v0.6.0-l9", code=3, says=("pre-receive hook declined", "no releases on Fridays"))


# ── the configuration ────────────────────────────────────────────────────────────────────────────

GOOD = 'app = "l9-api"\n[targets.production]\nhost = "local"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("app = ", "l9.toml is not TOML"),
        (GOOD.replace("host", "hots"), "'host'"),
        (GOOD + "[health]\nsoka = 1\n", "'soak'"),
        (GOOD + "[helth]\n", "'health'"),
        (GOOD + "[health]\nsoak = 'long'\n", "Expected `float`, got `str`"),
        (GOOD + "[[smoke]]\npaht = '/x'\n", "'path'"),
        ('app = "l9-api"\ntargets = 3\n', "Expected `object`, got `int`"),
        ('app = "l9-api"\n', "targets"),
        ('app = "l9-api"\n[targets]\n', "has no target"),
        (GOOD.replace("l9-api", "L9 Api"), "l9.toml"),
        (GOOD.replace("local", "-oProxyCommand=id"), "a host as ssh takes it"),
        (GOOD + 'path = "opt"\n', "an absolute path on the host"),
        (GOOD + '[release]\ntag = "release"\n', "has no <major>"),
        ("\udcff", "l9.toml"),
    ],
    ids=ascii,
)
def test_malformed_configuration(desk: Desk, text: str, says: str) -> None:
    (desk.work / "l9.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    desk.refused("deploy", NEXT, code=2, says=(says,))


def test_no_such_target(desk: Desk) -> None:
    answer = desk.refused("deploy", NEXT, "--target", "produktion", code=2, says=("no target 'produktion'",))
    assert answer.remedies == ["l9 status --target production"]


# ── the command line ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("deploy",), "Missing argument 'TAG'"),
        (("plan",), "Missing argument 'TAG'"),
        (("deploy", NEXT, "--target"), "requires an argument"),
        (("rollback", "--wait"), "requires an argument"),
        (("deploy", NEXT, LIVE), "unexpected extra argument"),
        (("deploy", NEXT, "--wait", "long"), "not a valid float"),
        (("history", "-n", "0"), "not in the range"),
        (("logs", "--slot", "red"), "'red' is not one of 'blue', 'green'"),
        (("deplyo", NEXT), "no command deplyo, did you mean deploy"),
        (("frobnicate",), "no command frobnicate"),
        (("status", "--tarmac"), "No such option '--tarmac'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_command_line(desk: Desk, args: tuple[str, ...], says: str) -> None:
    answer = desk.refused(*args, code=2, says=(says,))
    assert answer.remedies[0].endswith("--help")


def test_explain_of_nothing(desk: Desk) -> None:
    answer = desk.refused("explain", "NOPE", code=2, says=("nothing on record of that", "NOPE"))
    assert answer.remedies == ["l9 history"]


@pytest.mark.usefixtures("ssh")
def test_remedies_stay_with_the_target(desk: Desk) -> None:
    answer = desk.refused("explain", "NOPE", "--target", "over-ssh", code=2, says=("nothing on record",))
    assert answer.remedies == ["l9 history --target over-ssh"]


# ── the way to the host ──────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def ssh(stage: Refusing) -> Iterator[Sshd]:
    (stage.root / "bare host").mkdir()
    launcher(stage.host)
    with stage.sshd.running() as sshd:
        yield sshd


@pytest.mark.parametrize("command", [("status",), ("deploy", NEXT), ("rollback",)])
def test_unreachable_host(desk: Desk, command: tuple[str, ...]) -> None:
    says = ("ssh does not reach 127.0.0.1", "Connection refused")
    answer = desk.refused(*command, "--target", "unreachable", code=3, says=says)
    port = desk.stage.closed_port
    assert answer.remedies == [f"ssh -F /dev/null -p {port} -- 127.0.0.1 true"]


@pytest.mark.usefixtures("ssh")
@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("unknown-key", "has an unknown host key"),
        ("changed-key", "shows another host key than the one on record"),
    ],
)
def test_wrong_host_key(desk: Desk, target: str, says: str) -> None:
    answer = desk.refused("status", "--target", target, code=3, says=(says, "Host key verification failed"))
    assert answer.remedies[0].endswith("-- 127.0.0.1 true")


@pytest.mark.usefixtures("ssh")
def test_host_without_the_agent(desk: Desk) -> None:
    answer = desk.refused("status", "--target", "no-agent", code=3, says=("no agent answers", "bare host"))
    assert answer.remedies == ["l9 provision --target no-agent"]


HELLO = {"type": "hello", "version": "9.9.9", "graph": "0", "host": "vps", "schema": "l9.agent/1"}
NEWER = f"echo '{json.dumps(HELLO)}'\n"
STRANGE = 'echo \'{"type": "greeting"}\'\necho login banner\nexit 3\n'


@pytest.mark.usefixtures("ssh")
@pytest.mark.parametrize(
    ("script", "code", "says"),
    [
        (NEWER, 2, ("another version", "version 9.9.9 on vps")),
        (STRANGE, 3, ("no agent answers", "exit code 3")),
        ("echo 'python3: not found' >&2\nexit 127\n", 3, ("no agent answers", "python3: not found")),
    ],
    ids=["newer", "strange", "broken"],
)
def test_agent_that_is_not_ours(desk: Desk, script: str, code: int, says: tuple[str, ...]) -> None:
    launcher(desk.stage.root / "other", script)
    desk.refused("deploy", NEXT, "--target", "other-agent", code=code, says=says)


@pytest.mark.usefixtures("ssh")
def test_link_that_drops(desk: Desk) -> None:
    hello = {**HELLO, "version": __version__, "graph": GRAPH.digest}
    launcher(desk.stage.root / "other", f"echo '{json.dumps(hello)}'\necho 'Connection reset' >&2\n")
    to = ("--target", "other-agent")
    desk.refused("status", *to, code=3, says=("dropped before the answer", "Connection reset"))
    answer = desk.refused("deploy", NEXT, *to, code=130, says=("the run there goes on by itself",))
    assert answer.remedies == ["l9 resume --target other-agent"]
    assert answer.document["changed"] is True  # nobody here can know


@pytest.mark.usefixtures("ssh")
def test_over_ssh_it_is_the_same(desk: Desk) -> None:
    local, over_ssh = (
        json.loads(desk.l9("status", "--json", "--target", t).stdout) for t in ("production", "over-ssh")
    )
    assert over_ssh["live"] == local["live"]


def test_no_ssh_on_this_machine(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(shutil.which("git") or "git")
    desk.env["PATH"] = str(tmp_path / "bin")
    desk.refused("status", "--target", "unreachable", code=3, says=("ssh cannot be run",))


def test_no_git_on_this_machine(desk: Desk, tmp_path: Path) -> None:
    desk.env["PATH"] = str(tmp_path)
    desk.refused("check", NEXT, code=3, says=("git cannot be run",))


# ── the host ─────────────────────────────────────────────────────────────────────────────────────


def test_no_directory_on_the_host(desk: Desk) -> None:
    answer = desk.refused("deploy", NEXT, "--target", "nowhere", code=2, says=("no directory",))
    assert answer.remedies == ["l9 provision --target nowhere"]


def test_directory_that_is_no_clone(desk: Desk) -> None:
    """It lies inside a repository, which must not be taken for the host's own."""
    desk.refused("drift", "--target", "no-clone", code=3, says=("is no git repository",))


def test_no_docker(desk: Desk, tmp_path: Path) -> None:
    desk.env["DOCKER_HOST"] = f"unix://{tmp_path}/none.sock"
    for command in (("deploy", NEXT), ("status",)):
        desk.refused(*command, "--target", "docker", code=3, says=("no Docker",))


def test_docker_too_old(desk: Desk, tmp_path: Path) -> None:
    desk.env["DOCKER_HOST"] = f"unix://{tmp_path}/docker.sock"
    with docker_engine(tmp_path / "docker.sock", "20.10.24", "1.41"):
        says = ("Docker is too old", "Engine 20.10.24")
        desk.refused("deploy", NEXT, "--target", "docker", code=3, says=says, recorded=True)


def test_compose_file_without_the_service(desk: Desk, tmp_path: Path) -> None:
    compose = (
        subprocess.run(("docker", "compose", "version"), capture_output=True)
        if shutil.which("docker")
        else None
    )
    if compose is None or compose.returncode:
        absent("needs docker compose: tools/test_host_packages.py installs it")
    desk.env["DOCKER_HOST"] = f"unix://{tmp_path}/docker.sock"
    with docker_engine(tmp_path / "docker.sock", "26.1.5", "1.45"):
        says = ("the compose file has no service for the slots", "service nosuch")
        desk.refused("deploy", NEXT, "--target", "no-service", code=3, says=says, recorded=True)


def test_nothing_listens_where_the_site_should_be(desk: Desk) -> None:
    says = ("Caddy does not answer", "Connection refused")
    desk.refused("deploy", NEXT, "--target", "silent", code=3, says=says, recorded=True)


def test_another_site_answers(desk: Desk) -> None:
    with plain_site(desk.stage.foreign_port):
        says = ("answers 200 with X-L9-Slot missing",)
        desk.refused("deploy", NEXT, "--target", "foreign", code=3, says=says, recorded=True)


def test_port_of_the_idle_slot_is_taken(desk: Desk) -> None:
    port = desk.stage.ports[0]  # the first release went to green
    # A process of its own: l9 runs as a fork of this one, and would share the socket with it.
    listens = f"import socket; s = socket.create_server(('127.0.0.1', {port})); print(1, flush=True); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen((sys.executable, "-c", listens), stdin=pipe, stdout=pipe) as stranger:
        assert stranger.stdout is not None
        stranger.stdout.readline()
        says = (f"port {port} free", f"held by pid {stranger.pid}")
        desk.refused("deploy", NEXT, code=3, says=says, recorded=True)
        stranger.communicate(b"\n")


@pytest.mark.parametrize(
    ("target", "says"), [("full", "MB of disk free"), ("crowded", "MB of memory available")]
)
def test_too_little_room(desk: Desk, target: str, says: str) -> None:
    desk.refused("deploy", NEXT, "--target", target, code=3, says=("1000000000 MB", says), recorded=True)


def test_journal_that_cannot_be_written(desk: Desk) -> None:
    (desk.work / ".git" / "l9" / "journal.jsonl").unlink()  # the operator's own stays below the limit
    desk.largest_file = desk.stage.layout.journal.stat().st_size
    desk.refused("deploy", NEXT, code=3, says=("the host refuses a file operation", "File too large"))


def test_directory_where_the_journal_should_be(desk: Desk) -> None:
    journal = desk.stage.layout.journal
    aside = journal.rename(journal.with_name("aside"))
    journal.mkdir()
    try:
        for command in (("status",), ("deploy", NEXT)):
            done = desk.l9(*command, "--json")
            last = json.loads(done.stdout.splitlines()[-1])
            assert (done.returncode, last["code"]) == (3, "ACTION"), (done.stdout, done.stderr)
            assert "Is a directory" in last["evidence"][0]["observed"]
    finally:
        journal.rmdir()
        aside.rename(journal)


ENV = Callable[[Path], object]


def _without(key: str) -> ENV:
    def change(path: Path) -> None:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(x for x in lines if not x.startswith(f"{key}=")), encoding="utf-8")

    return change


def _emptied(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    secret = next(x for x in text.splitlines() if x.startswith("L9_EXECUTOR_API_KEY="))
    path.write_text(text.replace(secret, "L9_EXECUTOR_API_KEY="), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (Path.unlink, ("an environment file", "none")),
        (_without("MEMORY_DSN"), ("every key of .env.example", "missing: MEMORY_DSN")),
        (_emptied, ("every key of .env.example", "missing: L9_EXECUTOR_API_KEY")),
        (lambda path: path.chmod(0o644), ("readable by its owner only", "mode 0644")),
    ],
    ids=["missing", "lacking", "empty", "world-readable"],
)
def test_environment_file(desk: Desk, change: ENV, says: tuple[str, ...]) -> None:
    with kept(desk.stage.host / ".env") as path:
        change(path)
        answer = desk.refused("deploy", NEXT, code=3, says=says, recorded=True)
    assert desk.stage.api_key not in answer.text + json.dumps(answer.document)


# ── going back ───────────────────────────────────────────────────────────────────────────────────


def test_rollback_to_an_unknown_release(desk: Desk) -> None:
    answer = desk.refused("rollback", "v9.9.9-l9", code=2, says=("v9.9.9-l9 is not retained",))
    assert answer.remedies == ["l9 deploy v9.9.9-l9"]


def test_rollback_with_nothing_to_go_back_to(desk: Desk) -> None:
    desk.refused("rollback", code=2, says=("there is no previous good release",))


def test_rollback_to_what_is_live(desk: Desk) -> None:
    desk.refused("rollback", LIVE, code=2, says=(f"{LIVE} is live already",))


# ── the journal ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", [("status",), ("deploy", NEXT), ("rollback",)])
def test_journal_of_a_newer_version(desk: Desk, command: tuple[str, ...]) -> None:
    with kept(desk.stage.layout.journal) as journal:
        lines = journal.read_text(encoding="utf-8").splitlines()
        newer = {**json.loads(lines[-1]), "schema": "l9.journal/2", "body": {"event": "ascended"}}
        journal.write_text("\n".join([*lines, json.dumps(newer)]) + "\n", encoding="utf-8")
        says = ("written by a newer l9", "l9.journal/1", "l9.journal/2")
        desk.refused(*command, code=2, says=says)


def test_changed_entry_is_found(desk: Desk) -> None:
    with kept(desk.stage.layout.journal) as journal:
        lines = journal.read_bytes().splitlines(keepends=True)
        lines[2] = lines[2].replace(b'"at":1', b'"at":2', 1)
        journal.write_bytes(b"".join(lines))
        desk.refused("history", "--verify", code=5, says=("the journal's chain breaks at entry 3",))


def test_removed_entry_is_found(desk: Desk) -> None:
    with kept(desk.stage.layout.journal) as journal:
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join(lines[:4] + lines[5:]))
        desk.refused("history", "--verify", code=5, says=("the journal's chain breaks at entry 5",))


def test_line_that_is_no_entry(desk: Desk) -> None:
    with kept(desk.stage.layout.journal) as journal:
        journal.write_bytes(journal.read_bytes() + b"not an entry\n")
        desk.refused("status", code=5, says=("a line that is no entry",))


def test_torn_last_line_is_tolerated(desk: Desk) -> None:
    with kept(desk.stage.layout.journal) as journal:
        whole = journal.read_bytes()
        journal.write_bytes(whole + whole.splitlines()[-1][:40])
        assert json.loads(desk.l9("status", "--json").stdout)["live"]["release"] == LIVE
        assert desk.l9("history").returncode == 0
        assert desk.l9("history", "--verify").returncode == 0


# ── what is no bad input at all: spaces and umlauts in every path, Ctrl-C, terminals ──────────────


@pytest.fixture(scope="module")
def spaced() -> Iterator[Refusing]:
    with staged("Grüße aus dem Büro/l9 stage") as made:
        launcher(made.host)
        with made.sshd.running():
            yield made


def test_paths_with_spaces_and_umlauts(spaced: Refusing) -> None:
    """The whole way: Caddy's file, git, the agent over ssh, the slots, the journal."""
    desk = Desk(spaced, spaced.work, spaced.origin)
    (spaced.work / "Größe der Welt.txt").touch()
    spaced.release("v0.5.2-l9")
    over = ("--target", "over-ssh")
    deployed = desk.l9("deploy", "v0.5.2-l9", *over, "--json")
    result = json.loads(deployed.stdout.splitlines()[-1])
    assert (result["outcome"], result["live"]) == ("SUCCESS", "v0.5.2-l9"), deployed.stdout[-3000:]
    assert json.loads(desk.l9("drift", "--json", *over).stdout)["drift"] == []
    assert "Uvicorn" in desk.l9("logs", *over).stdout
    back = desk.l9("rollback", "--json", *over)
    assert json.loads(back.stdout.splitlines()[-1])["live"] == LIVE, back.stdout[-3000:]
    assert json.loads(desk.l9("history", "--verify", "--json").stdout)["verified"] is True
    assert json.loads(desk.l9("status", "--json").stdout)["live"]["release"] == LIVE
    with kept(spaced.host / ".env") as path:
        path.chmod(0o640)
        answer = desk.refused("deploy", NEXT, *over, code=3, says=("mode 0640",), recorded=True)
    assert shlex.split(answer.remedies[0])[:2] == ["chmod", "600"]
    assert shlex.split(answer.remedies[0])[2] == str(path)


def in_foreground(argv: tuple[str, ...], cwd: Path) -> subprocess.Popen[str]:
    """As a shell starts a command: in a process group of its own, which Ctrl-C goes to.

    Whoever runs the tests in the background has them ignore SIGINT, which programs inherit.
    """
    pipe = subprocess.PIPE
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return subprocess.Popen(argv, cwd=cwd, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    finally:
        signal.signal(signal.SIGINT, before)


def test_interrupted_by_the_operator(spaced: Refusing) -> None:
    """Ctrl-C ends the watching, says so, and the run on the host goes on to a good end."""
    argv = (sys.executable, "-m", "l9", "deploy", NEXT, "--json")
    watching = in_foreground(argv, spaced.work)
    assert watching.stdout is not None
    line = next(line for line in watching.stdout if '"BLUE-GREEN-LAUNCH"' in line)
    os.killpg(watching.pid, signal.SIGINT)  # as a terminal does: to l9, and to the agent that it asked
    out, err = watching.communicate(timeout=20)
    last = json.loads((line + out).splitlines()[-1])
    assert (watching.returncode, last["code"], last["schema"]) == (130, "INTERRUPTED", "l9.error/1")
    assert "the run on the host goes on by itself" in last["message"]
    assert last["remedy"] == [{"command": "l9 resume"}]
    assert "Traceback" not in err
    resumed = spaced.l9_json("resume")
    assert resumed.get("live", NEXT) == NEXT  # attached to it, or came after its end
    assert spaced.l9_json("status")["live"]["release"] == NEXT


def test_interrupted_before_the_host_is_asked(desk: Desk) -> None:
    config = desk.work / "l9.toml"
    text = config.read_text(encoding="utf-8")
    slow = text.replace(json.dumps(QUICK_TEST), json.dumps(["{python}", "-c", "import time; time.sleep(20)"]))
    desk.commit("l9.toml", slow)
    desk.git("tag", "-a", "v0.6.0-l9", "-m", "Release v0.6.0-l9: With slow tests")
    argv = (sys.executable, "-m", "l9", "deploy", "v0.6.0-l9")
    running = in_foreground(argv, desk.work)
    assert running.stderr is not None
    next(line for line in running.stderr if "VERSION-LOCK" in line)
    before = world(desk)
    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "interrupted before the host had been asked" in err
    assert "Traceback" not in err
    assert world(desk) == before


@pytest.mark.parametrize(
    ("env", "styled"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
    ids=["colours", "NO_COLOR", "dumb"],
)  # fmt: skip
def test_colours_on_a_terminal(desk: Desk, env: dict[str, str], styled: bool) -> None:
    shown = on_terminal(("check", NEXT), desk.work, {"TERM": "xterm-256color", **env})
    assert "CREATE-ANNOTATED-TAG" in shown
    assert bool(re.search(r"\x1b\[[0-9;]*m", shown)) is styled
    assert ("\x1b" in shown) is (env.get("TERM") != "dumb")


# ── all of them ──────────────────────────────────────────────────────────────────────────────────


def test_every_remedy_is_a_command_of_its_own(desk: Desk) -> None:
    desk.refused("rollback", code=2, says=("no previous good release",))
    for failed, remedy in sorted(REMEDIES):
        assert shlex.split(remedy)[0] in PROGRAMS, (failed, remedy)
        assert shlex.split(remedy) != shlex.split(failed)
