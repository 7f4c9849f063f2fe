"""The retained parts of a release on the host: its resolved compose document, its environment, its image."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from l9.checks.compose import services as compose
from l9.checks.environment.env_file import parse_env
from l9.config.layout import Layout
from l9.config.model import Config
from l9.core.facts import Retained
from l9.core.states import Slot
from l9.drivers.compose import names
from l9.drivers.compose.slot_document import ReleaseDocument, ReleasePaths, slot_document
from l9.drivers.docker import compose_commands as argv
from l9.drivers.docker.cli import TAIL, DockerCli
from l9.drivers.docker.engine import Engine
from l9.drivers.docker.engine_commands import ImageInfo
from l9.drivers.files.atomic import replace_file
from l9.drivers.files.env_on_host import is_private
from l9.drivers.process.concurrency import run_concurrently
from l9.drivers.process.programs import Done
from l9.errors import ActionError, ConfigError

T = TypeVar("T")
_PLACEHOLDERS = frozenset((".gitkeep", ".gitignore", ".keep", ".placeholder"))
_MOST_ENV_FILES = 20


class Releases:
    """Reads and writes the retained parts of one instance's releases."""

    def __init__(self, config: Config, layout: Layout, engine: Engine, cli: DockerCli) -> None:
        self.config = config
        self.layout = layout
        self.engine = engine
        self.cli = cli

    # ── retained parts ───────────────────────────────────────────────────────────────────────────

    def document(self, release: str) -> dict[str, Any]:
        """Return the document as it was resolved when the release was built. Raises ActionError."""
        path = self.layout.compose_snapshot(release)
        try:
            found = argv.parse_document(path.read_text(encoding="utf-8"))
        except OSError:
            found = None
        if found is None:
            raise ActionError(
                f"the compose snapshot of {release} is missing",
                expected=str(path),
                found="no readable snapshot",
                remedy=f"l9 deploy {release}",
            )
        return found

    def image(self, release: str, service: str = "") -> ImageInfo | None:
        """Return the image of a release, or of a one-shot that has its own build."""
        found = self.engine.image(names.image(self.config.instance, release, service))
        return found if found and found.labels.get(names.RELEASE) == release else None

    def require_image(self, release: str) -> ImageInfo:
        """Return the image of a release. Raises ActionError if it is gone."""
        if found := self.image(release):
            return found
        raise ActionError(
            f"the image of {release} is missing",
            expected=names.image(self.config.instance, release),
            found="no such image",
            remedy=f"l9 deploy {release}",
        )

    def release(self, release: str, image: ImageInfo) -> ReleaseDocument:
        """Return the release's identity for documents and labels."""
        commit = image.labels.get(names.COMMIT, "")
        return ReleaseDocument(self.config.instance, release, commit, image.id)

    def places(self, release: str) -> ReleasePaths:
        """Return the paths of the release's files and of the host's own."""
        tree = self.layout.tree(release)

        def tracked(path: str) -> bool:
            here = tree / path
            if here.is_dir():  # a folder with only a placeholder file is for data that the program writes
                return any(entry.name not in _PLACEHOLDERS for entry in here.iterdir())
            return here.exists()

        return ReleasePaths(str(self.layout.root), str(tree), tracked)

    def env_value(self, release: str, key: str) -> str | None:
        """Return a value of the release's environment snapshot; None without one."""
        try:
            text = self.layout.env_snapshot(release).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        return next((entry.value.reveal() for entry in parse_env(text).entries if entry.key == key), None)

    def retained(self, release: str) -> Retained:
        """Return the parts that a rollback to a release needs."""
        image, folder = self.image(release), self.layout.release(release)
        try:
            self.document(release)
            document = True
        except ActionError:
            document = False
        return Retained(
            tag=release,
            known=image is not None or folder.is_dir(),
            image=image.id if image else None,
            image_present=image is not None,
            compose=document,
            env=is_private(self.layout.env_snapshot(release)),
        )

    def write(self, release: str, name: str, document: Mapping[str, Any]) -> Path:
        """Write a derived document with mode 0600, since it contains the environment."""
        path = self.layout.release(release) / name
        replace_file(path, json.dumps(document, indent=1), 0o600)
        return path

    # ── resolving ────────────────────────────────────────────────────────────────────────────────

    def resolve(self, release: str, commit: str) -> dict[str, Any]:
        """Resolve the tag's compose file with the host's environment, and retain both.

        The file may name its own release, as in `image: registry/app:${L9_RELEASE}`.
        """
        text = self._env_text()
        replace_file(self.layout.env_snapshot(release), text, 0o600)
        tree = self.layout.tree(release)
        file = self._file(tree)
        project = names.base_project(self.config.instance)
        with self._lent_env(release):
            beside = file.parent / ".env"
            own = (beside,) if beside.is_file() and not beside.is_symlink() else ()
            env_files = (*own, self.layout.env_snapshot(release))
            given = {"L9_RELEASE": release, "L9_COMMIT": commit}
            wanted = (argv.config(file, project, env_files), argv.hashes(file, project, env_files))
            found = self._read_both(release, wanted, given)
        out, hashes = found[0], argv.parse_hashes(found[1])
        document = compose.noted(argv.parse_document(out) or {}, hashes)
        known = ReleaseDocument(self.config.instance, release, commit)
        places = self.places(release)

        def check() -> None:
            """Refuse a document that cannot become a slot, before anything is built."""
            for slot in Slot:
                slot_document(document, self.config, slot, known, places)

        self.as_action(check)
        replace_file(self.layout.compose_snapshot(release), json.dumps(document, indent=1), 0o600)
        return document

    def try_out(self, release: str, files: Mapping[str, str], look: Callable[[str], T]) -> T:
        """Return `look`'s result for a release of only compose files, which is resolved under a temporary name."""
        name = f"plan-{os.getpid()}"
        tree = self.layout.tree(name)
        try:
            for path, text in files.items():
                file = tree / path
                if not file.resolve().is_relative_to(tree.resolve()):
                    continue  # no valid path in git
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            self.resolve(name, "")
            return look(name)
        finally:
            shutil.rmtree(self.layout.release(name), ignore_errors=True)

    def secrets(self) -> tuple[str, ...]:
        """Return the values of the host's environment file that must be masked."""
        return argv.secret_values((e.key, e.value.reveal()) for e in parse_env(self._env_text()).entries)

    def failure(self, message: str, done: Done, *, expected: str, remedy: str) -> ActionError:
        """Return the error for a failed program, with its last lines; the environment file's secrets are masked."""
        lines = argv.without_values("\n".join(done.last(TAIL)), self.secrets())
        found = lines[-1] if lines else f"exit code {done.code}"
        return ActionError(message, expected=expected, found=found, remedy=remedy, log=lines)

    def as_action(self, derive: Callable[[], T]) -> T:
        """Turn a ConfigError into an ActionError: on the host an unusable compose file closes a gate."""
        try:
            return derive()
        except ConfigError as error:
            raise ActionError(
                error.message, expected=error.expected, found=error.found, remedy=error.remedy
            ) from None

    def _read_both(
        self, release: str, commands: tuple[argv.Argv, argv.Argv], env: Mapping[str, str]
    ) -> tuple[str, str]:
        """Run both commands concurrently; one after the other if an env file is missing."""
        done: dict[argv.Argv, Done] = {}

        def read(command: argv.Argv) -> None:
            with suppress(ActionError):
                done[command] = self.cli.read(command, self.layout.tree(release), env=env)

        run_concurrently([partial(read, command) for command in commands])
        first, second = (
            done[c].out if c in done and done[c].code == 0 else self._read(release, c, env) for c in commands
        )
        return first, second

    def _read(self, release: str, command: argv.Argv, env: Mapping[str, str]) -> str:
        """Run a compose command that reads the user's file; provide env files that only the host has."""
        tree, done = self.layout.tree(release), None
        for _ in range(_MOST_ENV_FILES):
            done = self.cli.read(command, tree, env=env)
            if done.code == 0:
                return done.out
            missing = Path(argv.missing_file(done.err) or "/")
            if not missing.is_relative_to(tree) or missing.is_symlink():
                break
            on_host = self.layout.root / missing.relative_to(tree)
            if not on_host.is_file():
                break
            missing.parent.mkdir(parents=True, exist_ok=True)
            missing.symlink_to(on_host)
        values = [entry.value.reveal() for entry in parse_env(self._env_text()).entries]
        lines = argv.without_values("\n".join(done.err.splitlines()[-TAIL:] if done else ()), values)
        raise ActionError(
            f"the compose file of {release} cannot be resolved",
            expected="a compose file that `docker compose config` accepts",
            found=lines[-1] if lines else "no reason given",
            remedy=f"docker compose --file {command[command.index('--file') + 1]} config --quiet",
            log=lines,
        )

    def _file(self, tree: Path) -> Path:
        wanted = (self.config.compose.file,) if self.config.compose.file else compose.USUAL_FILES
        for name in wanted:
            if (tree / name).is_file():
                return tree / name
        raise ActionError(
            "compose file not found in the release",
            expected=f"one of {', '.join(wanted)}" if len(wanted) > 1 else wanted[0],
            found="no such file in the tag's tree",
            remedy="$EDITOR l9.toml  # [compose] file = ...",
        )

    @contextmanager
    def _lent_env(self, release: str) -> Iterator[None]:
        """Provide the host's environment file in the tree temporarily, in place of the tag's own.

        Temporarily: a build uses the tag's own files, whatever the host's `.env` contains.
        """
        name = Path(self.config.env.file)
        if name.is_absolute() or ".." in name.parts or name == Path():
            yield  # a path outside the tree
            return
        link = self.layout.tree(release) / name
        aside = self.layout.release(release) / "env-of-tag"
        self._give_back(link, aside)  # after a crash
        if link.exists():
            link.rename(aside)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(self.layout.env_snapshot(release))
        try:
            yield
        finally:
            self._give_back(link, aside)

    @staticmethod
    def _give_back(link: Path, aside: Path) -> None:
        if link.is_symlink():
            link.unlink()
        if aside.exists():
            aside.rename(link)

    def _env_text(self) -> str:
        path = self.layout.root / self.config.env.file
        try:
            return path.read_text(encoding="utf-8")
        except OSError:
            return ""  # a gate checks for it
        except UnicodeDecodeError as error:
            raise ActionError(
                f"{path} cannot be read",
                expected="UTF-8 text",
                found=f"byte {error.start}",
                remedy=f"$EDITOR {path}",
            ) from None
