"""CGMP: the four stages that a tree must pass before it is released (spec 2.1), and their results."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from l9.checks.api.openapi import ApiChange
from l9.core.states import Stage


class StageResult(msgspec.Struct, frozen=True):
    """The result of one stage. `command` repeats it by hand; `found` is the outcome in one line.

    `seconds` is how long it ran; `tail` holds the last lines of its output. `cached`: it ran earlier, on
    exactly the same content.
    """

    stage: Stage
    ok: bool
    command: str
    seconds: float
    found: str
    tail: tuple[str, ...] = ()
    cached: bool = False


class Base(msgspec.Struct, frozen=True):
    """The last release before the judged one. `version` is major, minor and patch."""

    tag: str
    tree: str
    version: tuple[int, int, int]


class CgmpReport(msgspec.Struct, frozen=True):
    """The stages that have run on `tree` (a git tree id). `where` is "container" or "process".

    `key` digests all that the outcome depends on; `image` is the id of the image that the stages ran in.
    `openapi` is the API document that the started release answered with. `freeze`: what is installed in the
    image, None where there is none. `evidence`: SHA-256 of each file of evidence, by name. `base`: the release
    that changes are counted from, None for the first; `api`: how the API differs from its.
    """

    tree: str
    key: str
    where: str
    image: str | None = None
    stages: tuple[StageResult, ...] = ()
    openapi: Any = None
    freeze: tuple[str, ...] | None = None
    evidence: Mapping[str, str] = {}
    base: Base | None = None
    api: ApiChange | None = None

    @property
    def passed(self) -> bool:
        """True if all four stages ran and passed."""
        return tuple(r.stage for r in self.stages if r.ok) == tuple(Stage)

    def with_(self, result: StageResult) -> CgmpReport:
        """The report with this result instead of an earlier one of the same stage."""
        stages = {**{r.stage: r for r in self.stages}, result.stage: result}
        return msgspec.structs.replace(self, stages=tuple(stages[s] for s in Stage if s in stages))

    def of(self, stage: Stage) -> StageResult | None:
        """The result of that stage, or None if it has not run."""
        return next((r for r in self.stages if r.stage is stage), None)


def normal_name(name: str) -> str:
    """The normalized name of a distribution."""
    return re.sub(r"[-_.]+", "-", name).lower()


def content_key(parts: Mapping[str, str]) -> str:
    """One digest of all named parts, unambiguous about where each part ends."""
    return hashlib.sha256(msgspec.json.encode(sorted(parts.items()))).hexdigest()
