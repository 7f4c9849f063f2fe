"""The costs of l9: connections, memory, and the time to read a long journal or the help."""

from __future__ import annotations

import hashlib
import itertools
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from bench.figures import Figure
from bench.ground import Ground, HostGround, MeasureError, l9, l9_program, timed
from bench.releases import idle
from l9 import __version__
from l9.configuration import load
from l9.core import events as ev
from l9.drivers.files.journal import JournalFile
from l9.graph import GRAPH
from l9.protocol import requests as ask
from l9.protocol.messages import encode

ENTRIES = 100_000
GENESIS = "0" * 64


def help_time(_ground: Ground, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure `l9 --help`, compared with an empty Python program."""
    say("l9 --help")
    times = {"help": [], "bare": []}
    for number in range(1 + max(runs, 5)):
        for name, argv in (("help", (*l9_program(), "--help")), ("bare", (sys.executable, "-c", "pass"))):
            done = timed(lambda argv=argv: subprocess.run(argv, capture_output=True, text=True, check=True))
            if number:  # the first run may write bytecode
                times[name].append(done.seconds)
    return [
        Figure(
            "help", "l9 --help", "s", tuple(times["help"]), target=0.2,
            beside_what="python -c pass", beside=tuple(times["bare"]),
        )
    ]  # fmt: skip


def connections(ground: Ground, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Count the ssh connections and sessions of each command, from sshd's log, without git's own to origin."""
    if not isinstance(ground, HostGround):
        return []
    git_log = ground.root / "git-ssh.log"
    plain = f"ssh -F {ground.host.ssh_config}"
    ground.git("config", "core.sshCommand", f"{plain} -v -E {git_log}")
    found: dict[str, list[tuple[int, int, int]]] = {}
    try:
        for number, name in itertools.product(range(runs), ("status", "history", "rollback", "deploy")):
            say(f"ssh connections of l9 {name}, {number + 1} of {runs}")
            tag = idle(ground)
            git_log.write_text("", encoding="utf-8")
            before = _sshd(ground)
            l9(ground, name, *((tag,) if name in ("deploy", "rollback") else ()), "--json")
            time.sleep(0.1)  # for the end of the last connection in the log
            git = git_log.read_text(encoding="utf-8").count("Authenticated to ")
            now = _sshd(ground)
            mine = (now[0] - before[0] - git, now[1] - before[1] - git, git)
            found.setdefault(name, []).append(mine)
    finally:
        ground.git("config", "core.sshCommand", plain)
    figures = []
    for name, counts in found.items():
        git = max(count[2] for count in counts)
        note = f"plus {git} of git's own to origin" if git else ""
        for place, what in enumerate(("connections", "sessions")):
            values = tuple(float(count[place]) for count in counts)
            figures.append(
                Figure(f"ssh.{name}.{what}", f"ssh {what} of l9 {name}", "", values, target=1, note=note)
            )
            note = ""
    return figures


def _sshd(ground: HostGround) -> tuple[int, int]:
    """Return the number of accepted connections and started sessions so far."""
    log = ground.host.path("/var/log/sshd.log").read_text(encoding="utf-8", errors="replace")
    counts = Counter(" ".join(line.split(" ", 2)[:2]) for line in log.splitlines())
    return counts["Accepted publickey"], counts["Starting session:"]


def memory(ground: Ground, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure the peak memory of the agent and its worker during a deploy (VmHWM)."""
    largest, together = [], []
    for number in range(runs):
        say(f"memory of the agent, {number + 1} of {runs}")
        tag = idle(ground)
        with _watched(ground) as peaks:
            l9(ground, "deploy", tag, "--json")
        if not peaks:
            raise MeasureError("no process of the agent was found during a deploy")
        largest.append(max(peaks.values()) / 1e6)
        together.append(sum(peaks.values()) / 1e6)
    return [
        Figure("memory.largest", "agent's memory in a deploy: its largest process", "MB", tuple(largest), 80),
        Figure(
            "memory.together", "agent's memory in a deploy: its processes together", "MB", tuple(together),
            note="shared pages are counted in each process",
        ),
    ]  # fmt: skip


@contextmanager
def _watched(ground: Ground) -> Iterator[dict[int, int]]:
    """Yield peak bytes by pid, updated while the block runs."""
    peaks: dict[int, int] = {}
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(0.05):
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError, ValueError):  # it has ended
                    pid = int(process.name)
                    is_agent = b"\0l9\0agent\0--" in (process / "cmdline").read_bytes()
                    if not is_agent or not ground.is_ours(pid):
                        continue
                    status = (process / "status").read_text(encoding="utf-8")
                    peak = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024
                    peaks[pid] = max(peak, peaks.get(pid, 0))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        finished.set()
        thread.join()


def long_journal(ground: Ground, runs: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure `l9 status` and `l9 history` with a journal of 100,000 entries, compared with the short one."""
    config = load(ground.work)
    asked = {
        name: encode(
            ask.Request(
                version=__version__, graph=GRAPH.digest, instance=config.instance, who="bench",
                ask=msgspec.Raw(ask.encode_ask(query)),
            )
        ) + b"\n"
        for name, query in {
            "status": ask.Status(), "history": ask.History(), "verify": ask.History(verify=True),
        }.items()
    }  # fmt: skip

    def agent(name: str) -> float:
        done = ground.agent(asked[name])
        if done.code or '"type":"answer"' not in done.out:
            raise MeasureError(
                f"the agent's {name} ended with {done.code}: {done.out[-2000:]}{done.err[-2000:]}"
            )
        return done.seconds

    times: dict[str, list[float]] = {}
    journal = ground.journal()
    short = journal.read_bytes()
    known = short.count(b"\n")
    say("reading a short journal")
    for name in asked:
        times[f"short.{name}"] = [agent(name) for _ in range(runs)]
    say(f"reading a journal of {ENTRIES:,} entries")
    lengthen(journal, ENTRIES)
    try:
        for name in asked:
            times[name] = [agent(name) for _ in range(runs)]
        times["prompt"] = [l9(ground, "status").seconds for _ in range(runs)]
    finally:
        journal.write_bytes(short)

    def figure(key: str, title: str, target: float | None = None) -> Figure:
        beside = times.get(f"short.{key}", [])
        return Figure(
            f"journal.{key}", title, "s", tuple(times[key]), target,
            f"the same, of {known:,} entries" if beside else "", tuple(beside),
        )  # fmt: skip

    return [
        figure("status", f"status of {ENTRIES:,} entries, on the host", 0.5),
        figure("history", f"history of {ENTRIES:,} entries, on the host", 0.5),
        figure("verify", f"history --verify of {ENTRIES:,} entries, on the host"),
        figure("prompt", f"status of {ENTRIES:,} entries, from the prompt"),
    ]


def lengthen(path: Path, entries: int) -> None:
    """Prepend copies of the journal's runs under new names, to a valid chain of at least `entries`."""
    known = list(JournalFile(path, time.time).entries())
    first = next(n for n, entry in enumerate(known) if isinstance(entry.body, ev.RunStarted))
    repeated = [entry for entry in known[first:] if entry.run]
    turns = -(-entries // len(repeated))
    prev, seq = GENESIS, 0
    grown = path.with_name("journal.grown")
    with grown.open("wb") as file:
        for turn in range(turns):
            last = turn == turns - 1
            for entry in repeated:
                seq += 1
                run = entry.run if last else f"{entry.run}-{turn}"
                copy = msgspec.structs.replace(entry, seq=seq, run=run, prev=prev, hash="")
                prev = digest(msgspec.json.encode(copy))
                file.write(msgspec.json.encode(msgspec.structs.replace(copy, hash=prev)) + b"\n")
    if JournalFile(grown, time.time).verify() != seq:
        raise MeasureError("the lengthened journal is incomplete")
    grown.replace(path)


def digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
