"""The sandbox that runs the stages in the release's own image, in a compose project that is removed afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from l9.checks.compose import services as compose
from l9.config.model import Config
from l9.core.ports import Say
from l9.drivers.compose.pipeline_document import (
    EVIDENCE,
    LABEL,
    Attempt,
    cgmp_document,
    closure,
    databases,
    image_name,
    repository,
)
from l9.drivers.docker import compose_commands as argv
from l9.drivers.docker.cli import DockerCli
from l9.drivers.docker.engine import Engine
from l9.drivers.docker.engine_commands import Container
from l9.drivers.files.atomic import replace_file
from l9.drivers.process.free_port import free_port
from l9.drivers.process.programs import Done, stream
from l9.errors import ActionError, L9Error
from l9.operator.pipeline import sandbox
from l9.operator.pipeline import stage_commands as stages
from l9.operator.pipeline.sandbox import TAIL, OwnEnv, Served, noted

_BUILD = 3600.0  # seconds
_MOST = 50_000_000  # bytes of one file of evidence
_SERVICE = "com.docker.compose.service"


def image_now(config: Config, key: str) -> str | None:
    """Return the id of the image built for the content with that key; None if there is none, or no engine."""
    try:
        engine = Engine()
        found = [i for i in engine.images(f"{LABEL}={key}") if any(_released(config, t, key) for t in i.tags)]
    except L9Error:
        return None
    return found[0].id if found else None


def prune_images(config: Config, keys: set[str]) -> None:
    """Remove the images built for the content with these keys, and untagged ones. Keeps the build cache."""
    with contextlib.suppress(L9Error):
        engine = Engine()
        for image in engine.images(LABEL):
            old = [t for t in image.tags if t.startswith(f"{repository(config)}:")]
            for name in old if image.labels.get(LABEL) in keys else () if image.tags else (image.id,):
                engine.remove_image(name)


def _released(config: Config, tag: str, key: str) -> bool:
    return tag.startswith(f"{repository(config)}:") and tag.endswith(f"-{key[:12]}_released")


class ContainerSandbox:
    """Implements `Sandbox` with compose. `folder` belongs to the caller and contains the exported tree."""

    where = "container"
    python = "python"
    evidence = EVIDENCE

    def __init__(self, config: Config, top: Path, folder: Path, evidence: Path, key: str) -> None:
        self._config = config
        self._folder = folder
        self._tree = folder / "tree"
        self._kept = evidence
        self._key = key
        self._engine = Engine()
        self._cli = DockerCli(self._engine.host)
        self._owner = f"{os.readlink('/proc/self/ns/pid')} {sandbox.owner()}"
        self._env = OwnEnv(self._tree, config.env.example, top / ".env.local", config.cgmp.env)
        self._env_text = _env_text(self._tree / config.env.example, top / ".env.local", config.cgmp.env)
        self._tests = stages.inside(config.check.test, config.cgmp.service)[0]
        self._app = ""
        self._file = folder / "compose.json"
        self._user_file = ""
        self._built: set[str] = set()
        self._require_docker()
        self._sweep()
        self._resolve()

    # ── the port's methods ───────────────────────────────────────────────────────────────────────

    @property
    def tree(self) -> str:
        self._need(self._tests, lambda _line: None)
        image = self._engine.image(image_name(self._config, self._tests, self._key))
        return str(
            self._document["services"][self._tests].get("working_dir") or (image.workdir if image else "/")
        )

    def run(self, argv_: tuple[str, ...], say: Say, timeout: float) -> Done:
        self._need(self._tests, say)
        done = self._group(argv.run_once(self._file, self._tests, argv_), say, timeout)
        self._collect()
        return done

    def typed(self, argv_: tuple[str, ...]) -> str:
        return stages.typed(argv.by_hand(self._user_file, "run", "--rm", "--build", self._tests, *argv_))

    def starts(self) -> str:
        return stages.typed(argv.by_hand(self._user_file, "up", "--build", self._app))

    def image(self, say: Say) -> str | None:
        self._need(self._app, say)
        name = self._document["services"][self._app]["image"]
        found = self._engine.image(name)
        if found is None:
            self._run_checked(argv.pull(self._file, self._app), say, "pulled")
            found = self._engine.image(name)
        if found is None:
            return None
        self._engine.tag(found.id, f"{image_name(self._config, self._app, self._key)}_released")
        return found.id

    def freeze(self, say: Say) -> tuple[str, ...] | None:
        for python in ("python", "python3"):
            ask = argv.run_once(self._file, self._app, ("-c", stages.FREEZE), entrypoint=python, alone=True)
            done = self._cli.read(ask, self._folder, timeout=120)
            if done.code == 0:
                return stages.parse_freeze(done.out)
        return None

    @contextmanager
    def serving(self, say: Say) -> Iterator[Served]:
        """Start the release and its databases in a network of their own, on a loopback port chosen by the engine."""
        self._need(self._app, say)
        wanted = (*(d for d in databases(self._document) if d != self._app), self._app)
        try:
            done = self._group(argv.up_with_needs(self._file, wanted), say, self._config.check.test_timeout)
            if done.code != 0:
                raise self._failed("the release cannot be started", done.last())
            yield Served(self._url(), self._env.values.get, self._log, self._ended)
        finally:
            self._remove(self._owner)

    def close(self) -> None:
        """Remove the project's containers, networks and volumes; keep its images for the next run."""
        self._remove(self._owner)

    def _require_docker(self) -> None:
        try:
            self._engine.version()
            self._cli.compose_version(self._folder)
        except ActionError as error:
            if error.remedy == "l9 provision":  # that command is for servers
                error.remedy = "docker compose version"
            raise

    # ── resolving and building ───────────────────────────────────────────────────────────────────

    def _resolve(self) -> None:
        """Resolve the user's compose file with the test environment, and write the project's document."""
        wanted = (self._config.compose.file,) if self._config.compose.file else compose.USUAL_FILES
        self._user_file = next((name for name in wanted if (self._tree / name).is_file()), "")
        if not self._user_file:
            raise ActionError(
                "compose file not found in the release",
                expected=f"one of {', '.join(wanted)}",
                found="no such file in the tree",
                remedy='$EDITOR l9.toml  # [cgmp] where = "process"',
            )
        env_file = self._folder / "env"
        replace_file(env_file, self._env_text, 0o600)
        project = f"{repository(self._config).replace('/', '-')}-{self._key[:8]}-{os.getpid()}"
        file = self._tree / self._user_file
        with self._lent_env(env_file):
            done = self._cli.read(argv.config(file, project, (env_file,)), file.parent)
        found = argv.parse_document(done.out) if done.code == 0 else None
        if found is None:
            lines = argv.without_values(done.err, self._env.values.values())
            raise ActionError(
                "the compose file cannot be resolved",
                expected="a compose file that `docker compose config` accepts",
                found=lines[-1] if lines else "no reason given",
                remedy=stages.typed(argv.by_hand(self._user_file, "config", "--quiet")),
                log=lines,
            )
        evidence = self._folder / "evidence"
        evidence.mkdir()
        evidence.chmod(0o777)  # for the image's user, any uid; only we can enter the parent directory
        attempt = Attempt(
            project=project,
            owner=self._owner,
            key=self._key,
            tests=self._tests,
            evidence=str(evidence),
            port=free_port(),
        )
        self._port = attempt.port
        self._app = compose.choose(found, self._config).blue
        self._document: dict[str, Any] = cgmp_document(found, self._config, attempt)
        replace_file(self._file, json.dumps(self._document), 0o600)

    @contextmanager
    def _lent_env(self, env_file: Path) -> Iterator[None]:
        """Put an environment file into the tree for resolving the compose file, and remove it before the build."""
        there = self._tree / self._config.env.file
        aside = self._folder / "env-of-tag"
        if there.exists():
            there.rename(aside)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.symlink_to(env_file)
        try:
            yield
        finally:
            there.unlink()
            if aside.exists():
                aside.rename(there)

    def _need(self, service: str, say: Say) -> None:
        """Build the images of a service and its dependencies, once."""
        known = self._document["services"]
        wanted = [n for n in closure(self._document, service) if known[n].get("build")]
        missing = sorted(set(wanted) - self._built)
        if missing:
            self._run_checked(argv.build(self._file, missing), say, "built")
            self._built |= set(missing)

    def _run_checked(self, command: argv.Argv, say: Say, what: str) -> None:
        done = self._group(command, say, _BUILD)
        if done.code != 0:
            raise self._failed(f"the image cannot be {what}", done.last())

    def _failed(self, message: str, tail: tuple[str, ...]) -> ActionError:
        return ActionError(
            message,
            expected="exit code 0",
            found=tail[-1] if tail else "no reason given",
            remedy=stages.typed(argv.by_hand(self._user_file, "build")),
            log=tail,
        )

    def _group(self, command: argv.Argv, say: Say, timeout: float) -> Done:
        kept = noted(say, self._kept / "stages.log")
        program, env = self._cli.command(command)
        done = stream(
            program,
            lambda line: kept(" ".join(self._env.hidden((line,)))),
            cwd=self._folder,
            env=env,
            inherit=False,
            timeout=timeout,
        )
        return msgspec.structs.replace(done, raw="\n".join(self._env.hidden(done.last())).encode())

    # ── inspecting ───────────────────────────────────────────────────────────────────────────────

    def _url(self) -> str:
        if self._document["services"][self._app].get("network_mode") == "host":
            return f"http://127.0.0.1:{self._port}"
        inside = self._config.compose.port
        for _ in range(20):
            found = argv.parse_port(self._read(argv.port(self._file, self._app, inside)).out)
            if found:
                return f"http://127.0.0.1:{found}"
            if ended := self._ended():
                raise ActionError(
                    "the release does not start",
                    expected="a running container",
                    found=ended,
                    remedy=self.starts(),
                    log=self._log(),
                )
            time.sleep(0.1)
        raise self._failed(f"port {inside} of {self._app} is not published", self._log())

    def _log(self) -> tuple[str, ...]:
        found = self._container()
        lines = self._engine.log_tail(found, TAIL) if found else []
        return self._env.hidden(line.text for line in lines)

    def _ended(self) -> str | None:
        found = self._container()
        if found is None:
            return "its container no longer exists"
        ends = found.status not in ("running", "created")
        return f"its container has {found.status} ({found.exit_code})" if ends else None

    def _container(self) -> Container | None:
        """Return the release's own container, or None."""
        found = self._engine.containers(f"{LABEL}={self._owner}", f"{_SERVICE}={self._app}")
        return found[0] if found else None

    def _read(self, command: argv.Argv) -> Done:
        return self._cli.read(command, self._folder)

    def _collect(self) -> None:
        """Copy the evidence: regular files only, since a test may write anything."""
        for path in (self._folder / "evidence").iterdir():
            if (
                path.is_file()
                and not path.is_symlink()
                and path.stat().st_size <= _MOST
                and path.name[0] != "."
            ):
                shutil.copyfile(path, self._kept / path.name)

    # ── cleaning up ──────────────────────────────────────────────────────────────────────────────

    def _sweep(self) -> None:
        """Remove the containers, networks and volumes of crashed processes of this machine."""
        here, _, _ = self._owner.partition(" ")
        containers = {c.labels.get(LABEL, "") for c in self._engine.containers(LABEL)}
        things = {o for kind in ("networks", "volumes") for o in self._engine.labelled(kind, LABEL).values()}
        for owner in containers | things:
            place, _, process = owner.partition(" ")
            if place == here and sandbox.gone(process):
                self._remove(owner)

    def _remove(self, owner: str) -> None:
        for container in self._engine.containers(f"{LABEL}={owner}"):
            self._engine.remove(container.id, force=True)
        for kind in ("networks", "volumes"):
            for name, whose in self._engine.labelled(kind, LABEL).items():
                if whose == owner:
                    self._engine.discard(kind, name)


def _env_text(example: Path, local: Path, more: dict[str, str]) -> str:
    """Return the test environment as a compose env file; the last value of a key wins."""
    texts = []
    for path in (example, local):
        with contextlib.suppress(OSError):
            texts.append(path.read_text(encoding="utf-8", errors="replace"))
    for key, value in more.items():
        quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
        texts.append(f'{key}="{quoted}"')
    return "\n".join(texts) + "\n"
