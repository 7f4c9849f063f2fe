"""Runs a program on the host through one ssh process: `python3 -` with the program on its standard input.

The program consists of the modules in `host/` and a request; it answers with messages.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from l9.config.model import Target
from l9.drivers.ssh import client as ssh
from l9.errors import L9Error, Unreachable
from l9.provision.errors import HostUnfit
from l9.provision.host.program import program
from l9.provision.host.talk import MARK, parse_message

REMOTE = "exec python3 -I -"
# Seconds without a message after which a host is given up: more than all that a look does may take together, and than
# the longest change and its proof.
LOOK_LIMIT, CHANGE_LIMIT, LONG_LIMIT = 300.0, 600.0, 2700.0
NO_SUCH_PROGRAM = 127  # exit code of a shell


def argv(target: Target) -> tuple[str, ...]:
    """Return the command that runs the host's Python: OpenSSH's client, as for the agent."""
    if target.host == "local":
        return (sys.executable, "-I", "-")
    return ssh.argv(target, REMOTE)


def run(target: Target, text: str, limit: float = LOOK_LIMIT) -> Iterator[dict[str, Any]]:
    """Send a program's text; yield its messages as they arrive, each within `limit` seconds.

    Raises Unreachable (cannot connect, the connection was lost, or no message came in time) and HostUnfit (no Python
    on the host).
    """
    with tempfile.TemporaryFile() as errors:
        try:
            child = subprocess.Popen(
                argv(target), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
        except FileNotFoundError:
            raise Unreachable(
                "ssh not found on this machine",
                expected="the OpenSSH client",
                found="not found",
                remedy="command -v ssh",
            ) from None
        with child, _Limit(child, limit) as waiting:
            assert child.stdin  # noqa: S101  # pipes, as asked for above
            assert child.stdout  # noqa: S101
            try:
                child.stdin.write(text.encode())
                child.stdin.close()
            except BrokenPipeError:
                pass  # its standard error has the better message
            answered = False
            for line in child.stdout:
                message = parse_message(line.decode(errors="replace").rstrip("\n"))
                if message is None:
                    continue  # a login message of the host
                answered = True
                waiting.again()
                if message["type"] == "bug":
                    raise L9Error("a bug in l9, on the host", log=tuple(message["traceback"].splitlines()))
                if message["type"] == "old":
                    raise _too_old(target, message["python"])
                yield message
            code = child.wait()
        errors.seek(0)
        lines = errors.read().decode(errors="replace").strip().splitlines()
    if waiting.ended:
        raise _silent(target, limit)
    if not answered or code == ssh.FAILED:
        raise unreachable(target, code, lines)


class _Limit:
    """Ends the process that is waited for once no message has come for `seconds`."""

    def __init__(self, child: subprocess.Popen[bytes], seconds: float) -> None:
        self._child, self._seconds = child, seconds
        self._until = time.monotonic() + seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self.ended = False

    def again(self) -> None:
        """A message came."""
        self._until = time.monotonic() + self._seconds

    def _wait(self) -> None:
        while not self._over.wait(max(0.0, self._until - time.monotonic())):
            if time.monotonic() >= self._until:
                self.ended = True
                self._child.kill()
                return

    def __enter__(self) -> _Limit:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _silent(target: Target, limit: float) -> Unreachable:
    return Unreachable(
        f"{target.host} has said nothing for {limit:g} s, and was given up",
        expected="a message of the provisioning program",
        found="none; it makes no further change, since nobody listens",
        remedy=ssh.by_hand(target, "ps -ef"),
    )


def unreachable(target: Target, code: int, lines: list[str]) -> L9Error:
    """Return the error for a program that did not run on the host; `lines` are from standard error."""
    if code == NO_SUCH_PROGRAM:
        return HostUnfit(
            f"python3 not found on {target.host}",
            expected="python3, version 3.11 or newer",
            found=lines[-1] if lines else f"exit code {code}",
            remedy=ssh.by_hand(target, "sudo apt-get update && sudo apt-get install -y python3"),
        )
    if code == ssh.FAILED and target.host != "local":
        return ssh.unreachable(target, lines)
    return HostUnfit(
        f"python3 on {target.host} exited without an answer",
        expected="messages from the provisioning program",
        found=lines[-1] if lines else f"exit code {code}",
        remedy=ssh.by_hand(target, "python3 --version"),
        log=tuple(lines[-5:]),
    )


def _too_old(target: Target, version: str) -> HostUnfit:
    return HostUnfit(
        f"the Python on {target.host} is too old",
        expected="python3, version 3.11 or newer (Debian 12, Ubuntu 24.04)",
        found=version,
        remedy=ssh.by_hand(target, "cat /etc/os-release"),
    )


# ── the program ──────────────────────────────────────────────────────────────────────────────────


@cache
def modules() -> dict[str, str]:
    """Return the source text of each module by name; packages are empty."""
    top = Path(__file__).parent / "host"
    found = {"l9": "", "l9.provision": "", "l9.provision.host": ""}
    for file in sorted(top.glob("[!_]*.py")):
        found[f"l9.provision.host.{file.stem}"] = file.read_text(encoding="utf-8")
    return found


def look_program(question: dict[str, Any]) -> str:
    """Return the program that inspects the host (`Wanted.question`)."""
    return program({"modules": modules(), "mark": MARK, "mode": "look", "look": question})


def apply_program(
    changes: list[dict[str, Any]],
    wheels: dict[str, str],
    lock: str,
    *,
    settings: list[str] | None = None,
    wanted: dict[str, Any] | None = None,
    moves_at: int = 0,
) -> str:
    """Return the program that applies changes; `wheels` are base64 by file name, `lock` is the run's lock.

    A live release is asked for by the host's `settings` up to the change `moves_at`, and from then on by the `wanted`
    question; without one, nothing is asked.
    """
    numbered = [{**change, "index": index} for index, change in enumerate(changes)]
    data = {
        "modules": modules(), "mark": MARK, "mode": "apply", "changes": numbered, "wheels": wheels, "lock": lock,
        "settings": settings or [], "wanted": wanted, "moves_at": moves_at,
    }  # fmt: skip
    return program(data)
