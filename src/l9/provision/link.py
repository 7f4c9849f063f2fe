"""One ssh process a step: `python3 -` on the host, the program on its standard input, messages from it."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from l9.config.model import Target
from l9.errors import L9Error, Unreachable
from l9.provision.errors import HostUnfit
from l9.provision.host.talk import heard
from l9.provision.needs import on_host

REMOTE = "exec python3 -I -"
# After the user's own options, which count first.
OPTIONS = ("-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15")


def argv(target: Target) -> tuple[str, ...]:
    """How the host's Python is reached: OpenSSH's own client, like the agent."""
    if target.host == "local":
        return (sys.executable, "-I", "-")
    ssh = ("ssh", "-T", "-o", "BatchMode=yes", *target.ssh_options, *OPTIONS)
    return (*ssh, "--", target.host, REMOTE)


def run(target: Target, program: str) -> Iterator[dict[str, Any]]:
    """Send a program; its messages, as they come.

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
                child.stdin.write(program.encode())
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
    if not answered or code == 255:
        raise unreachable(target, code, said)


def unreachable(target: Target, code: int, said: list[str]) -> L9Error:
    """What an ssh that failed means. ssh has one exit code for all of it, so its words decide the remedy."""
    host, last = target.host, said[-1] if said else f"exit code {code}"
    if code == 127:
        return HostUnfit(
            f"no python3 on {host}",
            expected="python3 of 3.11 or newer",
            found=last,
            remedy=on_host(target, "sudo apt-get update && sudo apt-get install -y python3"),
        )
    text, ssh = "\n".join(said), shlex.join(("ssh", *target.ssh_options, "--", host))
    if "host key verification failed" in text.lower():
        changed = "IDENTIFICATION HAS CHANGED" in text
        return Unreachable(
            f"{host} {'shows another host key than the one on record' if changed else 'is not known yet'}",
            expected="the host key in known_hosts",
            found=last,
            remedy=ssh,  # which shows the key, and how to take the old one off the record
            log=tuple(said[-5:]),
        )
    denied = "permission denied" in text.lower()
    return Unreachable(
        f"{host} {'does not let us in' if denied else 'cannot be reached'}",
        expected="an ssh login that asks no question",
        found=last,
        remedy=f"ssh-copy-id {shlex.quote(host)}" if denied else f"{ssh} true",
        log=tuple(said[-5:]),
    )


def _too_old(target: Target, version: str) -> HostUnfit:
    return HostUnfit(
        f"the Python on {target.host} is too old",
        expected="python3 of 3.11 or newer (Debian 12, Ubuntu 24.04)",
        found=version,
        remedy=on_host(target, "cat /etc/os-release"),
    )
