"""What a refused command must be: told in full to people and to machines, with nothing changed anywhere."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from l9.demo.stage import GIT_NAMES, Stage

ESCAPE = "\x1b"
# First words of the commands that a person has or can get; `$EDITOR` is theirs.
PROGRAMS = {
    "$EDITOR", "apt-get", "cd", "chmod", "command", "df", "docker", "free", "git", "l9", "pip", "ss", "ssh",
    "ssh-keygen", "systemctl", "unset",
}  # fmt: skip
REMEDIES: set[tuple[str, str]] = set()
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
        """What was expected, found and advised, in either form of an end."""
        if self.document.get("type") == "result":
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

    stage: Stage
    work: Path
    origin: Path
    env: dict[str, str] = field(default_factory=dict)

    def git(self, *args: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ("git", *args), cwd=cwd or self.work, env={**os.environ, **GIT_NAMES}, capture_output=True, text=True
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, path: str, text: str, message: str = "Change: Something") -> None:
        (self.work / path).write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)

    def l9(self, *args: str) -> subprocess.CompletedProcess[str]:
        """The command line as an operator types it, in a terminal program that asks for colours."""
        env = {**os.environ, **GIT_NAMES, "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", **self.env}
        return subprocess.run(
            (sys.executable, "-m", "l9", *args), cwd=self.work, env=env, capture_output=True, text=True, timeout=60
        )  # fmt: skip

    def refused(self, *args: str, code: int, says: tuple[str, ...], recorded: bool = False) -> Answer:
        """Type the command as people do and as machines do; check all that holds for every refusal.

        `recorded`: a gate of the host closed, so that the host's journal tells of it; nothing else may change.
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
        documents = [json.loads(line) for line in machine.stdout.splitlines()]
        answer = Answer(told, documents[-1])
        assert [d for d in documents if d.get("type") in ("error", "result")] == [answer.document]
        assert len(documents) == 1 or documents[0]["schema"] == "l9.run/1"
        assert answer.document["exit_code"] == code
        _told_in_full(args, answer)
        for words in says:
            assert words in told, (words, told)
            assert words in json.dumps(answer.document, ensure_ascii=False), (words, answer.document)
        _same(before, after, recorded=recorded)
        return answer


def _with_json(args: tuple[str, ...]) -> tuple[str, ...]:
    if "--" not in args:
        return (*args, "--json")
    at = args.index("--")
    return (*args[:at], "--json", *args[at:])


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
    REMEDIES.add((shlex.join(("l9", *failed)), remedy))
    words = shlex.split(remedy)
    assert words[0] in PROGRAMS, remedy
    assert words != ["l9", *failed]


# ── what there is ────────────────────────────────────────────────────────────────────────────────


def world(desk: Desk) -> dict[str, object]:
    """All that a refused command could have changed, by name."""
    stage = desk.stage
    found: dict[str, object] = {
        "journal": stage.layout.journal.read_bytes() if stage.layout.journal.exists() else b"",
        "runs": {p.name for p in (stage.host / RUNS).glob("*")},
        "slots": _slots(stage),
        "host": _files(stage.host),
        "work": _files(desk.work, volatile=(".git",)),
    }
    for name, repository in (("work", desk.work), ("origin", desk.origin), ("host", stage.host)):
        found[f"refs of {name}"] = _refs(repository)
    if (desk.work / ".git").exists():
        status = ("git", "--no-optional-locks", "status", "--porcelain", "-z")
        found["status"] = subprocess.run(status, cwd=desk.work, capture_output=True).stdout
    return found


def _refs(repository: Path) -> str:
    if not repository.is_dir():
        return "none"
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(repository.parent)}
    outs = []
    for argv in (("git", "for-each-ref"), ("git", "symbolic-ref", "HEAD"), ("git", "rev-parse", "HEAD")):
        outs.append(subprocess.run(argv, cwd=repository, env=env, capture_output=True, text=True).stdout)
    return "\n".join(outs)


def _slots(stage: Stage) -> dict[str, str]:
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
        names[:] = [n for n in names if os.path.normpath(f"{here}/{n}") not in volatile and n != "__pycache__"]
        for name in files:
            path = os.path.normpath(f"{here}/{name}")
            if path not in volatile:
                status = os.lstat(f"{folder}/{name}")
                found[path] = f"{status.st_mode:o} {_digest(Path(folder, name))}"
    return found


def _digest(path: Path) -> str:
    return os.readlink(path) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _same(before: Mapping[str, object], after: Mapping[str, object], *, recorded: bool) -> None:
    left_out = {"journal", "runs"} if recorded else set()
    for name in before.keys() - left_out:
        assert after[name] == before[name], f"{name} changed"
    if recorded:
        old, new = bytes(before["journal"]), bytes(after["journal"])  # type: ignore[call-overload]
        assert new.startswith(old)
        entries = [json.loads(line) for line in new[len(old) :].splitlines()]
        ends = [e["body"]["outcome"] for e in entries if e["body"]["event"] == "run-finished"]
        assert ends == ["REFUSED", "REFUSED"]  # once for people, once for machines
        assert len(after["runs"] - before["runs"]) == 2  # type: ignore[operator]


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
