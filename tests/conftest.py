"""Shared by all tests: what Hypothesis may do. In CI it tries the same examples every time."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("default", derandomize=True, **COMMON)
# HYPOTHESIS_PROFILE=explore: other examples each time. quick: as default, and a failure is shown as it was found.
settings.register_profile("explore", derandomize=False, print_blob=True, **COMMON)
settings.register_profile("quick", derandomize=True, phases=[Phase.explicit, Phase.generate], **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
