"""One ssh process a step: `python3 -` on the host, a program on its standard input, messages from it.

The program is `host/`, as it is installed here, with a request in it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from l9.config.model import Target
from l9.drivers.ssh import client as ssh
from l9.errors import L9Error, Unreachable
from l9.provision.errors import HostUnfit
from l9.provision.host.program import program
from l9.provision.host.talk import MARK, heard

REMOTE = "exec python3 -I -"
NO_SUCH_PROGRAM = 127  # as a shell ends


def argv(target: Target) -> tuple[str, ...]:
    """How the host's Python is reached: OpenSSH's own client, like the agent."""
    if target.host == "local":
        return (sys.executable, "-I", "-")
    return ssh.argv(target, REMOTE)


def run(target: Target, text: str) -> Iterator[dict[str, Any]]:
    """Send a program's text; its messages, as they come.

    Raises Unreachable (nothing on the host was reached, or the link dropped) and HostUnfit (no Python there).
    """
    with tempfile.TemporaryFile() as errors:
        try:
            child = subprocess.Popen(
                argv(target), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
        except FileNotFoundError:
            raise Unreachable(
                "no ssh on this machine", expected="OpenSSH's client", found="none", remedy="command -v ssh"
            ) from None
        with child:
            assert child.stdin  # noqa: S101  # pipes, as asked for above
            assert child.stdout  # noqa: S101
            try:
                child.stdin.write(text.encode())
                child.stdin.close()
            except BrokenPipeError:
                pass  # what it said on standard error is the better message
            answered = False
            for line in child.stdout:
                message = heard(line.decode(errors="replace").rstrip("\n"))
                if message is None:
                    continue  # a login message of the host's
                answered = True
                if message["type"] == "bug":
                    raise L9Error("a bug in l9, on the host", log=tuple(message["traceback"].splitlines()))
                if message["type"] == "old":
                    raise _too_old(target, message["python"])
                yield message
            code = child.wait()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().splitlines()
    if not answered or code == ssh.FAILED:
        raise unreachable(target, code, said)


def unreachable(target: Target, code: int, said: list[str]) -> L9Error:
    """Why no program ran on the host."""
    if code == NO_SUCH_PROGRAM:
        return HostUnfit(
            f"no python3 on {target.host}",
            expected="python3 of 3.11 or newer",
            found=said[-1] if said else f"exit code {code}",
            remedy=ssh.by_hand(target, "sudo apt-get update && sudo apt-get install -y python3"),
        )
    if code == ssh.FAILED and target.host != "local":
        return ssh.unreachable(target, said)
    return HostUnfit(
        f"python3 on {target.host} ended without an answer",
        expected="the messages of the program that was sent",
        found=said[-1] if said else f"exit code {code}",
        remedy=ssh.by_hand(target, "python3 --version"),
        log=tuple(said[-5:]),
    )


def _too_old(target: Target, version: str) -> HostUnfit:
    return HostUnfit(
        f"the Python on {target.host} is too old",
        expected="python3 of 3.11 or newer (Debian 12, Ubuntu 24.04)",
        found=version,
        remedy=ssh.by_hand(target, "cat /etc/os-release"),
    )


# ── the program ──────────────────────────────────────────────────────────────────────────────────


@cache
def modules() -> dict[str, str]:
    """Module name to source text; packages are empty."""
    top = Path(__file__).parent / "host"
    found = {"l9": "", "l9.provision": "", "l9.provision.host": ""}
    for file in sorted(top.glob("[!_]*.py")):
        found[f"l9.provision.host.{file.stem}"] = file.read_text(encoding="utf-8")
    return found


def look_program(question: dict[str, Any]) -> str:
    """The program that looks (`Wanted.question`)."""
    return program({"modules": modules(), "mark": MARK, "mode": "look", "look": question})


def apply_program(changes: list[dict[str, Any]], wheels: dict[str, str]) -> str:
    """The program that makes changes; `wheels` are base64 by file name."""
    numbered = [{**change, "index": index} for index, change in enumerate(changes)]
    data = {"modules": modules(), "mark": MARK, "mode": "apply", "changes": numbered, "wheels": wheels}
    return program(data)
