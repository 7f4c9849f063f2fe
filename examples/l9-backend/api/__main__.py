"""Serve the app: `python -m api`, with HOST, PORT and LOG_LEVEL from the environment."""

import os
import signal
import sys

import uvicorn

# Longer than the slowest request (/slow, 10 s), shorter than compose's stop_grace_period (30 s).
GRACE_SECONDS = 25


def main() -> None:
    # After a clean shutdown, uvicorn raises the signal again; exit with success.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.run(
        "api.server_memory:app",
        host=os.environ.get("HOST", "127.0.0.1"),
        port=int(os.environ.get("PORT", "8000")),
        log_level=os.environ.get("LOG_LEVEL", "info").lower(),
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


if __name__ == "__main__":
    main()
