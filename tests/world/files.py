"""The simulated record and environment file."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from l9.checks.environment.env_file import EnvFile, fingerprint, parse_env, whole_fingerprint
from l9.checks.environment.facts import Environment
from l9.checks.environment.resolved import ResolvedEnv
from l9.checks.environment.schema import EnvReport, Rule, compare, judge_keys
from l9.config.model import Config
from l9.config.settings import release_settings
from l9.core.events import StagedEnv
from l9.core.facts import DriftCheck
from l9.errors import ActionError
from l9.host.kept_settings import KeptSettings

from .acts import Acts


class FakeRecord:
    """Implements `Record`. `unreadable`: to this user; what is written anew takes its place, and can be read."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._machine = acts.machine
        self.unreadable = False

    def deployed_tag(self) -> str | None:
        self._acts.look("record.deployed_tag")
        return None if self.unreadable else self._machine.deployed_tag

    def run(self) -> str | None:
        return None if self.unreadable else (self._machine.metadata or {}).get("run")

    def drift_checked(self) -> DriftCheck:
        return self._machine.drift_check

    def note_drift_check(self, at: float, drift: int) -> None:
        self._acts.writes("record.note_drift_check")
        self._machine.drift_check = DriftCheck(at, drift)

    def write(self, metadata: Mapping[str, Any]) -> None:
        with self._acts.act("record.write", metadata["deployed_tag"]):
            self._machine.metadata, self.unreadable = dict(metadata), False
            self._acts.within("record.write: metadata there, tag not")
            self._machine.deployed_tag = metadata["deployed_tag"]


class FakeSettings:
    """Implements `SettingsStore`: every tag's `l9.toml` is the world's configuration."""

    def __init__(self, acts: Acts, config: Config) -> None:
        self._acts = acts
        self._machine = acts.machine
        rules = (Rule("L9_EXECUTOR_API_KEY"),)
        self._kept = KeptSettings(tag="", blob="b" * 40, settings=release_settings(config), env_rules=rules)

    def keep(self, tag: str, blob: str) -> str:
        with self._acts.act("settings.keep", tag):
            if tag not in self._machine.trees:
                raise ActionError(f"{tag} has no l9.toml", expected="l9.toml", found="no tree")
            self._machine.settings.add(tag)
        return "l9.toml"

    def of(self, tag: str) -> KeptSettings | None:
        return replace(self._kept, tag=tag) if tag in self._machine.settings else None


class FakeEnv:
    """Implements `Env`. `values` is the file; None means that there is none. `folder`: a folder is in its place."""

    def __init__(self, acts: Acts, path: str = "/opt/l9/.env") -> None:
        self._acts = acts
        self._path = path
        self.values: dict[str, str] | None = {"L9_EXECUTOR_API_KEY": "secret"}
        self.mode = 0o600
        self.folder = False
        self.staged: dict[str, dict[str, str]] = {}
        self.kept: dict[str, dict[str, str] | None] = {}

    def check(self, rules: tuple[Rule, ...], run: str = "") -> Environment:
        self._acts.look("env.check")
        if run in self.staged:
            seen = compare(rules, _file(self.staged[run]))
            exists = self.values is not None or self.folder
            return Environment(self._path, exists, seen.missing, 0o600, seen.wrong, resolved=True)
        seen = compare(rules, _file(self._values))
        if self.folder:
            return Environment(self._path, True, seen.missing, 0o755, seen.wrong)
        if self.values is None:
            return Environment(self._path, exists=False, missing=seen.missing)
        return Environment(self._path, True, seen.missing, self.mode, seen.wrong)

    def report(self, rules: tuple[Rule, ...]) -> EnvReport:
        mode = "0755" if self.folder else f"{self.mode:04o}" if self.values is not None else ""
        return EnvReport(self._path, bool(mode), mode, judge_keys(rules, _file(self._values)))

    def fingerprints(self, key: bytes) -> dict[str, str]:
        return fingerprint(_file(self._values), key)

    def secret(self, key: str) -> str | None:
        return (self._values or {}).get(key)

    @property
    def _values(self) -> dict[str, str] | None:
        """What can be read: of a folder, nothing."""
        return None if self.folder else self.values

    def stage(self, run: str, env: ResolvedEnv) -> StagedEnv:
        """No act that a run could die in: none is on record yet, so that there is nothing to be taken up."""
        self._acts.writes("env.stage")
        self.kept.clear()
        kept = "".join(f"{k}={v}\n" for k, v in (self._values or {}).items() if k in env.keep)
        file = parse_env(env.text + kept)
        self.staged = {run: {e.key: e.value.reveal() for e in file.entries}}
        print_ = whole_fingerprint(file, b"the host's own")
        return StagedEnv(source=env.source, keys=file.keys, fingerprint=print_)

    def write(self, run: str) -> str:
        with self._acts.act("env.write", run):
            if run not in self.staged:
                if run in self.kept:
                    return "already written"
                raise ActionError("the staged environment is missing", expected=run, found="nothing")
            if self.folder:
                raise IsADirectoryError(errno.EISDIR, "Is a directory", self._path)
            self.kept.setdefault(run, self.values)
            self._acts.within("env.write: what was there is kept")
            before, self.values = self.kept[run] or {}, dict(self.staged[run])
            self._acts.within("env.write: written, and still staged")
            del self.staged[run]
            self.mode = 0o600
        gone = ", ".join(key for key in before if key not in self.values)
        return f"{len(self.values)} keys" + (f"; removed: {gone}" if gone else "")

    def restore(self, run: str) -> None:
        with self._acts.act("env.restore", run):
            if run in self.kept and self.folder:
                raise IsADirectoryError(errno.EISDIR, "Is a directory", self._path)
            if run in self.kept:
                self.values = self.kept[run]

    def settle(self, run: str) -> None:
        self.staged.pop(run, None)
        self.kept.pop(run, None)


def _file(values: Mapping[str, str] | None) -> EnvFile:
    return parse_env("".join(f"{k}={v}\n" for k, v in (values or {}).items()))
