"""One host's part of the matrix: its cells one after the other, each result kept at once."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from e2e.kept import Kept, keeping
from faults.cell import Cell, scene
from faults.fault import Fault
from faults.fault_place import FaultPlace
from faults.moments import Act, Moment
from faults.plan import FAULTS
from faults.results import Result, add, commit, load
from faults.seeds import Seed, planted
from faults.seen import Bound, Seen, bound_of, complaints
from hosts.fixtures import BACKEND_REQUIREMENTS
from hosts.host import Host
from hosts.images import postgres_image, python_image
from hosts.network import Network
from hosts.relay import Relay, ssh_through


def run_all(
    cells: Sequence[tuple[Fault, Moment]],
    seeds: Sequence[Seed],
    file: Path,
    *,
    again: bool,
    round_trip: float = 0.0,
) -> list[str]:
    """Run the cells and seeded bugs on a host of their own, and print a line for each; return the bugs that nobody saw.

    Cells of this commit that `file` has are run only `again`. round_trip: seconds, to the host and back.
    """
    now = commit()
    done = {(r.fault, r.moment): r for r in load([file]) if r.commit == now}
    unseen: list[str] = []
    images = (python_image([BACKEND_REQUIREMENTS]), postgres_image())
    with (
        Network() as network,
        Host(network, images=images, caddy=True) as host,
        ExitStack() as stack,
    ):
        through = stack.enter_context(_far(host, round_trip)) if round_trip else ""
        kept = stack.enter_context(keeping(lambda root: FaultPlace(root, host, through=through)))
        for fault, moment in cells:
            if again or (fault.name, moment.name) not in done:
                result = run(kept, fault, moment, done)
                add(file, result)
                done[fault.name, moment.name] = result
                show(result)
        for seed in seeds:
            seen = seen_bug(kept, seed)
            print(f"{time.strftime('%H:%M:%S')} {'ok' if seen else 'x'} seeded: {seed.name}", flush=True)
            unseen += [] if seen else [seed.name]
    return unseen


@contextmanager
def _far(host: Host, round_trip: float) -> Iterator[str]:
    """Put the host this many seconds away, there and back; the URL that it is reached by."""
    with (
        Relay((host.address, 22), round_trip) as ssh,
        Relay((host.address, 80), round_trip) as http,
        ssh_through(host, ssh.port),
    ):
        yield f"http://127.0.0.1:{http.port}"


def seen_bug(kept: Kept, seed: Seed) -> bool:
    """True if a bug that is put in on purpose turns its cell red. Its place is thrown away."""
    place, fault = kept.place(), next(fault for fault in FAULTS if fault.name == seed.fault)
    assert isinstance(place, FaultPlace)
    try:
        place.start_load()
        scene(place)  # healthy, by an l9 that is
        with planted(place, seed):
            seen = Cell(place, fault, seed.moment).run()
    finally:
        kept.abandon()
    return seen.hit and bool(complaints(seen, Bound(), (), fault.wanted))


def run(kept: Kept, fault: Fault, moment: Moment, done: dict[tuple[str, str], Result]) -> Result:
    """Run one cell; a place that it leaves unwell is thrown away."""
    result = Result(
        fault=fault.name, title=fault.title, moment=moment.name, column=str(moment.column), commit=commit()
    )
    if reason := fault.not_applicable(moment):
        return _with(result, not_applicable=reason)
    try:
        place = kept.place()
        assert isinstance(place, FaultPlace)
        seen = Cell(place, fault, moment).run()
        place.unlock()
    except Exception as error:
        traceback.print_exc()
        kept.abandon()
        return _with(result, complaints=(f"the cell did not end: {type(error).__name__}: {error}",))
    bound = _bound(fault, moment, done, seen)
    wanted = fault.wanted if moment.act is not Act.IDLE else frozenset[str]()
    found = complaints(seen, bound, names_at(fault, moment), wanted)
    if found:
        kept.abandon()
    return _with(result, complaints=found, seen=_short(seen), bound_failed=bound.failed if bound else None)


def names_at(fault: Fault, moment: Moment) -> tuple[str, ...]:
    """The causes that a message may name: a deploy that goes back does so for its release's own fault."""
    return (*fault.names, "5xx") if fault.names and moment.act is Act.BAD_DEPLOY else fault.names


def _bound(fault: Fault, moment: Moment, done: dict[tuple[str, str], Result], seen: Seen) -> Bound | None:
    if not fault.cuts:
        return Bound()
    if moment.act is Act.IDLE:
        return None
    control = done.get((fault.control or fault.name, Moment(Act.IDLE).name))
    bound = bound_of(control.seen if control else None, mended_by_run=seen.ran if fault.stays else None)
    # A fault of the release comes at a time of its own in the run, whose begin is counted from.
    return msgspec.structs.replace(bound, seconds=bound.seconds + seen.ran) if fault.code else bound


def _short(seen: Seen) -> Seen:
    """The same, with the end of its message."""
    return msgspec.structs.replace(seen, message=seen.message[-3000:])


def _with(result: Result, **more: object) -> Result:
    changed: Result = msgspec.structs.replace(result, **more)
    return changed


def show(result: Result) -> None:
    """Print one line for a cell, and one for each complaint."""
    seen = result.seen
    if result.not_applicable:
        return
    facts = ""
    if seen is not None:
        facts = f"{seen.outcome or '-'} {seen.exit_code}, failed {len(seen.failed)} of {seen.sent}, "
        facts += f"typed {len(seen.typed)}, settled {seen.settled}, {seen.seconds:.0f} s"
    mark = "x" if result.complaints else "ok"
    print(f"{time.strftime('%H:%M:%S')} {mark} {result.fault} @ {result.moment}: {facts}", flush=True)
    for one in result.complaints:
        print(f"      {one}", flush=True)
    if result.complaints and seen is not None:
        for one in seen.typed:
            print(f"      typed: {one.command} -> {one.exit_code}", flush=True)
            for line in one.told.splitlines()[-12:]:
                print(f"        | {line}", flush=True)
