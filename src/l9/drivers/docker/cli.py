"""The docker program, for operations that only compose has: resolve, build, pull, create."""

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
# The variables that the program needs. Compose would substitute any other in the user's file,
# and a release would depend on the user who deploys it.
_PASSED = (
    "PATH", "HOME", "USER", "LANG", "TMPDIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "DOCKER_CONFIG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
_SET = {"BUILDKIT_PROGRESS": "plain", "COMPOSE_ANSI": "never", "COMPOSE_DISABLE_ENV_FILE": "1"}


# The docker program's plugin folders after the user's own, in its order.
PLUGINS = (
    "/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins",
)  # fmt: skip


class DockerCli:
    """Runs the docker program against one engine."""

    def __init__(self, host: str, program: str = "docker") -> None:
        self._program = program
        self._env = {k: os.environ[k] for k in _PASSED if k in os.environ} | _SET | {"DOCKER_HOST": host}

    def read(
        self, argv: compose.Argv, cwd: Path, *, timeout: float = 60.0, env: Mapping[str, str] | None = None
    ) -> Done:
        """Run to the end and keep the standard output. `env` is added to the usual environment."""
        return run(
            self._argv(argv), cwd=cwd, env={**self._env, **(env or {})}, inherit=False, timeout=timeout
        )

    def stream(self, argv: compose.Argv, cwd: Path, say: Callable[[str], None]) -> Done:
        """Run, and pass each line of both streams to `say` as it arrives.

        The program gets its own folder for temporary files: compose leaves a Dockerfile there for each service
        that is built from an image alone.
        """
        with tempfile.TemporaryDirectory(prefix="l9-compose-") as scratch:
            env = self._env | {"TMPDIR": scratch}
            return stream(self._argv(argv), say, cwd=cwd, env=env, inherit=False, keep=TAIL)

    def command(self, argv: compose.Argv) -> tuple[tuple[str, ...], dict[str, str]]:
        """Return the program's arguments and its environment, for a caller that runs it."""
        return self._argv(argv), dict(self._env)

    def compose_version(self, cwd: Path) -> str:
        """Return the version of compose. Raises ActionError if it is missing or too old."""
        found = compose.parse_version(self.read(compose.version(), cwd).out)
        if not found or compose.too_old(found):
            raise ActionError(
                "Docker Compose is too old" if found else "Docker Compose not found",
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
                "Docker not found",
                expected=f"the program {self._program}",
                found="none",
                remedy="l9 provision",
            )
        return (program, *argv[1:])

    def _compose(self) -> str | None:
        """Return compose's own program: the docker program first queries all plugins, which doubles the time."""
        if self._program != "docker":
            return None
        own = self._env.get("DOCKER_CONFIG") or f"{self._env.get('HOME', '')}/.docker"
        folders = os.pathsep.join((f"{own}/cli-plugins", *PLUGINS))
        return shutil.which("docker-compose", path=folders)
