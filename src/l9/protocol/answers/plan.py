"""`l9 plan`."""

from __future__ import annotations

from l9.core.preview import JudgedGate
from l9.core.states import Slot
from l9.protocol.answers.answer import Answer


class HostPlan(Answer, frozen=True, kw_only=True, tag="l9.host-plan/1"):
    """The host's part of a plan: the slots, and the host's gates (see `Plan`)."""

    new: Slot
    old: Slot | None
    previous: str | None
    changed_services: tuple[str, ...] | None
    changed_services_unseen: str | None
    gates: tuple[JudgedGate, ...]


class Plan(Answer, frozen=True, kw_only=True, tag="l9.plan/1"):
    """`l9 plan TAG`. `changed_services` is None if they could not be compared; `…_unseen` is the reason."""

    tag: str
    commit: str
    new: Slot
    old: Slot | None
    previous: str | None
    changed_services: tuple[str, ...] | None
    changed_services_unseen: str | None
    gates: tuple[JudgedGate, ...]
