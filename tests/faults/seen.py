"""What was seen of a cell, from outside, and its judgement: pure, so that it can be tested without a host."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from l9.core.states import State

SETTLE_SECONDS = 20.0  # to one slot that answers well, after the fault and the command have ended
SLACK_SECONDS = 3.0  # beyond the control's time, in which the requests that a fault cuts may fail
EXIT_CODES = {
    state: state.exit_code for state in (State.SUCCESS, State.REFUSED, State.ROLLED_BACK, State.FAIL_STATE)
}
ANY = 1_000_000  # requests
SHARE, MORE = 1.5, 60  # of the control's failed requests, and some more: the control is one sample


class Failed(msgspec.Struct, frozen=True):
    """A failed request: seconds after the fault's begin, and what it got."""

    at: float
    kind: str
    status: int
    slot: str
    error: str = ""


class Typed(msgspec.Struct, frozen=True):
    """A command that was printed, and typed."""

    command: str
    exit_code: int
    told: str = ""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One cell as it was seen.

    hit: the fault began at its moment. ended: seconds from its begin to its end; ran: from there to the command's end.
    outcome, exit_code, message: of the command. sick: it says that what users went back to did not
    answer well. before, new: the releases. served: slots and releases of the last public answers, statuses their codes.
    running: slots that run, by the engine. settled: seconds from the end of fault and command to a site that is well.
    """

    hit: bool = True
    ended: float = 0.0
    ran: float = 0.0
    outcome: str | None = None
    exit_code: int | None = None
    sick: bool = False
    message: str = ""
    before: str = ""
    new: str = ""
    served: tuple[tuple[str, str], ...] = ()
    statuses: tuple[int, ...] = ()
    running: tuple[str, ...] = ()
    slot: str = ""
    recorded: str | None = None
    drift: tuple[str, ...] = ()
    deployed_tag: str = ""
    locked: bool = False
    run_state: str = ""
    leftovers: tuple[str, ...] = ()
    typed: tuple[Typed, ...] = ()
    rivals: tuple[int, ...] = ()
    sent: int = 0
    failed: tuple[Failed, ...] = ()
    settled: float | None = 0.0
    seconds: float = 0.0

    @property
    def last_failure(self) -> float:
        """Seconds from the fault's end to the last failed request; 0 if there was none after it."""
        return max((one.at - self.ended for one in self.failed), default=0.0)


class Bound(msgspec.Struct, frozen=True):
    """The most that a fault may cost: failed requests, and seconds after its end until the last of them."""

    failed: int = 0
    seconds: float = 0.0


def bound_of(control: Seen | None, *, mended_by_run: float | None = None) -> Bound:
    """Return the bound that a control sets: the same fault with no run on.

    mended_by_run: seconds to the command's end, if the fault lasts until then, since nothing but the run mends it.
    """
    if control is None:
        return Bound()
    seconds = max(0.0, control.last_failure) + SLACK_SECONDS
    if mended_by_run is not None:
        return Bound(ANY, seconds + mended_by_run)
    return Bound(int(len(control.failed) * SHARE) + MORE, seconds)


def complaints(
    seen: Seen, bound: Bound | None, names: tuple[str, ...], wanted: frozenset[str]
) -> tuple[str, ...]:
    """Return what is not as it must be.

    bound: of failed requests; None for a control, which sets it. names: one of them must be in the message of a
    command that did not succeed. wanted: the outcomes that are right; empty for a command that need not end well.
    """
    if not seen.hit:
        return ("the moment was never reached",)
    return tuple(_all(seen, bound, names, wanted))


def _all(seen: Seen, bound: Bound | None, names: tuple[str, ...], wanted: frozenset[str]) -> Iterable[str]:
    if seen.settled is None:
        yield "outage: the site was not well again"
    if len(seen.served) != 1:
        yield f"served by {len(seen.served)}: {seen.served}"
    elif seen.served[0][1] not in (seen.before, seen.new):
        yield f"another release is served: {seen.served[0][1]}"
    if set(seen.statuses) != {200}:
        yield f"public answers {sorted(set(seen.statuses))}"
    release = seen.served[0][1] if len(seen.served) == 1 else None
    if seen.served and seen.running != (seen.served[0][0],):
        yield f"running: {', '.join(seen.running) or 'nothing'}, served: {seen.served[0][0]}"
    if release is not None and seen.recorded != release:
        yield f"the record says {seen.recorded}, {release} is served"
    if release is not None and seen.deployed_tag != release:
        yield f".deployed-tag says {seen.deployed_tag or 'nothing'}, {release} is served"
    yield from (f"drift: {one}" for one in seen.drift)
    if seen.locked:
        yield "the lock is held"
    if seen.run_state in ("interrupted", "running", "FAIL-STATE"):
        yield f"the run is {seen.run_state}"
    yield from (f"left over: {one}" for one in seen.leftovers)
    right = EXIT_CODES.get(seen.outcome or "", seen.exit_code)
    if seen.exit_code != right:
        yield f"exit code {seen.exit_code} of a run that ended as {seen.outcome}, wanted {right}"
    # Users met errors of the fault on the release that they went back to: that is to be said.
    sick = seen.sick and seen.failed and seen.outcome == State.FAIL_STATE
    if wanted and seen.outcome is not None and seen.outcome not in wanted and not sick:
        yield f"ended as {seen.outcome}"
    if seen.exit_code == 1:
        yield f"exit code 1, a bug: {seen.message[-200:]}"
    if (
        seen.exit_code not in (None, 0)
        and names
        and not any(name.lower() in seen.message.lower() for name in names)
    ):
        yield f"the message does not name the cause ({', '.join(names)}): {seen.message[-200:]}"
    bad = [one for one in seen.typed if one.exit_code not in (0, 3, 4)]
    if bad and seen.typed[-1] in bad:
        yield f"the printed remedy fails: {bad[-1].command} exits {bad[-1].exit_code}"
    if any(code not in (0, 6) for code in seen.rivals):
        yield f"the other command exits {seen.rivals}, wanted 6"
    if bound is not None:
        if len(seen.failed) > bound.failed:
            first = seen.failed[0]
            yield (
                f"{len(seen.failed)} failed requests of {seen.sent}, at most {bound.failed}: "
                f"{first.kind} {first.status} {first.slot} at {first.at:.1f} s"
            )
        elif seen.failed and seen.last_failure > bound.seconds:
            yield f"requests failed until {seen.last_failure:.1f} s after the fault, at most {bound.seconds:.1f} s"
