"""`l9 check` of a repository of 10,000 files: cold, again, and after one file changed; objects loose and packed."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.costs import own_seconds
from bench.figures import Figure
from bench.ground import Ground, MeasureError, l9_program, timed
from l9.demo.backend import source
from l9.demo.stage import GIT_NAMES

FILES = 10_000
TITLES = {"cold": "at first", "kept": "again", "changed": "after a commit that changed one file"}


def large_tree(ground: Ground, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure wall clock and CPU of `l9 check`; nothing is asked of the host."""
    figures = []
    with TemporaryDirectory(prefix="l9-bench-", dir="/var/tmp") as name:
        for state in ("packed", "loose"):
            say(f"a repository of {FILES:,} files, {state}")
            top = Path(name, state)
            _make(top, ground.work / "l9.toml")
            if state == "packed":
                _git(top, "repack", "-a", "-d", "-q")
            walls: dict[str, list[float]] = {}
            cpu: dict[str, list[float]] = {}
            for run in range(runs):
                shutil.rmtree(top / ".git" / "l9", ignore_errors=True)
                for what, title in TITLES.items():
                    say(f"l9 check {title}, {state}, {run + 1} of {runs}")
                    if what == "changed":
                        (top / "pkg1" / "mod1.py").write_text(f"X = {time.time()}\n", encoding="utf-8")
                        _git(top, "commit", "-q", "-a", "-m", "Fix: One file")
                    before = own_seconds()
                    walls.setdefault(what, []).append(_check(top))
                    cpu.setdefault(what, []).append(own_seconds() - before)
            for what, title in TITLES.items():
                target = {"cold": 1.5, "kept": 0.5}.get(what)
                seconds = ", ".join(f"{value:.2f}" for value in cpu[what])
                figures.append(
                    Figure(
                        f"check.{state}.{what}", f"l9 check of {FILES:,} files, {state}, {title}", "s",
                        tuple(walls[what]), target, note=f"CPU seconds: {seconds}",
                    )
                )  # fmt: skip
    return figures


def _make(top: Path, settings: Path) -> None:
    shutil.copytree(source(), top, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache", ".venv"))
    shutil.copy(settings, top / "l9.toml")
    for number in range(FILES):
        folder = top / f"pkg{number % 100}"
        folder.mkdir(exist_ok=True)
        (folder / f"mod{number}.py").write_text(f"X = {number}\n", encoding="utf-8")
    _git(top, "init", "-q", "--initial-branch=main", ".")
    _git(top, "config", "gc.auto", "0")
    _git(top, "add", "--all")
    _git(top, "commit", "-q", "-m", "Add: Ten thousand files")


def _git(top: Path, *args: str) -> None:
    subprocess.run(("git", *args), cwd=top, env={**os.environ, **GIT_NAMES}, check=True)


def _check(top: Path) -> float:
    argv = (*l9_program(), "check", "--json")
    done = timed(lambda: subprocess.run(argv, cwd=top, capture_output=True, text=True, check=False))
    if done.code not in (0, 3) or '"invariants"' not in done.out:
        raise MeasureError(f"l9 check ended with {done.code}: {done.out[-1000:]}{done.err[-1000:]}")
    return done.seconds
