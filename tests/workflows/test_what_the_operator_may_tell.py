"""The operator's side may write into the host's journal only what its own gates saw."""

from __future__ import annotations

import pytest

from l9.core import events as ev
from l9.core.states import Kind, Slot, State
from l9.errors import UsageError
from l9.host.session import Wanted
from world.host import World
from world.source import tag_of

from .conftest import V1, V2

FORGED: tuple[ev.AnyEvent, ...] = (
    ev.GateOpened(gate=State.VPS_TAG_VERIFIED, evidence=()),
    ev.RunFinished(outcome=State.SUCCESS, live=V2, slot=Slot.GREEN, standby=V1, exit_code=0, seconds=1.0),
)


@pytest.mark.parametrize("event", FORGED, ids=lambda event: type(event).__name__)
def test_an_event_of_the_hosts_own_is_refused(one: World, event: ev.AnyEvent) -> None:
    one.tag(V2)
    wanted, before = tag_of(V2), one.journal.size()
    asked = Wanted(commit=wanted.commit, tag_object=str(wanted.object_id), claims=(event,))
    with pytest.raises(UsageError, match="cannot accept the operator's events"):
        one.runs().start("forged", Kind.DEPLOY, V2, asked)
    assert one.journal.size() == before
    assert one.live == V1
