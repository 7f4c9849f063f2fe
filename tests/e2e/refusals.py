"""Assert that a refused command is told in full to people and to machines, with nothing changed anywhere."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pty
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from documented import answer_of, documents
from e2e.refusing_stage import Refusing
from l9.__main__ import main
from l9.cli import config as shown_config
from l9.cli import errors
from l9.cli.repository import check
from l9.cli.server import deploy, drift, explain, history, logs, plan, resume, rollback, status
from l9.config.provisioned import in_directory
from l9.configuration import load
from l9.demo.stage import GIT_NAMES
from provisioned_here import provision_here

# Imported here, so that a forked l9 need not.
PRELOADED = (
    check,
    shown_config,
    deploy,
    drift,
    errors,
    explain,
    history,
    logs,
    plan,
    resume,
    rollback,
    status,
)

ESCAPE = "\x1b"
# First words of the commands that a person has or can get; `$EDITOR` is theirs.
PROGRAMS = {
    "$EDITOR", "apt-get", "cd", "chmod", "command", "df", "docker", "free", "git", "l9", "mv", "pip", "sed", "ss",
    "ssh", "ssh-keygen", "systemctl", "tail", "unset",
}  # fmt: skip
# Written by looking, or by whoever serves: neither is a change that a refused command made.
VOLATILE = (".git", ".l9/logs", ".l9/lock")
JOURNAL, RUNS = ".l9/journal.jsonl", ".l9/runs"


@dataclass(frozen=True)
class Answer:
    """One refused command, as people and machines got it."""

    text: str
    document: dict[str, Any]

    @property
    def findings(self) -> list[dict[str, str]]:
        """Return what was expected, found and advised, in either form of an end."""
        if "closed" in self.document:
            return [
                {"expected": f["expected"], "found": f["found"], "remedy": f["remedy"]}
                for f in self.document["closed"]["findings"]
            ]
        seen = self.document["evidence"][0]
        remedies = [r["command"] for r in self.document["remedy"]]
        return [{"expected": seen["expected"], "found": seen["observed"], "remedy": r} for r in remedies]

    @property
    def remedies(self) -> list[str]:
        return [f["remedy"] for f in self.findings]


@dataclass
class Desk:
    """An operator's place: a working copy, its origin, and the stage whose host releases go to."""

    stage: Refusing
    work: Path
    origin: Path
    env: dict[str, str] = field(default_factory=dict)
    largest_file: int = -1  # bytes; what l9 and the agent may write, if not without limit

    def git(self, *args: str, cwd: Path | None = None) -> str:
        env = {**os.environ, **GIT_NAMES}
        done = subprocess.run(("git", *args), cwd=cwd or self.work, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, path: str, text: str, message: str = "Change: Something") -> None:
        (self.work / path).write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)

    def l9(self, *args: str) -> subprocess.CompletedProcess[str]:
        """The command line as an operator types it, in a terminal program that asks for colours."""
        env = {**GIT_NAMES, "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", **self.env}
        return forked(args, self.work, env, self.largest_file)

    @contextlib.contextmanager
    def provisioned(self, target: str) -> Iterator[None]:
        """The host's own settings are those that l9.toml has for this target."""
        config = load(self.work, target)
        file = in_directory(Path(config.target.path)).settings
        before = file.read_bytes() if file.exists() else None
        provision_here(config)
        try:
            yield
        finally:
            if before is None:
                shutil.rmtree(file.parent)
            else:
                file.write_bytes(before)

    def refused(self, *args: str, code: int, says: tuple[str, ...], recorded: bool = False) -> Answer:
        """Type the command as people do and as machines do; check all that holds for every refusal.

        `recorded`: a gate of the host closed, so that its journal tells of it; nothing else may change.
        """
        before = world(self)
        plain = self.l9(*args)
        machine = self.l9(*_with_json(args))
        after = world(self)
        told = plain.stdout + plain.stderr
        for done in (plain, machine):
            assert done.returncode == code, (args, done.returncode, done.stdout, done.stderr)
            assert "Traceback" not in done.stdout + done.stderr
            assert ESCAPE not in done.stdout + done.stderr
        printed = documents(machine.stdout)
        answer = Answer(told, answer_of(printed[-1]))
        assert [d for d in printed if d.get("type") in ("error", "result")] == printed[-1:]
        assert len(printed) == 1 or printed[0]["schema"] == "l9.lines/1"
        assert answer.document["exit_code"] == code
        _told_in_full(args, answer)
        for words in says:
            assert words in told, (words, told)
            assert words in json.dumps(answer.document, ensure_ascii=False), (words, answer.document)
        _same(before, after, recorded=recorded)
        return answer


def forked(
    args: tuple[str, ...], cwd: Path, env: dict[str, str], largest_file: int = -1
) -> subprocess.CompletedProcess[str]:
    """`l9 ARGS` in a process of its own, forked from this one: only Python's start is left out."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            _be_l9(args, cwd, env, largest_file)
        _, status = os.waitpid(child, 0)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8"))
    return subprocess.CompletedProcess(args, os.waitstatus_to_exitcode(status), *texts)


def _be_l9(args: tuple[str, ...], cwd: Path, env: dict[str, str], largest_file: int) -> NoReturn:
    code = 99
    try:
        signal.alarm(60)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
        os.chdir(cwd)
        os.environ.update(env)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdin = os.fdopen(0, closefd=False)
        sys.stdout, sys.stderr = (os.fdopen(n, "w", closefd=False) for n in (1, 2))
        sys.argv = ["l9", *args]
        code = main()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def on_terminal(args: tuple[str, ...], cwd: Path, env: dict[str, str]) -> str:
    """Run `l9 ARGS` on a terminal and return its output."""
    ours, theirs = pty.openpty()
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    child = subprocess.Popen(
        (sys.executable, "-m", "l9", *args),
        cwd=cwd,
        env={**clean, **env},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # EIO: nobody has it open any more
        while data := os.read(ours, 65536):
            shown += data
    os.close(ours)
    assert child.wait(10) == 0, shown
    return shown.decode("utf-8")


def _with_json(args: tuple[str, ...]) -> tuple[str, ...]:
    return (args[0], "--json", *args[1:])


def _told_in_full(args: tuple[str, ...], answer: Answer) -> None:
    assert answer.findings, answer.document
    for finding in answer.findings:
        assert finding["expected"], (args, finding)
        assert finding["found"], (args, finding)
        assert finding["remedy"], (args, finding)
        assert "\n" not in finding["remedy"]
        assert finding["remedy"] in answer.text, (finding["remedy"], answer.text)
        check_remedy(finding["remedy"], args)
    document = answer.document
    if document.get("type") == "error":
        assert document["schema"] == "l9.error/1"
        assert document["message"].splitlines() == [document["message"]]
        assert document["message"] in answer.text


def check_remedy(remedy: str, failed: tuple[str, ...]) -> None:
    """A command that can be typed, and not the one that has just failed."""
    words = shlex.split(remedy)
    assert words[0] in PROGRAMS, remedy
    assert words != ["l9", *failed]


# ── what there is ────────────────────────────────────────────────────────────────────────────────


def world(desk: Desk) -> dict[str, Any]:
    """All that a refused command could have changed, by name."""
    stage = desk.stage
    found: dict[str, Any] = {
        "journal": stage.layout.journal.read_bytes() if stage.layout.journal.exists() else b"",
        "runs": {p.name for p in (stage.host / RUNS).glob("*")},
        "slots": _slots(stage),
        "host": _files(stage.host),
        "work": _files(desk.work, volatile=(".git",)),
    }
    for name, repository in (
        ("work", desk.work / ".git"),
        ("origin", desk.origin),
        ("host", stage.host / ".git"),
    ):
        found[f"refs of {name}"] = _refs(repository)
    if (desk.work / ".git").exists():
        found["index"] = subprocess.run(
            ("git", "ls-files", "--stage", "-z"), cwd=desk.work, capture_output=True
        ).stdout
    return found


def _refs(repository: Path) -> dict[str, bytes]:
    files = [repository / "HEAD", repository / "packed-refs", *(repository / "refs").rglob("*")]
    return {str(path): path.read_bytes() for path in files if path.is_file()}


def _slots(stage: Refusing) -> dict[str, str]:
    """The slots' own files, and the state of each process (R, S, T …; running and sleeping are one)."""
    found = {}
    for path in sorted((stage.host / ".l9" / "slots").glob("*.json")):
        text = path.read_text(encoding="utf-8")
        state = "gone"
        with contextlib.suppress(OSError, KeyError):
            stat = Path(f"/proc/{json.loads(text)['pid']}/stat").read_text(encoding="utf-8")
            state = "paused" if stat.rpartition(")")[2].split()[0] == "T" else "runs"
        found[path.name] = f"{text} {state}"
    return found


def _files(top: Path, volatile: tuple[str, ...] = (*VOLATILE, JOURNAL, RUNS)) -> dict[str, str]:
    found = {}
    for folder, names, files in os.walk(top):
        here = os.path.relpath(folder, top)
        names[:] = [
            n for n in names if os.path.normpath(f"{here}/{n}") not in volatile and n != "__pycache__"
        ]
        for name in files:
            path = os.path.normpath(f"{here}/{name}")
            if path not in volatile:
                status = os.lstat(f"{folder}/{name}")
                found[path] = f"{status.st_mode:o} {_digest(Path(folder, name))}"
    return found


def _digest(path: Path) -> str:
    return os.readlink(path) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _same(before: Mapping[str, Any], after: Mapping[str, Any], *, recorded: bool) -> None:
    left_out = {"journal", "runs"} if recorded else set()
    for name in before.keys() - left_out:
        assert after[name] == before[name], f"{name} changed"
    if recorded:
        old, new = before["journal"], after["journal"]
        assert new.startswith(old)
        entries = [json.loads(line) for line in new[len(old) :].splitlines()]
        ends = [e["body"]["outcome"] for e in entries if e["body"]["event"] == "run-finished"]
        assert ends == ["REFUSED", "REFUSED"], entries  # once for people, once for machines
        assert len(after["runs"] - before["runs"]) == 2


# ── disturbing it, and putting it back ───────────────────────────────────────────────────────────


@contextlib.contextmanager
def kept(path: Path) -> Iterator[Path]:
    """The file as the block leaves it, and afterwards as it was."""
    data, mode = path.read_bytes(), path.stat().st_mode & 0o7777
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.chmod(mode)
        path.write_bytes(data)
