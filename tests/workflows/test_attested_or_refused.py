"""A host that asks for attestations takes no release without one, whatever the operator's side says."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from l9.core.states import State
from world.ending import assert_ended, evidence, why
from world.host import CONFIG, World

from .conftest import V1, V2

ASKED = replace(
    CONFIG, release=replace(CONFIG.release, require_attestation=True, allowed_signers="allowed_signers")
)


@pytest.fixture
def asking() -> World:
    """v1 is live, attested, on a host whose releases have to be."""
    world = World(ASKED)
    world.tag(V1)
    world.source.attest(V1)
    assert world.deploy(V1).outcome is State.SUCCESS
    return world


def refused(world: World) -> str:
    run = world.deploy(V2)
    assert_ended(world, run, State.REFUSED, live=V1, idle=None, closed_by=State.VPS_TAG_VERIFIED)
    assert V2 not in world.machine.trees
    assert V2 not in world.machine.built
    return why(run)


def test_one_that_is_attested_goes_live(asking: World) -> None:
    asking.tag(V2)
    asking.source.attest(V2)
    run = asking.deploy(V2)
    assert run.outcome is State.SUCCESS
    assert "attested by ada@l9.invalid" in evidence(run, State.VPS_TAG_VERIFIED)


def test_one_that_is_not(asking: World) -> None:
    assert "no attestation of tree" in refused(asking)


@pytest.mark.parametrize(
    "problem", ["it is signed by an unknown key", "it is not signed", "it is for another tree, 999999999999"]
)
def test_one_whose_attestation_does_not_count(asking: World, problem: str) -> None:
    asking.tag(V2)
    asking.source.attest(V2, None, problem=problem, remedy="l9 cgmp --attest")
    assert problem in refused(asking)


def test_one_that_nobody_could_verify(asking: World) -> None:
    asking.tag(V2)
    asking.source.attest(V2, None, problem="ssh-keygen cannot be run", remedy="l9 provision", unseen=True)
    assert "ssh-keygen cannot be run" in refused(asking)


def test_where_it_is_not_asked_for(one: World) -> None:
    run = one.deploy(V2)
    assert run.outcome is State.SUCCESS
    assert "is not required" in evidence(run, State.VPS_TAG_VERIFIED)


def test_where_it_is_not_asked_for_it_is_evidence_all_the_same(one: World) -> None:
    one.tag(V2)
    one.source.attest(V2)
    run = one.deploy(V2)
    assert "attested by ada@l9.invalid" in evidence(run, State.VPS_TAG_VERIFIED)


def test_the_hosts_own_settings_count_and_not_only_the_operators(one: World) -> None:
    one.asks_for_attestation = True
    run = one.deploy(V2)
    assert_ended(one, run, State.REFUSED, live=V1, idle=None, closed_by=State.VPS_TAG_VERIFIED)
    assert "no attestation of tree" in why(run)


def test_going_back_asks_for_none(asking: World) -> None:
    """The live release was attested when it went live; an outage is no time to ask again."""
    asking.tag(V2)
    asking.source.attest(V2)
    assert asking.deploy(V2).outcome is State.SUCCESS
    asking.source.noted.clear()
    assert asking.rollback().outcome is State.SUCCESS
    assert asking.live == V1
