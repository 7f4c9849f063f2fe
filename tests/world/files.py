"""The simulated record and environment file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from l9.core.env import parse_env
from l9.core.env_schema import EnvReport, Rule, compare
from l9.core.facts import DriftCheck, Environment

from .acts import Acts


class FakeRecord:
    """Implements `Record`."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._machine = acts.machine

    def deployed_tag(self) -> str | None:
        self._acts.look("record.deployed_tag")
        return self._machine.deployed_tag

    def drift_checked(self) -> DriftCheck:
        return self._machine.drift_check

    def write(self, metadata: Mapping[str, Any]) -> None:
        with self._acts.act("record.write", metadata["deployed_tag"]):
            self._machine.metadata = dict(metadata)
            self._acts.within("record.write: metadata there, tag not")
            self._machine.deployed_tag = metadata["deployed_tag"]


class FakeEnv:
    """Implements `Env`. `values` is the file; None means that there is none."""

    def __init__(self, acts: Acts, path: str = "/opt/l9/.env") -> None:
        self._acts = acts
        self._path = path
        self.values: dict[str, str] | None = {"L9_EXECUTOR_API_KEY": "secret"}
        self.mode = 0o600

    def check(self, rules: tuple[Rule, ...], run: str = "") -> Environment:
        self._acts.look("env.check")
        text = "".join(f"{k}={v}\n" for k, v in (self.values or {}).items())
        seen = compare(rules, parse_env(text))
        if self.values is None:
            return Environment(self._path, exists=False, missing=seen.missing)
        return Environment(self._path, True, seen.missing, self.mode, seen.wrong)

    def report(self, rules: tuple[Rule, ...]) -> EnvReport:
        raise NotImplementedError

    def fingerprints(self, key: bytes) -> dict[str, str]:
        raise NotImplementedError

    def secret(self, key: str) -> str | None:
        return (self.values or {}).get(key)
