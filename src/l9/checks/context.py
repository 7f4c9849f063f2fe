"""The context of a check: a run, the time, and the configuration of the target."""

from __future__ import annotations

from l9.config.model import Config
from l9.core import invariant

Context = invariant.Context[Config]
