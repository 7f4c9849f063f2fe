"""1, 10, 100 and 1,000 releases on record: nothing may take longer because much was deployed before."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from bench.agent import GENESIS, digest
from bench.figures import Figure
from bench.ground import COMMAND_SECONDS, Done, Ground, HostGround, MeasureError, l9, timed
from bench.releases import idle
from e2e.host_place import ORIGIN, PATH
from l9.config.provisioned import for_instance
from l9.configuration import load
from l9.core import events as ev
from l9.drivers.files.journal import JournalFile

COUNTS = (1, 10, 100, 1000)
RUN = "bench-old-"  # the beginning of their runs' ids
OLD = "v0.1.{}-l9"  # the releases that are added before those of this ground


def releases_on_record(ground: Ground, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure what reads the record, with ever more releases on it, compared with one release more than there were."""
    if not isinstance(ground, HostGround):
        return []
    times: dict[tuple[str, int], list[float]] = {}
    before = 0
    try:
        for count in COUNTS:
            say(f"putting {count:,} releases on record")
            put_on_record(ground, range(before, count))
            before = count
            for run in range(max(runs, 3)):
                say(f"{count:,} releases on record, {run + 1} of {max(runs, 3)}")
                for name, measure in MEASURES.items():
                    times.setdefault((name, count), []).append(measure(ground))
    finally:
        forget(ground, before)
    figures = []
    for name, title in TITLES.items():
        first = tuple(times[name, COUNTS[0]])
        for count in COUNTS:
            values = tuple(times[name, count])
            ratio = statistics.median(values) / statistics.median(first)
            figures.append(
                Figure(
                    f"record.{name}.{count}", f"{title}, {count:,} on record", "s", values,
                    note="" if count == COUNTS[0] else f"{ratio:.2f} times that of {COUNTS[0]}",
                )
            )  # fmt: skip
    return figures


def _status(ground: HostGround) -> float:
    return l9(ground, "status", "--json").seconds


def _rollback(ground: HostGround) -> float:
    """Seconds from the prompt until the run is on record."""
    return _until_started(l9(ground, "rollback", idle(ground), "--json"))


def _deploy(ground: HostGround) -> float:
    """Seconds from the prompt until the host has the run on record: all gates before the host's."""
    return _until_started(l9(ground, "deploy", idle(ground), "--json"))


def _until_started(done: Done) -> float:
    entries = (m["entry"] for m in map(json.loads, done.out.splitlines()) if "entry" in m)
    return float(next(e["at"] for e in entries if e["body"]["event"] == "run-started")) - done.began


def _timer(command: str) -> Callable[[HostGround], float]:
    """The seconds of what the host's timer runs, on the host."""

    def measure(ground: HostGround) -> float:
        instance = load(ground.work).instance
        argv = (str(for_instance(instance).agent), command, "--instance", instance)
        done = timed(lambda: ground.host.run(argv, check=False, timeout=COMMAND_SECONDS))
        if done.code not in (0, 7):  # drift is an answer
            raise MeasureError(
                f"l9 {command} on the host ended with {done.code}: {done.out[-500:]}{done.err[-500:]}"
            )
        return done.seconds

    return measure


MEASURES: dict[str, Callable[[HostGround], float]] = {
    "status": _status,
    "tick": _timer("tick"),
    "drift": _timer("drift"),
    "rollback": _rollback,
    "deploy": _deploy,
}
TITLES = {
    "status": "l9 status from the prompt",
    "tick": "the timer's tick on the host",
    "drift": "drift on the host",
    "rollback": "l9 rollback until the run is on record",
    "deploy": "l9 deploy until the run is on the host's record",
}


CLONES = (("git", "-C", PATH), ("git", "-C", ORIGIN))  # on the host


def put_on_record(ground: HostGround, numbers: range) -> None:
    """Add earlier releases: a deploy each in the journal, and a tag each in every clone."""
    path = ground.journal()
    known = list(JournalFile(path, time.time).entries())
    first = next(entry.run for entry in known if isinstance(entry.body, ev.RunStarted))
    model = [entry for entry in known if entry.run == first]
    tag = next(entry.body.tag for entry in model if isinstance(entry.body, ev.RunStarted)).encode()
    added = []
    for number in numbers:
        line = b"\n".join(map(msgspec.json.encode, model)).replace(tag, OLD.format(number).encode())
        copies = (msgspec.json.decode(one, type=ev.Entry) for one in line.splitlines())
        added += [msgspec.structs.replace(one, run=f"{RUN}{number}") for one in copies]
    rewrite(path, [*added, *known])
    commit = ground.ask("rev-parse", "HEAD^{commit}")
    stream = "".join(_tag(OLD.format(number), commit) for number in numbers)
    importing = ("fast-import", "--quiet", "--force")
    subprocess.run(("git", *importing), cwd=ground.work, input=stream.encode(), check=True)
    for clone in CLONES:
        ground.host.run((*clone, *importing), input=stream)


def forget(ground: HostGround, count: int) -> None:
    """Remove what `put_on_record` added; the runs since then stay."""
    path = ground.journal()
    rewrite(path, [e for e in JournalFile(path, time.time).entries() if not e.run.startswith(RUN)])
    refs = "".join(f"delete refs/tags/{OLD.format(number)}\n" for number in range(count))
    subprocess.run(("git", "update-ref", "--stdin"), cwd=ground.work, input=refs.encode(), check=True)
    for clone in CLONES:
        ground.host.run((*clone, "update-ref", "--stdin"), input=refs)


def rewrite(path: Path, entries: Iterable[ev.Entry]) -> None:
    """Write a journal of these entries, chained anew."""
    prev, seq = GENESIS, 0
    aside = path.with_name("journal.rewritten")
    with aside.open("wb") as file:
        for entry in entries:
            seq += 1
            copy = msgspec.structs.replace(entry, seq=seq, prev=prev, hash="")
            prev = digest(msgspec.json.encode(copy))
            file.write(msgspec.json.encode(msgspec.structs.replace(copy, hash=prev)) + b"\n")
    if JournalFile(aside, time.time).verify() != seq:
        raise MeasureError("the rewritten journal is incomplete")
    aside.replace(path)


def _tag(name: str, commit: str) -> str:
    text = f"Release {name}: Once\n"
    return f"tag {name}\nfrom {commit}\ntagger Test <test@l9.invalid> 1700000000 +0000\ndata {len(text)}\n{text}\n"
