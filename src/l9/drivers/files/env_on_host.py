"""The host's environment file: judged without showing its values, and written by a run that resolved one."""

from __future__ import annotations

import errno
import secrets
import shlex
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from l9.checks.environment.env_file import EnvFile, fingerprint, parse_env, render_env, whole_fingerprint
from l9.checks.environment.facts import Environment
from l9.checks.environment.resolved import ResolvedEnv
from l9.checks.environment.schema import EnvReport, Rule, compare, judge_keys
from l9.core.events import StagedEnv
from l9.drivers.files.atomic import replace_file
from l9.errors import ActionError

PRIVATE = 0o600
_STAGED, _KEPT, _NONE = ".new", ".before", ".none"


class EnvOnHost:
    """Implements `Env`. `aside`: the directory, of mode 0700, for files that runs stage and keep."""

    def __init__(self, path: Path, aside: Path | None = None) -> None:
        self._path = path
        self._aside = aside or path.parent

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def check(self, rules: tuple[Rule, ...], run: str = "") -> Environment:
        path, staged = str(self._path), self._of(run, _STAGED)
        if run and staged.exists():
            seen = compare(rules, _read(staged))
            return Environment(path, self._path.exists(), seen.missing, PRIVATE, seen.wrong, resolved=True)
        seen = compare(rules, _read(self._path))
        mode = self._mode()
        if mode is None:
            return Environment(path, exists=False, missing=seen.missing)
        return Environment(path, True, seen.missing, mode, seen.wrong)

    def report(self, rules: tuple[Rule, ...]) -> EnvReport:
        file, mode = _read(self._path), self._mode()
        keys, octal = judge_keys(rules, file), "" if mode is None else f"{mode:04o}"
        return EnvReport(str(self._path), mode is not None, octal, keys, file.duplicates, file.bad_lines)

    def fingerprints(self, key: bytes) -> dict[str, str]:
        return fingerprint(_read(self._path), key)

    def secret(self, key: str) -> str | None:
        """Return the value of one key, only for l9's own requests."""
        return self.values().get(key)

    def values(self) -> dict[str, str]:
        """Return all keys and values, to start a process with."""
        return {e.key: e.value.reveal() for e in _read(self._path).entries}

    def _mode(self) -> int | None:
        try:
            return stat.S_IMODE(self._path.stat().st_mode)
        except OSError:
            return None

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def stage(self, run: str, env: ResolvedEnv) -> StagedEnv:
        self._aside.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._leftovers():
            path.unlink(missing_ok=True)
        kept = [entry for entry in _read(self._path).entries if entry.key in env.keep]
        text = env.text + render_env(kept)
        self._put(self._of(run, _STAGED), text.encode(), PRIVATE)
        file = parse_env(text)
        return StagedEnv(source=env.source, keys=file.keys, fingerprint=whole_fingerprint(file, self._key()))

    def write(self, run: str) -> str:
        staged, kept, none = (self._of(run, end) for end in (_STAGED, _KEPT, _NONE))
        target = self._path.resolve()  # a link stays a link
        if not staged.exists():
            if kept.exists() or none.exists():
                return "already written"
            raise ActionError(
                "the staged environment is missing",
                expected=str(staged),
                found="no such file",
                remedy="l9 status",
            )
        if not kept.exists() and not none.exists():
            if target.exists():
                self._put(kept, target.read_bytes(), stat.S_IMODE(target.stat().st_mode))
            else:
                self._put(none, b"", PRIVATE)
        file, before = _read(staged), _read(kept)
        self._put(target, staged.read_bytes(), PRIVATE)
        staged.unlink()
        dropped = [key for key in before.keys if key not in file.keys]
        gone = f"; removed: {', '.join(dropped)}" if dropped else ""
        return f"{len(file.keys)} keys, fingerprint {whole_fingerprint(file, self._key())}{gone}"

    def restore(self, run: str) -> None:
        kept, target = self._of(run, _KEPT), self._path.resolve()
        if kept.exists():
            self._put(target, kept.read_bytes(), stat.S_IMODE(kept.stat().st_mode))
        elif self._of(run, _NONE).exists():
            target.unlink(missing_ok=True)

    def settle(self, run: str) -> None:
        for end in (_STAGED, _KEPT, _NONE):
            with suppress(OSError):  # the next run that stages a file removes it
                self._of(run, end).unlink(missing_ok=True)

    def _of(self, run: str, end: str) -> Path:
        return self._aside / f"{run}{end}"

    def _leftovers(self) -> Iterator[Path]:
        """Yield the files of finished runs: the caller holds the lock, and interrupted runs were recovered before."""
        return (path for path in self._aside.iterdir() if path.suffix in (_STAGED, _KEPT, _NONE))

    def _key(self) -> bytes:
        """Return the host's secret key for fingerprints: they can be compared with each other, but not guessed."""
        path = self._aside / "key"
        if not path.exists():
            self._put(path, secrets.token_bytes(32), PRIVATE)
        return path.read_bytes()

    def _put(self, path: Path, data: bytes, mode: int) -> None:
        """Write a file with this mode and its former owner.

        The temporary file is in the private directory, or beside the file if that is another file system.
        """
        there = path.parent
        near = there.stat().st_dev == self._aside.stat().st_dev
        aside = self._aside / "aside" if near else there / f".{path.name}.l9"
        was = path.stat() if path.exists() else None
        try:
            replace_file(path, data, mode, aside=aside, owner=(was.st_uid, was.st_gid) if was else None)
        except PermissionError as error:
            if was is None or error.errno != errno.EPERM:  # chown's
                raise
            raise ActionError(
                f"cannot keep the owner of {path}",
                expected="a file owned by the deploying user, or to run as root",
                found=f"user {was.st_uid}",
                remedy=shlex.join(("ls", "-l", str(path))),
            ) from None


def is_private(path: Path) -> bool:
    """True if the file exists and only its owner may read it."""
    try:
        seen = path.stat()
    except OSError:
        return False
    return stat.S_ISREG(seen.st_mode) and not seen.st_mode & 0o077


def _read(path: Path) -> EnvFile:
    try:
        return parse_env(path.read_text(encoding="utf-8"))
    except OSError:
        return EnvFile(())
    except UnicodeDecodeError as error:
        raise ActionError(
            f"{path} cannot be read",
            expected="UTF-8 text",
            found=f"byte {error.start} is invalid",
            remedy=f"$EDITOR {shlex.quote(str(path))}",
        ) from None
