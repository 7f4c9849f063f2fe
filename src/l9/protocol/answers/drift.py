"""`l9 drift`."""

from __future__ import annotations

from l9.checks.host.drift import Drift
from l9.protocol.answers.answer import Answer


class DriftReport(Answer, frozen=True, kw_only=True, tag="l9.drift/1"):
    """`l9 drift`: exit code 7 when `drift` is not empty. `live` is the live release on record."""

    drift: tuple[Drift, ...]
    live: str | None
