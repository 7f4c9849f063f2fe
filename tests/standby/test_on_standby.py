"""A few servers for a few rounds; `make standby` plays all of them, for longer than their patience with workers."""

from __future__ import annotations

import os

import pytest

from standby.rounds import Outcome, play, targets
from standby.servers import missing, servers

pytestmark = [pytest.mark.timeout(300), pytest.mark.embedded]

CHOSEN = (("gunicorn-sync", "auto"), ("gunicorn-sync", "pause"), ("node", "auto"))
SECONDS, ROUNDS = 5.0, 2


@pytest.fixture(scope="module")
def outcomes() -> dict[tuple[str, str], Outcome]:
    """All of them were on standby at the same time."""
    known = servers()
    chosen = [(known[name], mode) for name, mode in CHOSEN if not missing(known[name])]
    with targets(chosen) as made:
        played = play(made, SECONDS, ROUNDS)
    return {(one.name, one.mode): one for one in played}


@pytest.mark.parametrize(("name", "mode"), CHOSEN)
def test_rollback_after_a_standby_loses_nothing(
    outcomes: dict[tuple[str, str], Outcome], name: str, mode: str
) -> None:
    if lacking := missing(servers()[name]):
        tell = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        tell(f"not installed: {', '.join(lacking)}")
    outcome = outcomes[name, mode]
    assert outcome.wrong == []
    assert outcome.rounds == ROUNDS
    assert outcome.served > 0
