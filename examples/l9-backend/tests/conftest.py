"""Most tests talk to the real server in a process of its own, as users do."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[1]
KEY = "test-executor-key"
RELEASE = "v1.2.3-l9"
NO_DATABASE = "postgresql://l9:test-password@127.0.0.1:1/l9_memory"  # nothing listens on port 1

_RUNNING = re.compile(r"running on (http://127\.0\.0\.1:\d+)")


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def client(self, key: str | None = KEY) -> httpx.Client:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        finally:
            self.process.kill()


def launch(log: Path, dsn: str = NO_DATABASE) -> Server:
    """Start `python -m api` on a port of the kernel's choice; the caller stops it."""
    environment = os.environ | {
        "ENV": "production",
        "HOST": "127.0.0.1",
        "L9_EXECUTOR_API_KEY": KEY,
        "L9_RELEASE": RELEASE,
        "LOG_LEVEL": "info",
        "MEMORY_DSN": dsn,
        "PORT": "0",
    }
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "api"], cwd=ROOT, env=environment, stdout=sink, stderr=sink
        )
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        if running := _RUNNING.search(log.read_text()):
            return Server(process, running[1], log)
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that need no database; it has none."""
    server = launch(tmp_path_factory.mktemp("lonely") / "server.log")
    yield server
    assert server.stop() == 0


@pytest.fixture
def client(lonely: Server) -> Iterator[httpx.Client]:
    with lonely.client() as client:
        yield client


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, to be stopped by it."""
    server = launch(tmp_path / "server.log")
    yield server
    if server.process.poll() is None:
        server.stop()
