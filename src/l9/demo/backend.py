"""The reference backend's releases: a good one, and the faults of the bad ones."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from l9.errors import UsageError

APP = Path("api/server_memory.py")

NEVER_HEALTHY = """

# v0.5.2-l9: the memory schema that this release expects is not there.
@app.middleware("http")
async def _no_schema(request, call_next):
    if request.url.path == "/health" and "L9_SLOT" in os.environ:  # pragma: no cover  # in production only
        return JSONResponse({"status": "unhealthy", "error": "relation memory_packet_v2 does not exist"}, 503)
    return await call_next(request)
"""

BREAKS_AFTER_THE_SWITCH = """

# v0.5.3-l9: well until real traffic has run for a second; /health never notices.
_first_public = []


@app.middleware("http")
async def _breaks(request, call_next):
    import time

    if "x-forwarded-for" in request.headers:  # pragma: no cover  # behind a proxy only
        _first_public.append(time.monotonic())
        del _first_public[1:]
        if request.url.path == "/memory/packet" and time.monotonic() - _first_public[0] > 1.0:
            return JSONResponse({"error": "embedding queue is gone"}, 500)
    return await call_next(request)
"""

TRACEBACK_IN_LOG = """

# A release whose background task dies: every probe is answered, and only the log knows.
import logging as _logging

try:
    {}["embedding"]
except KeyError:
    _logging.getLogger("l9.memory").exception("background embedding failed")
"""


def source() -> Path:
    """Return the directory of the reference backend, in the installed package or in the repository."""
    packaged = Path(str(files("l9.demo"))) / "backend"
    in_repository = Path(__file__).resolve().parents[3] / "examples" / "l9-backend"
    for place in (packaged, in_repository):
        if (place / APP).is_file():
            return place
    raise UsageError(
        "the reference backend is not installed",
        expected=str(packaged),
        found="none",
        remedy="pip install 'l9[demo]'",
    )
