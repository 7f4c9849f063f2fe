"""Shared by all tests: what Hypothesis may do. In CI it tries the same examples every time."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("default", derandomize=True, **COMMON)
# HYPOTHESIS_PROFILE=explore: other examples each time. quick: as default, and a failure is shown as it was found.
settings.register_profile("explore", derandomize=False, print_blob=True, **COMMON)
settings.register_profile("quick", derandomize=True, phases=[Phase.explicit, Phase.generate], **COMMON)
# model: for `make model`: many other examples each time, and a failure is shown as it was found.
settings.register_profile(
    "model", derandomize=False, print_blob=True, phases=[Phase.explicit, Phase.generate],
    max_examples=int(os.environ.get("L9_MODEL_EXAMPLES", "1000")), **COMMON,
)  # fmt: skip
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# Whoever runs the tests in the background has them ignore SIGINT, which the programs they start would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ("budget",)
IN_CI = os.environ.get("CI", "").lower() == "true"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """In CI nothing is skipped: what is absent fails its test, by name and with the reason."""
    report = yield
    if IN_CI and report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"{item.nodeid}: in CI nothing is skipped: {reason}"
    return report
