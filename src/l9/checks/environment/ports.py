"""The port to the environment file on the host: staging, writing, restoring and comparing it."""

from __future__ import annotations

from typing import Protocol

from l9.checks.environment.facts import Environment
from l9.checks.environment.resolved import ResolvedEnv
from l9.checks.environment.schema import EnvReport, Rule
from l9.core.events import StagedEnv


class Env(Protocol):
    """The host's environment file. A run's resolved environment is staged next to it until the run writes it."""

    def stage(self, run: str, env: ResolvedEnv) -> StagedEnv:
        """Stage this file for the run; the values of its `keep` keys are taken from the host's own file.

        Returns key names and a keyed fingerprint, for the record. Removes what was staged for other runs.
        """
        ...

    def write(self, run: str) -> str:
        """Replace the environment file by the staged one, and keep the old file; idempotent."""
        ...

    def restore(self, run: str) -> None:
        """Restore the file from before `write`; does nothing if nothing was written."""
        ...

    def settle(self, run: str) -> None:
        """Remove the staged and kept files of a run that has ended."""
        ...

    def check(self, rules: tuple[Rule, ...], run: str = "") -> Environment:
        """Check the environment that the run will start its release with: names and types, never values."""
        ...

    def report(self, rules: tuple[Rule, ...]) -> EnvReport:
        """Report on the current file, key by key."""
        ...

    def fingerprints(self, key: bytes) -> dict[str, str]:
        """Fingerprints that make values comparable without revealing them, by key; `key` is secret."""
        ...

    def secret(self, key: str) -> str | None: ...
