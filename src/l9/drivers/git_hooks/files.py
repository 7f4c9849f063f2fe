"""Hook files: install, inspect and remove them. A previous hook is kept, and restored on removal."""

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
    """One hook. `state`: installed, outdated (written by another l9), other (not l9's), or absent.

    `kept` is the previous hook; `kept_runs`: git would have run it, so l9 does.
    """

    name: str
    path: str
    state: str
    kept: str | None = None
    kept_runs: bool = False


class HookFiles:
    """The hooks of the repository that contains `here`. Raises UsageError if there is none."""

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
        """The value of core.hooksPath, or None."""
        done = run(git.hooks_path(), cwd=self._here, hooks=True)
        return done.out.rstrip("\n").partition("\t")[2] if done.code == 0 else None

    def states(self) -> tuple[HookState, ...]:
        return tuple(map(self._state, self._names))

    def install(self) -> None:
        """Write every hook; an existing one is kept beside it, under another name."""
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
        """Remove l9's hooks and restore the previous ones; return the removed names."""
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

    def run_kept(self, name: str, args: tuple[str, ...], stdin: bytes) -> int | None:
        """Run the previous hook, as git would have; return its exit code, or None if there is none.

        `stdin` is the standard input from git. A kept hook may call l9's again, if another tool installed itself in
        between: it is not run twice then.
        """
        state = self._state(name)
        if not (state.kept and state.kept_runs) or os.environ.get(RUNNING) == state.path:
            return None
        with open(state.kept, "rb") as file:
            first_line = file.readline(200).decode(errors="replace").strip()
        argv = git.run_kept(state.kept, state.path, first_line, args)
        env = {**os.environ, RUNNING: state.path}
        return subprocess.run(argv, cwd=self._here, env=env, input=stdin, check=False).returncode

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

    # ── refusals ─────────────────────────────────────────────────────────────────────────────────

    def _refuse_foreign_directory(self) -> None:
        """Refuse a hooks directory outside the repository: it is shared with other repositories."""
        if self.directory.parts[-2:] == (".husky", "_"):
            raise UsageError(
                "husky rewrites this hooks directory with every installation",
                expected="hooks in .husky that call l9",
                found=f"{self.directory}, from core.hooksPath",
                remedy="$EDITOR .husky/pre-commit",
                log=tuple(f'.husky/{name}: l9 hooks run {name} -- "$@"' for name in self._names),
            )
        real = self.directory.resolve()
        own = [Path(p).resolve() for p in (self.places.common, self.places.top) if p]
        if any(real.is_relative_to(p) for p in own):
            return
        raise UsageError(
            "the hooks directory is outside this repository and shared with others",
            expected=f"a hooks directory in {self.places.top or self.places.common}",
            found=f"{self.directory}, from core.hooksPath" if self.hooks_path else str(real),
            remedy="git config --local core.hooksPath "
            + shlex.quote(str(Path(self.places.common) / "hooks")),
            log=(
                "To keep that directory, call l9 from its hooks, a line each:",
                *(f'[ ! -e l9.toml ] || l9 hooks run {name} -- "$@"' for name in self._names),
            ),
        )

    def _refuse(self, state: HookState) -> None:
        path = Path(state.path)
        if state.state == "other" and state.kept:
            if _same(path, Path(state.kept)):
                return
            raise UsageError(
                f"two hooks that l9 did not write: {path.name} and {Path(state.kept).name}",
                expected="one of them, which l9 keeps and runs before its own",
                found=f"both in {self.directory}",
                remedy=shlex.join(("rm", state.kept)),
            )
        if state.state == "other" and self._is_in_work_tree() and self._ask(git.is_tracked(state.path)):
            raise UsageError(
                f"{path.name} is tracked by this repository; l9 does not rewrite it",
                expected=f"a line in it that calls l9 hooks run {path.name}",
                found=state.path,
                remedy=shlex.join(("$EDITOR", state.path)).replace("'$EDITOR'", "$EDITOR"),
                log=(f'l9 hooks run {path.name} -- "$@"',),
            )

    # ── a hooks directory in the working tree ────────────────────────────────────────────────────

    def _is_in_work_tree(self) -> bool:
        real, common = self.directory.resolve(), Path(self.places.common).resolve()
        return bool(self.places.top) and not real.is_relative_to(common)

    def _written(self) -> dict[str, Path]:
        """Return l9's possible files in the working tree, by the exclude line that makes git ignore them."""
        if not self._is_in_work_tree():
            return {}
        place = self.directory.resolve().relative_to(Path(self.places.top).resolve())
        paths = [p for n in self._names for p in (self.directory / n, self._kept(n))]
        return {f"/{place / p.name}": p for p in paths}

    def _hide(self) -> None:
        """Add l9's files to this clone's `info/exclude`, since they are in no release."""
        there = {line: p for line, p in self._written().items() if os.path.lexists(p)}
        lines = [line for line, p in there.items() if not self._ask(git.is_ignored(str(p)))]
        if lines:
            before = _read(self._excluded)
            end = "" if before.endswith("\n") or not before else "\n"
            mark = "" if EXCLUDE in before else f"{EXCLUDE}\n"
            _write(self._excluded, before + end + mark + "".join(f"{line}\n" for line in lines))

    def _unhide(self) -> None:
        """Remove exactly these lines again."""
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
    """Return the state of a working copy's hooks. Raises UsageError if there is no repository."""
    states = HookFiles(top, OURS).states()
    there = tuple(s.name for s in states if s.state == "installed")
    return Hooks(there, tuple(s.name for s in states if s.name not in there))


def find_places(here: Path) -> git.HookPaths:
    """Return the paths of the repository that contains `here`. Raises UsageError if there is none."""
    about, top = git.find_places()
    done = run(about, cwd=here, hooks=True)
    if done.code != 0:
        from l9.drivers.git.repo import find_top

        find_top(here)  # raises with the reason
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
