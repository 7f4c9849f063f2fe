"""OpenSSH's client: its arguments, and the meaning of its errors. Pure.

It is the user's client: their configuration, agent, jump hosts and hardware keys apply.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import NamedTuple

from l9.config.model import Target
from l9.errors import Unreachable

FAILED = 255  # ssh's own exit code, one for every failure; any other is the remote program's
_QUESTIONLESS = ("-T", "-o", "BatchMode=yes")
# After the user's own options, which have precedence: a host that drops packets is reported in seconds.
_TIMEOUTS = ("-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15")
_COPY_ID_TAKES = ("-i", "-o", "-p")
_LOGIN = re.compile(r"^(\S+@\S+): permission denied", re.IGNORECASE | re.MULTILINE)
_THROUGH_A_JUMP_HOST = "unknown port 65535"  # the peer's address, if ssh is connected through a pipe


class _Cause(NamedTuple):
    """A pattern of ssh's output, the message for it, and the expected state."""

    words: str
    message: str
    expected: str


_KEY = "the host key in known_hosts"
_DENIED = "an ssh login without a prompt"
# The first match counts: the output for a changed key ends like that for an unknown one.
_CAUSES = (
    _Cause(r"identification has changed", "ssh: the host key of {host} has changed", _KEY),
    _Cause(r"host key verification failed", "ssh: the host key of {host} is unknown", _KEY),
    _Cause(
        r"permission denied|too many authentication failures", "ssh: permission denied for {login}", _DENIED
    ),
    _Cause(r"could not resolve hostname", "ssh: no such host {host}", "a name that resolves"),
    _Cause(r"connection refused", "ssh: {host} refused the connection", "an ssh server that listens"),
    _Cause(r"timed out|timeout, server", "ssh: connection to {host} timed out", "a connection within 15 s"),
    _Cause(
        r"no route to host|network is unreachable", "ssh: no route to {host}", "a network route to the host"
    ),
    _Cause(r"bad configuration option", "ssh: invalid configuration", "valid options of ssh"),
    _Cause(
        r"connection (?:closed|reset)|disconnected", "ssh: {host} closed the connection", "an ssh session"
    ),
    _Cause(r"", "ssh: cannot connect to {host}", "an ssh session"),
)


def argv(target: Target, remote: str) -> tuple[str, ...]:
    """Run `remote`, a command for the host's shell, without a terminal and without prompts."""
    return ("ssh", *_QUESTIONLESS, *target.ssh_options, *_TIMEOUTS, "--", target.host, remote)


def by_hand(target: Target, remote: str = "true") -> str:
    """Return the command that a person types to run `remote` on the host; ssh may prompt."""
    if target.host == "local":
        return remote
    return shlex.join(("ssh", *target.ssh_options, target.host, remote))


def unreachable(target: Target, stderr_lines: Sequence[str]) -> Unreachable:
    """Return the error for an ssh that ended with FAILED after these lines of standard error."""
    text = "\n".join(stderr_lines).lower()
    cause = next(cause for cause in _CAUSES if re.search(cause.words, text))
    login = [*_LOGIN.findall("\n".join(stderr_lines)), target.host][0]
    denied = cause.expected == _DENIED and _THROUGH_A_JUMP_HOST not in text
    return Unreachable(
        cause.message.format(host=target.host, login=login),
        expected=cause.expected,
        found=stderr_lines[-1] if stderr_lines else f"exit code {FAILED}",
        remedy=_copy_id(target) if denied else by_hand(target),
        log=tuple(stderr_lines[-5:]),
    )


def _copy_id(target: Target) -> str:
    """Return the `ssh-copy-id` command for the user's key, or a login by hand if it lacks the target's options."""
    if len(target.ssh_options) % 2 or set(target.ssh_options[::2]) - set(_COPY_ID_TAKES):
        return by_hand(target)
    return shlex.join(("ssh-copy-id", *target.ssh_options, target.host))
