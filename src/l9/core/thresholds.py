"""The thresholds that gates are judged by. Every default is the spec's."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """All times are seconds, sizes bytes, shares 0..1.

    deadline: spec 5.1 step 5. waived: invariant to reason; required: pieces of advice that close their gate.
     soak: spec 1.3 (green for 10 s). grace: spec 4.2 (stop_grace_period).
    """

    deadline: float = 60.0
    soak: float = 10.0
    proofs: int = 5
    proof_deadline: float = 10.0
    bake: float = 30.0
    bake_failures: int = 2
    max_error_share: float = 0.02
    min_answers: int = 20
    grace: float = 30.0
    standby: float = 600.0
    retain: int = 5
    min_disk: int = 1_000_000_000
    min_memory: int = 200_000_000
    allow_untracked: tuple[str, ...] = (".env.local", ".env.*.local")
    signatures: str = "optional"
    branches: tuple[str, ...] = ("feature/*", "bugfix/*", "hotfix/*")
    tag_format: str = "v<major>.<minor>.<patch>-l9"
    require_attestation: bool = False
    hashes: bool = False
    waived: Mapping[str, str] = {}
    required: frozenset[str] = frozenset()
