"""Shows after a run of all tests how long each suite took, and its budget. Nothing fails by it.

Seconds are those of the tests themselves, with setup and teardown, whichever worker ran them.
"""

from __future__ import annotations

from collections import defaultdict

import pytest

# Seconds of one process, alone on two cores. A suite that needs more is to be made faster, or to get a target of its
# own.
BUDGET = {
    "tests/arch": 15,
    "tests/attacks": 20,
    "tests/contracts": 330,
    "tests/crash": 60,
    "tests/e2e": 700,
    "tests/faults": 150,
    "tests/hosts": 60,
    "tests/properties": 120,
    "tests/standby": 150,
    "tests/unit": 420,
    "tests/workflows": 80,
    "tests/world": 10,
}
LEAST = 300.0  # seconds: a run that is shorter than this is a part, of which nothing is said

_seconds: dict[str, float] = defaultdict(float)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    suite = "/".join(report.nodeid.split("::")[0].split("/")[:2])
    _seconds[suite] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if sum(_seconds.values()) < LEAST:
        return
    terminalreporter.section("seconds of each suite, and its budget")
    for suite, seconds in sorted(_seconds.items()):
        over = "  over" if seconds > BUDGET.get(suite, 0) else ""
        terminalreporter.write_line(f"{suite:<20} {seconds:6.0f} of {BUDGET.get(suite, 0)}{over}")
