"""What is asked of the host during a cell, from outside: by the commands, by the public route, and by the engine."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from typing import Any

from documented import answer_of, documents
from e2e.host_place import PATH
from e2e.place import l9
from faults.fault_place import FaultPlace
from faults.seen import Failed
from l9.demo.load import Load
from l9.demo.load_report import LoadReport

ANSWERS = 8
KNOWN = {"journal.jsonl", "journal.reserve", "lock", "releases", "route", "runs"}


def remedies(answer: dict[str, Any]) -> list[str]:
    """The next commands of an answer, wherever it names them."""
    found: list[str] = []
    for one in answer.get("remedy") or ():
        found.append(one["command"] if isinstance(one, dict) else str(one))
    for one in (answer.get("closed") or {}).get("findings", ()):
        found.append(one.get("remedy", ""))
    found += [one.get("remedy", "") for one in answer.get("drift", ())]
    return [
        one
        for one in found
        if one.startswith(("l9 resume", "l9 rollback", "l9 deploy", "l9 provision", "git -C"))
    ]


def what_is_wrong(place: FaultPlace) -> tuple[list[str], dict[str, Any], dict[str, Any]]:
    """What keeps the host from being well, with the commands printed for it (empty if it is well); status and drift."""
    status = ask(place, "status")
    if "live" not in status:
        return ["status", *remedies(status)], status, {}
    if status.get("lock"):
        return ["wait"], status, {}
    run = (status.get("run") or {}).get("state", "")
    if run in ("interrupted", "FAIL-STATE", "running"):
        return [f"run {run}", "l9 resume"], status, {}
    if status.get("public"):
        return ["public", status["public"]["remedy"]], status, {}
    drift = ask(place, "drift")
    if drift.get("drift"):
        return ["drift", *remedies(drift)], status, drift
    if {code for code, _, _ in public_answers(place, 2)} != {200}:
        return ["answers"], status, drift
    return [], status, drift


def ask(place: FaultPlace, *words: str) -> dict[str, Any]:
    done = l9(place, *words, "--json")
    found = documents(done.stdout)
    return answer_of(found[-1]) if found else {"error": done.stderr}


def public_answers(place: FaultPlace, count: int = ANSWERS) -> list[tuple[int, str, str]]:
    """Status, slot and release of public answers."""
    found = []
    for _ in range(count):
        request = urllib.request.Request(f"{place.url}/health", headers={"X-L9-Probe": "1"})
        try:
            with urllib.request.urlopen(request, timeout=3) as answer:
                headers, status = answer.headers, answer.status
        except urllib.error.HTTPError as error:
            headers, status = error.headers, error.code
        except OSError:
            found.append((0, "", ""))
            continue
        found.append((status, headers.get("X-L9-Slot", ""), headers.get("X-L9-Release", "").lstrip("/")))
    return found


def leftovers(place: FaultPlace) -> tuple[str, ...]:
    """Files and containers that no run leaves."""
    names = set(place.sh('ls -A "$1/.l9"', PATH).split())
    unknown = [name for name in names - KNOWN if not name.startswith("journal.")]
    slots = place.docker(
        "ps", "--all", "--format", "{{.Names}} {{.State}}", "--filter", "label=dev.l9.slot"
    ).splitlines()
    odd = [line for line in slots if line.split()[1] not in ("running", "paused", "exited")]
    return tuple(sorted([*unknown, *odd]))


def report_until(load: Load, until: float) -> LoadReport:
    """The load's report, complete up to a time."""
    for _ in range(50):
        report = load.snapshot()
        if report.buckets and report.buckets[-1].ts >= until:
            return report
        time.sleep(0.1)
    return load.snapshot()  # as far as it is


def failures(
    report: LoadReport, since: float, until: float, began: float, bad_slot: str
) -> tuple[Failed, ...]:
    found = []
    for one in report.between(since, until).failures:
        if one.scheduled < since:  # sent during the cell before, and hung until now
            continue
        if bad_slot and one.status == 500 and one.slot == bad_slot:
            continue
        found.append(
            Failed(
                round(one.ts - began, 2), one.kind, one.status, one.slot, f"{one.traffic} {one.error}"[:120]
            )
        )
    return tuple(found)


def status_if_well(place: FaultPlace) -> dict[str, Any]:
    """The status of a host on which nothing is wrong; else empty."""
    wrong, status, _ = what_is_wrong(place)
    return {} if wrong else status
