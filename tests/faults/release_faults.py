"""Faults that lie in the release itself: each is one deploy, which must be refused, go back, or go well."""

from __future__ import annotations

from faults.fault import Fault
from faults.moments import Act, Moment
from l9.demo import backend

SLOW_START = 'if "L9_SLOT" in os.environ:\n    import time\n\n    time.sleep(5)\n'
FLAPPING = """
_probes = []


@app.middleware("http")
async def _flaps(request, call_next):
    if request.url.path == "/health" and "L9_SLOT" in os.environ:
        _probes.append(1)
        if len(_probes) % 3 == 0:
            return JSONResponse({"status": "unhealthy", "error": "cache is warming up"}, 503)
    return await call_next(request)
"""
SMOKE_FAILS = """

@app.middleware("http")
async def _smoke(request, call_next):
    if request.url.path == "/memory/packet" and "L9_SLOT" in os.environ:
        return JSONResponse({"error": "no table memory_packet_v3"}, 500)
    return await call_next(request)
"""
NOISE = """
import logging as _noise

for _n in range(3000):
    _noise.getLogger("l9.noise").info("no error, nothing failed, error_count=0, round %d", _n)
"""
DIES = 'if "L9_SLOT" in os.environ:\n    raise SystemExit("no license key")\n'
DIES_SOON = """
if "L9_SLOT" in os.environ:
    import threading

    threading.Timer(0.2, lambda: os._exit(137)).start()
"""
DIES_AFTER_SWITCH = """

_ends = []


@app.middleware("http")
async def _ends_soon(request, call_next):
    if "x-forwarded-for" in request.headers and "L9_SLOT" in os.environ and not _ends:
        import threading

        _ends.append(threading.Timer(0.4, lambda: os._exit(137)))
        _ends[0].start()
    return await call_next(request)
"""


def in_its_deploy(moment: Moment) -> str:
    """The rule of faults that lie in a release: without its deploy there is none."""
    return "" if moment.act is Act.RELEASE else "the fault lies in the release"


FAULTS = (
    Fault("slow-start", "a start that takes 5 s", code=SLOW_START, good=True),
    Fault("noise", "3,000 lines of noise that speak of errors", code=NOISE, good=True),
    Fault(
        "never-healthy",
        "a health endpoint that never gets well",
        code=backend.NEVER_HEALTHY,
        names=("503", "health"),
    ),
    Fault("flapping", "health that fails each third time", code=FLAPPING, names=("503", "health")),
    Fault("smoke-fails", "health 200 with a smoke test 500", code=SMOKE_FAILS, names=("500", "smoke")),
    Fault("traceback", "a traceback in the log", code=backend.TRACEBACK_IN_LOG, names=("KeyError",)),
    Fault("dies-at-start", "a process that ends at once", code=DIES, names=("license", "exit")),
    Fault(
        "dies-soon",
        "a process that is killed after 0.2 s, again and again",
        code=DIES_SOON,
        names=("137", "exit", "restart", "answer"),
    ),
    Fault(
        "dies-after-switch",
        "a process that is killed 0.4 s after its first user, again and again",
        code=DIES_AFTER_SWITCH,
        not_applicable=in_its_deploy,
        cuts=True,  # until users are back
        control="live-slot-killed",
        names=("502", "restart", "exit", "started again"),
    ),
    Fault(
        "breaks-after-switch",
        "500 to real users alone",
        code=backend.BREAKS_AFTER_THE_SWITCH,
        names=("500", "answers"),
    ),
)
