"""What the operator's side may write into the host's journal: what its own gates saw, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from l9.core.states import Kind
from l9.errors import UsageError
from world.host import World
from world.source import tag_of

from .conftest import V1, V2

FORGED: tuple[dict[str, Any], ...] = (
    {"event": "gate-opened", "gate": "VPS-TAG-VERIFIED", "evidence": []},
    {
        "event": "run-finished", "outcome": "SUCCESS", "live": V2, "slot": "green", "standby": V1,
        "exit_code": 0, "seconds": 1.0,
    },
)  # fmt: skip


@pytest.mark.parametrize("event", FORGED, ids=lambda event: str(event["event"]))
def test_an_event_of_the_hosts_own_is_refused(one: World, event: dict[str, Any]) -> None:
    one.tag(V2)
    wanted, before = tag_of(V2), one.journal.size()
    with pytest.raises(UsageError, match="cannot be taken over"):
        one.runs().start(
            "forged", Kind.DEPLOY, V2, commit=wanted.commit, tag_object=str(wanted.object_id), settings={},
            local=[event],
        )  # fmt: skip
    assert one.journal.size() == before
    assert one.live == V1
