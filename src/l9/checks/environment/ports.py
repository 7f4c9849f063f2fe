"""The port to the environment file on the host: what a run stages, writes and restores, and what may be asked of it."""

from __future__ import annotations

from typing import Protocol

from l9.checks.environment.facts import Environment
from l9.checks.environment.resolved import ResolvedEnv
from l9.checks.environment.schema import EnvReport, Rule
from l9.core.events import StagedEnv


class Env(Protocol):
    """The host's environment file. What a run resolved is staged beside it until the run writes it."""

    def stage(self, run: str, env: ResolvedEnv) -> StagedEnv:
        """Hold this file ready for the run; the values of its `keep` keys are taken from the host's own file.

        Returns key names and a keyed fingerprint, for the record. Removes what was staged for other runs.
        """
        ...

    def write(self, run: str) -> str:
        """Make what is staged the file, and keep what was there; again does no more."""
        ...

    def restore(self, run: str) -> None:
        """Put back what was there before `write`; nothing where nothing was written."""
        ...

    def settle(self, run: str) -> None:
        """The run is over: what was staged or kept for it goes."""
        ...

    def check(self, rules: tuple[Rule, ...], run: str = "") -> Environment:
        """What that run will start its release with, judged by names and shapes: never a value."""
        ...

    def report(self, rules: tuple[Rule, ...]) -> EnvReport:
        """The file as it is, key by key."""
        ...

    def fingerprints(self, key: bytes) -> dict[str, str]:
        """What makes values comparable without showing them, by key; `key` is secret."""
        ...

    def secret(self, key: str) -> str | None: ...
