"""The docker program, for what only compose can do: resolve, build, pull, create."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from l9.drivers.docker import compose_commands as compose
from l9.drivers.process.programs import Done, run, stream
from l9.errors import ActionError

TAIL = 30
# What the program needs of our environment. The rest stays out: compose would fill it into the user's file,
# so that a release would depend on who deploys it.
_PASSED = (
    "PATH", "HOME", "USER", "LANG", "TMPDIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "DOCKER_CONFIG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
_SET = {"BUILDKIT_PROGRESS": "plain", "COMPOSE_ANSI": "never", "COMPOSE_DISABLE_ENV_FILE": "1"}


# Where the docker program looks for its plugins, after the user's own folder and in this order.
PLUGINS = (
    "/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins",
)  # fmt: skip


class DockerCli:
    """Runs `docker …` against one engine."""

    def __init__(self, host: str, program: str = "docker") -> None:
        self._program = program
        self._env = {k: os.environ[k] for k in _PASSED if k in os.environ} | _SET | {"DOCKER_HOST": host}

    def read(
        self, argv: compose.Argv, cwd: Path, *, timeout: float = 60.0, env: Mapping[str, str] | None = None
    ) -> Done:
        """Run to the end and keep the standard output. `env` is added to what every run gets."""
        return run(
            self._argv(argv), cwd=cwd, env={**self._env, **(env or {})}, inherit=False, timeout=timeout
        )

    def stream(self, argv: compose.Argv, cwd: Path, say: Callable[[str], None]) -> Done:
        """Run, and pass on each line of both streams as it comes.

        It gets a folder of its own for temporary files: compose leaves a Dockerfile there for each service
        that is built from an image alone.
        """
        with tempfile.TemporaryDirectory(prefix="l9-compose-") as scratch:
            env = self._env | {"TMPDIR": scratch}
            return stream(self._argv(argv), say, cwd=cwd, env=env, inherit=False, keep=TAIL)

    def command(self, argv: compose.Argv) -> tuple[tuple[str, ...], dict[str, str]]:
        """The program and the environment to run it with, for who sees to its end by himself."""
        return self._argv(argv), dict(self._env)

    def compose_version(self, cwd: Path) -> str:
        """The version of compose. Raises ActionError when there is none, or it is too old."""
        found = compose.parse_version(self.read(compose.version(), cwd).out)
        if not found or compose.too_old(found):
            raise ActionError(
                "Docker Compose is too old" if found else "no Docker Compose",
                expected=f"Docker Compose {'.'.join(map(str, compose.MINIMUM))} or newer",
                found=found or "`docker compose version` fails",
                remedy="l9 provision",
            )
        return found

    def _argv(self, argv: compose.Argv) -> tuple[str, ...]:
        if argv[:2] == ("docker", "compose") and (plugin := self._compose()):
            return (plugin, *argv[2:])
        program = shutil.which(self._program, path=self._env.get("PATH"))
        if program is None:
            raise ActionError(
                "no Docker", expected=f"a program {self._program}", found="none", remedy="l9 provision"
            )
        return (program, *argv[1:])

    def _compose(self) -> str | None:
        """Compose itself: the docker program asks all plugins who they are first, which takes as long again."""
        if self._program != "docker":
            return None
        own = self._env.get("DOCKER_CONFIG") or f"{self._env.get('HOME', '')}/.docker"
        folders = os.pathsep.join((f"{own}/cli-plugins", *PLUGINS))
        return shutil.which("docker-compose", path=folders)
