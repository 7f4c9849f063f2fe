"""Hook files: put in place, told of, and taken away again. What was there before is kept and put back."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import msgspec

import l9
from l9.checks.git.facts import Hooks
from l9.drivers.files.atomic import replace_file
from l9.drivers.git.runner import run
from l9.drivers.git_hooks import commands as git
from l9.errors import UsageError

OURS = ("pre-commit", "commit-msg", "pre-push")  # in a working copy
RUNNING = "L9_HOOK"  # the hook whose predecessor runs
EXCLUDE = "# l9 hooks"


class HookState(msgspec.Struct, frozen=True, kw_only=True):
    """One hook. `state`: installed, outdated (written by another l9), other (somebody else's), or absent.

    `kept` is the hook that was there before; `kept_runs` whether git would have run it, so that we do.
    """

    name: str
    path: str
    state: str
    kept: str | None = None
    kept_runs: bool = False


class HookFiles:
    """The hooks of the repository that `here` lies in. Raises UsageError where there is none."""

    def __init__(
        self,
        here: Path,
        names: tuple[str, ...],
        *,
        install: str = "l9 hooks install",
        remove: str = "l9 hooks remove",
    ) -> None:
        self._here = here
        self._names = names
        self._commands = (install, remove)
        self.places = find_places(here)
        self.directory = Path(self.places.hooks)

    @property
    def hooks_path(self) -> str | None:
        """What core.hooksPath says, or None."""
        done = run(git.hooks_path(), cwd=self._here, hooks=True)
        return done.out.rstrip("\n").partition("\t")[2] if done.code == 0 else None

    def states(self) -> tuple[HookState, ...]:
        return tuple(map(self._state, self._names))

    def install(self) -> None:
        """Write every hook, once; a hook that is there is kept beside it, under another name."""
        self._refuse_foreign_directory()
        for state in self.states():
            self._refuse(state)
        for state in self.states():
            path, kept = Path(state.path), self._kept(state.name)
            if state.state == "other":
                path.rename(kept)
            if state.state != "installed":
                replace_file(path, self.text(state.name), 0o755)
        self._hide()

    def remove(self) -> tuple[str, ...]:
        """Take our hooks away and put back what was there; the names of those that were ours."""
        ours = []
        for state in self.states():
            path, kept = Path(state.path), self._kept(state.name)
            if state.state in ("installed", "outdated"):
                ours.append(state.name)
                path.unlink()
            if state.state != "other" and os.path.lexists(kept):
                kept.rename(path)
        self._unhide()
        return tuple(ours)

    def run_kept(self, name: str, args: tuple[str, ...], told: bytes) -> int | None:
        """Run the hook that was there before ours, as git would have; its exit code, or None for no such hook.

        `told` is what git writes to its standard input. A kept hook may call ours again, where another tool came in
        between: then it is not run twice.
        """
        state = self._state(name)
        if not (state.kept and state.kept_runs) or os.environ.get(RUNNING) == state.path:
            return None
        with open(state.kept, "rb") as file:
            first_line = file.readline(200).decode(errors="replace").strip()
        argv = git.run_kept(state.kept, state.path, first_line, args)
        env = {**os.environ, RUNNING: state.path}
        return subprocess.run(argv, cwd=self._here, env=env, input=told, check=False).returncode

    # ── one hook ─────────────────────────────────────────────────────────────────────────────────

    def _state(self, name: str) -> HookState:
        path, kept = self.directory / name, self._kept(name)
        if not os.path.lexists(path):
            state = "absent"
        else:
            text = _read(path)
            ours = git.MARK in text
            state = "other" if not ours else "installed" if text == self.text(name) else "outdated"
        if state == "installed" and not os.access(path, os.X_OK):
            state = "outdated"
        there = os.path.lexists(kept)
        return HookState(
            name=name,
            path=str(path),
            state=state,
            kept=str(kept) if there else None,
            kept_runs=there and os.access(kept, os.X_OK) and kept.is_file(),
        )

    def _kept(self, name: str) -> Path:
        return self.directory / f"{name}{git.KEPT}"

    def text(self, name: str) -> str:
        package = Path(l9.__file__).absolute()
        return git.hook_file(name, sys.executable, str(package), *self._commands)

    # ── what may not be touched ──────────────────────────────────────────────────────────────────

    def _refuse_foreign_directory(self) -> None:
        """A directory of hooks outside the repository serves other repositories too."""
        if self.directory.parts[-2:] == (".husky", "_"):
            raise UsageError(
                "husky writes this directory of hooks anew with every installation",
                expected="hooks in .husky that call l9 themselves",
                found=f"{self.directory}, from core.hooksPath",
                remedy="$EDITOR .husky/pre-commit",
                log=tuple(f'.husky/{name}: l9 hooks run {name} -- "$@"' for name in self._names),
            )
        real = self.directory.resolve()
        own = [Path(p).resolve() for p in (self.places.common, self.places.top) if p]
        if any(real.is_relative_to(p) for p in own):
            return
        raise UsageError(
            "the hooks of this repository lie outside of it, where they serve others too",
            expected=f"a directory of hooks in {self.places.top or self.places.common}",
            found=f"{self.directory}, from core.hooksPath" if self.hooks_path else str(real),
            remedy="git config --local core.hooksPath "
            + shlex.quote(str(Path(self.places.common) / "hooks")),
            log=(
                "To stay with that directory, let its hooks call l9 themselves, a line each:",
                *(f'[ ! -e l9.toml ] || l9 hooks run {name} -- "$@"' for name in self._names),
            ),
        )

    def _refuse(self, state: HookState) -> None:
        path = Path(state.path)
        if state.state == "other" and state.kept:
            if _same(path, Path(state.kept)):
                return
            raise UsageError(
                f"two hooks that are not ours: {path.name} and {Path(state.kept).name}",
                expected="one of them, which l9 keeps and runs before its own",
                found=f"both in {self.directory}",
                remedy=shlex.join(("rm", state.kept)),
            )
        if state.state == "other" and self._is_in_work_tree() and self._ask(git.is_tracked(state.path)):
            raise UsageError(
                f"{path.name} is a file of this repository; l9 does not rewrite it",
                expected=f"a line in it that calls l9 hooks run {path.name}",
                found=state.path,
                remedy=shlex.join(("$EDITOR", state.path)).replace("'$EDITOR'", "$EDITOR"),
                log=(f'l9 hooks run {path.name} -- "$@"',),
            )

    # ── a directory of hooks among the working files ─────────────────────────────────────────────

    def _is_in_work_tree(self) -> bool:
        real, common = self.directory.resolve(), Path(self.places.common).resolve()
        return bool(self.places.top) and not real.is_relative_to(common)

    def _written(self) -> dict[str, Path]:
        """What we may have written among the working files, by the line that makes git ignore it."""
        if not self._is_in_work_tree():
            return {}
        place = self.directory.resolve().relative_to(Path(self.places.top).resolve())
        paths = [p for n in self._names for p in (self.directory / n, self._kept(n))]
        return {f"/{place / p.name}": p for p in paths}

    def _hide(self) -> None:
        """Have git ignore in this clone what we wrote: it is in no release, and nobody is to be told of it."""
        there = {line: p for line, p in self._written().items() if os.path.lexists(p)}
        lines = [line for line, p in there.items() if not self._ask(git.is_ignored(str(p)))]
        if lines:
            before = _read(self._excluded)
            end = "" if before.endswith("\n") or not before else "\n"
            mark = "" if EXCLUDE in before else f"{EXCLUDE}\n"
            _write(self._excluded, before + end + mark + "".join(f"{line}\n" for line in lines))

    def _unhide(self) -> None:
        """Take just these lines of ours away again."""
        before = _read(self._excluded)
        ours = {EXCLUDE, *self._written()}
        if EXCLUDE in before:
            kept = "".join(one for one in before.splitlines(keepends=True) if one.rstrip("\n") not in ours)
            _write(self._excluded, kept) if kept else self._excluded.unlink()

    @property
    def _excluded(self) -> Path:
        return Path(self.places.common) / "info" / "exclude"

    def _ask(self, argv: tuple[str, ...]) -> bool:
        return run(argv, cwd=self._here).code == 0


def hooks_of(top: Path) -> Hooks:
    """Which of a working copy's hooks are in place. Raises UsageError where there is no repository."""
    states = HookFiles(top, OURS).states()
    there = tuple(s.name for s in states if s.state == "installed")
    return Hooks(there, tuple(s.name for s in states if s.name not in there))


def find_places(here: Path) -> git.HookPaths:
    """Where the repository of `here` keeps its things. Raises UsageError where there is none."""
    about, top = git.find_places()
    done = run(about, cwd=here, hooks=True)
    if done.code != 0:
        from l9.drivers.git.repo import find_top

        find_top(here)  # says what is wrong
    found = run(top, cwd=here)
    return git.parse_places(done.out, found.out if found.code == 0 else "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _write(path: Path, text: str) -> None:
    target = path.resolve()  # a link stays a link
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o644
    replace_file(target, text.encode("utf-8", errors="surrogateescape"), mode)


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()
