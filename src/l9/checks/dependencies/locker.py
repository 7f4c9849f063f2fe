"""Locks of the working directory, made with uv and audited with pip-audit."""

from __future__ import annotations

import os
import shlex
import shutil
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from l9.checks.dependencies import locker_commands as locking
from l9.checks.dependencies.declared import locked
from l9.checks.dependencies.locks import LockReport, read_requirements
from l9.drivers.files.atomic import replace_file
from l9.drivers.git import commands as git
from l9.drivers.git import runner as git_runner
from l9.drivers.process.programs import run
from l9.errors import ActionError, UsageError

PATIENCE = 900.0  # seconds: a first resolution downloads everything that is not cached


class Locker:
    """The locks of one working copy. `wanted` are the patterns of `[check] requirements`."""

    def __init__(self, top: Path, wanted: tuple[str, ...]) -> None:
        self._top = top
        self._wanted = wanted

    def jobs(self) -> tuple[locking.Job, ...]:
        """The locks that can be made here. Raises UsageError if there are none."""
        paths = self._paths()
        texts = {p: self._text(p) or "" for p in locking.sources(paths, self._wanted)}
        jobs = locking.plan(paths, texts, self._wanted)
        if jobs:
            return jobs
        other = next((p for p in paths if locking.is_lock(p)), "")
        raise UsageError(
            f"{other} is this project's lock, and its own tool makes it"
            if other
            else "there is nothing to lock",
            expected="[project] dependencies in pyproject.toml without another lock, or a requirements.in",
            found=other or "neither",
            remedy=f"cd {shlex.quote(str((self._top / other).parent))}"
            if other
            else "$EDITOR pyproject.toml",
        )

    def report(self, lock: str) -> LockReport | None:
        """The current content of a lock, or None if it does not exist."""
        text = self._text(lock)
        return None if text is None else read_requirements(text)

    def resolve(self, jobs: Iterable[locking.Job], upgrade: tuple[str, ...]) -> dict[str, str]:
        """Resolve the text of each lock without writing it. Raises ActionError if uv fails."""
        found: dict[str, str] = {}
        with tempfile.TemporaryDirectory(prefix="l9-lock-") as directory:
            for number, job in enumerate(jobs):
                output = Path(directory, str(number), Path(job.lock).name)
                output.parent.mkdir()
                if (text := self._text(job.lock)) is not None:
                    output.write_text(text, encoding="utf-8")
                with self._lent(directory, job.within, found) as within:
                    self._compile(job, str(output), within, upgrade)
                    made = output.read_text(encoding="utf-8")
                    # uv writes the path of the constraints file into the lock: use its path in the repository.
                    for name in (within, os.path.relpath(within, self._top)) if within else ():
                        made = made.replace(name, job.within)
                found[job.lock] = made
        return found

    def write(self, lock: str, text: str) -> None:
        """Replace one lock atomically."""
        path = (self._top / lock).resolve()
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        replace_file(path, text, mode)

    def pins(self) -> set[tuple[str, str]]:
        """All names and versions in the locks of the working copy."""
        found: set[tuple[str, str]] = set()
        for path in self._paths():
            if locking.is_lock(path):
                held = locked(self._text(path) or "", path)
                found |= {(n, p.version) for n, pins in held.items() for p in pins if p.version}
            elif locking.is_requirements(path, self._wanted):
                found |= {(pin.name, pin.version) for pin in read_requirements(self._text(path) or "").exact}
        return found

    def audit(self, pins: Iterable[tuple[str, str]]) -> locking.Audit:
        """Audit these versions. Raises ActionError if the service does not answer: that is not a pass."""
        program = _program("pip-audit")
        if not program:
            raise ActionError(
                "cannot check for known vulnerabilities",
                expected="pip-audit installed",
                found="not found",
                remedy="pip install 'l9[audit]'",
            )
        rounds = []
        with tempfile.TemporaryDirectory(prefix="l9-audit-") as directory:
            for number, text in enumerate(locking.audited_texts(pins)):
                file = Path(directory, f"{number}.txt")
                file.write_text(text, encoding="utf-8")
                done = run(locking.audit(program, str(file)), cwd=Path(directory), timeout=PATIENCE)
                answer = locking.parse_audit(done.out)
                if answer is None:
                    lines = done.last(1)  # the lines before it are a traceback
                    raise ActionError(
                        "cannot check for known vulnerabilities",
                        expected="an answer of the vulnerability service",
                        found=lines[0] if lines else f"exit code {done.code}",
                        remedy="pip-audit --verbose --no-deps --disable-pip --requirement requirements.txt",
                    )
                rounds.append(answer)
        return locking.merged(rounds)

    def _paths(self) -> tuple[str, ...]:
        """All tracked and untracked files of the working directory, without ignored ones."""
        out = git_runner.run_checked(git.list_known(), cwd=self._top)
        return tuple(p for p in dict.fromkeys(out.split("\0")) if p and (self._top / p).is_file())

    def _text(self, path: str) -> str | None:
        try:
            return (self._top / path).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None

    @contextmanager
    def _lent(self, directory: str, within: str, made: Mapping[str, str]) -> Iterator[str]:
        """A path with the new text of the lock that another one follows: the lock's own path if it does not change."""
        if within not in made:
            yield within
            return
        path = Path(directory, "within", Path(within).name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(made[within], encoding="utf-8")
        yield str(path)

    def _compile(self, job: locking.Job, output: str, within: str, upgrade: tuple[str, ...]) -> None:
        uv = _uv()
        if not uv:
            raise ActionError(
                "cannot make locks", expected="uv installed", found="not found", remedy="pip install uv"
            )
        argv = locking.compile_lock(uv, job, output, within, upgrade)
        done = run(argv, cwd=self._top, timeout=PATIENCE)
        if done.code == 0:
            return
        lines = tuple(line.rstrip() for line in (done.err or done.out).strip().splitlines())
        raise ActionError(
            f"{job.lock} cannot be made from {' and '.join(job.sources)}",
            expected="compatible versions, and a reachable index",
            found=lines[0].removeprefix("error: ") if lines else f"exit code {done.code}",
            remedy=f"$EDITOR {shlex.quote(job.sources[0])}",
            log=lines[:15],
        )


def _uv() -> str:
    """The uv of this installation, else the one on the path; empty if there is none."""
    try:
        from uv import find_uv_bin

        return find_uv_bin()
    except (ImportError, FileNotFoundError):
        return _program("uv")


def _program(name: str) -> str:
    """A program on the path or of this installation; empty if there is none."""
    own = sysconfig.get_path("scripts")
    return shutil.which(name) or shutil.which(name, path=own) or ""
