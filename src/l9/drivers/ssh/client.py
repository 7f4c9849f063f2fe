"""OpenSSH's own client: what it is called with, and what its failures mean. Pure.

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
# After the user's own options, which count first: a host that swallows packets is reported in seconds.
_TIMEOUTS = ("-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15")
_COPY_ID_TAKES = ("-i", "-o", "-p")
_LOGIN = re.compile(r"^(\S+@\S+): permission denied", re.IGNORECASE | re.MULTILINE)
_THROUGH_A_JUMP_HOST = "unknown port 65535"  # the peer's address, where ssh has a pipe for a connection


class _Cause(NamedTuple):
    """Words of ssh's, the message that they lead to, and what was expected."""

    words: str
    message: str
    expected: str


_KEY = "the host key in known_hosts"
_DENIED = "an ssh login that asks no question"
# The first that fits: a changed key ends in the words of an unknown one.
_CAUSES = (
    _Cause(r"identification has changed", "ssh: the host key of {host} has changed", _KEY),
    _Cause(r"host key verification failed", "ssh: the host key of {host} is unknown", _KEY),
    _Cause(
        r"permission denied|too many authentication failures", "ssh: permission denied for {login}", _DENIED
    ),
    _Cause(r"could not resolve hostname", "ssh: no such host {host}", "a name that resolves"),
    _Cause(r"connection refused", "ssh: {host} refused the connection", "an ssh server that listens"),
    _Cause(r"timed out|timeout, server", "ssh: {host} did not answer in time", "an answer within 15 s"),
    _Cause(
        r"no route to host|network is unreachable", "ssh: no route to {host}", "a network that leads there"
    ),
    _Cause(r"bad configuration option", "ssh: the configuration of ssh is wrong", "options that ssh knows"),
    _Cause(
        r"connection (?:closed|reset)|disconnected", "ssh: {host} closed the connection", "an ssh session"
    ),
    _Cause(r"", "ssh: cannot connect to {host}", "an ssh session"),
)


def argv(target: Target, remote: str) -> tuple[str, ...]:
    """Run `remote`, a command for the host's shell, without a terminal and without a question."""
    return ("ssh", *_QUESTIONLESS, *target.ssh_options, *_TIMEOUTS, "--", target.host, remote)


def by_hand(target: Target, remote: str = "true") -> str:
    """The command that a person types here to run `remote` there; ssh asks all that it may ask."""
    if target.host == "local":
        return remote
    return shlex.join(("ssh", *target.ssh_options, target.host, remote))


def unreachable(target: Target, said: Sequence[str]) -> Unreachable:
    """An ssh that ended with FAILED after these lines of standard error."""
    text = "\n".join(said).lower()
    cause = next(cause for cause in _CAUSES if re.search(cause.words, text))
    login = [*_LOGIN.findall("\n".join(said)), target.host][0]
    denied = cause.expected == _DENIED and _THROUGH_A_JUMP_HOST not in text
    return Unreachable(
        cause.message.format(host=target.host, login=login),
        expected=cause.expected,
        found=said[-1] if said else f"exit code {FAILED}",
        remedy=_copy_id(target) if denied else by_hand(target),
        log=tuple(said[-5:]),
    )


def _copy_id(target: Target) -> str:
    """Have the host know the user's key, where `ssh-copy-id` takes the target's options; else log in by hand."""
    if len(target.ssh_options) % 2 or set(target.ssh_options[::2]) - set(_COPY_ID_TAKES):
        return by_hand(target)
    return shlex.join(("ssh-copy-id", *target.ssh_options, target.host))
