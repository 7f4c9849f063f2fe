"""The sandbox without Docker: runs commands in the exported tree, and the release as a process."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from l9.config.model import Config
from l9.core.ports import Say
from l9.drivers.git.environment import without_repository
from l9.drivers.process import proc
from l9.drivers.process.free_port import free_port
from l9.drivers.process.programs import Done, stream
from l9.errors import ActionError
from l9.operator.pipeline import stage_commands as stages
from l9.operator.pipeline.sandbox import SERVER, TAIL, OwnEnv, Served, end_group, noted

_PATIENCE = 5.0  # seconds from SIGTERM to SIGKILL


class ProcessSandbox:
    """Implements `Sandbox` in a folder that belongs to the caller and contains the exported tree as `tree`."""

    where = "process"

    def __init__(self, config: Config, top: Path, folder: Path, evidence: Path) -> None:
        self._config = config
        self._top = top
        self._folder = folder
        self._tree = folder / "tree"
        self._prepared = False
        self.evidence = str(evidence)
        self.python = sys.executable

    @property
    def tree(self) -> str:
        return str(self._tree)

    def run(self, argv: tuple[str, ...], say: Say, timeout: float) -> Done:
        self._prepare(say)
        env = {
            **without_repository(),
            "PYTHONDONTWRITEBYTECODE": "1",
            "COVERAGE_FILE": f"{self._folder}/.coverage",
        }
        kept = noted(say, Path(self.evidence) / "stages.log")
        return stream(argv, kept, cwd=self._tree, env=env, inherit=False, timeout=timeout)

    def typed(self, argv: tuple[str, ...]) -> str:
        return stages.typed("python" if word == self.python else word for word in argv)

    def starts(self) -> str:
        return stages.typed(self._config.process.command).replace("'{python}'", "python")

    def image(self, say: Say) -> str | None:
        return None

    def freeze(self, say: Say) -> tuple[str, ...] | None:
        return None

    @contextmanager
    def serving(self, say: Say) -> Iterator[Served]:
        """Start `[process] command` on a free loopback port."""
        self._prepare(say)
        port, log = free_port(), Path(self.evidence) / "oracle.log"
        own_env = OwnEnv(
            self._tree, self._config.env.example, self._top / ".env.local", self._config.cgmp.env
        )
        env = own_env.values
        log.touch(mode=0o600)
        argv = stages.filled(
            self._config.process.command, {"python": self.python, "port": str(port), "tree": self.tree}
        )
        own = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
        }
        try:
            with log.open("wb") as out:
                child = subprocess.Popen(
                    argv,
                    cwd=self._tree,
                    env={**own, **env, "PORT": str(port)},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )
        except OSError as error:
            raise ActionError(
                "the release cannot be started",
                expected=f"an executable program in [process] command: {argv[0]}",
                found=error.strerror or str(error),
                remedy="$EDITOR l9.toml",
            ) from None
        try:
            (self._folder / SERVER).write_text(f"{child.pid} {proc.birth(child.pid)}", encoding="ascii")
            yield Served(
                f"http://127.0.0.1:{port}",
                env.get,
                lambda: own_env.hidden(log.read_text("utf-8", "replace").splitlines()[-TAIL:]),
                lambda: None if child.poll() is None else f"it ended with exit code {child.returncode}",
            )
        finally:
            child.send_signal(signal.SIGTERM)
            until = time.monotonic() + _PATIENCE
            while child.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
            end_group(child.pid)
            child.wait()
            (self._folder / SERVER).unlink(missing_ok=True)

    def close(self) -> None:
        """Do nothing: all files are in the caller's folder."""

    def _prepare(self, say: Say) -> None:
        """Run `[process] prepare` once, as a host does for each release. Raises ActionError."""
        argv = stages.filled(self._config.process.prepare, {"python": self.python, "tree": self.tree})
        if not argv or self._prepared:
            return
        self._prepared = True
        done = stream(
            argv,
            say,
            cwd=self._tree,
            env=without_repository(),
            inherit=False,
            timeout=self._config.check.test_timeout,
        )
        if done.code != 0:
            raise ActionError(
                "the release cannot be prepared",
                expected=f"{shlex.join(argv)} exits 0",
                found=f"exit code {done.code}",
                remedy=self.typed(argv),
                log=done.last(),
            )
