"""The operator's side of the agent: one process a command, over ssh or a local pipe."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from l9 import __version__
from l9.agent.protocol import AnyMessage, Failed, Hello, Request, Result, decode, encode
from l9.config.model import Config, Target
from l9.core.graph import GRAPH
from l9.errors import AgentMismatch, Interrupted, Unreachable

AGENT = ".l9/agent/bin/l9"


def argv(target: Target) -> tuple[str, ...]:
    """How the agent is reached: OpenSSH's own client, so that people's own configuration works."""
    if target.host == "local":
        return (sys.executable, "-m", "l9", "agent")
    remote = f"exec {shlex.quote(f'{target.path}/{AGENT}')} agent"
    return ("ssh", "-T", "-o", "BatchMode=yes", *target.ssh_options, "--", target.host, remote)


class AgentFailed(Exception):
    """The agent answered with an error; `envelope` is its one document."""

    def __init__(self, envelope: dict[str, Any]) -> None:
        super().__init__(envelope.get("message", "the agent failed"))
        self.envelope = envelope


def ask(config: Config, command: str, who: str, **params: Any) -> Iterator[AnyMessage]:
    """Send one request; the agent's messages, the last one a Result.

    Raises Unreachable (no agent answered), AgentMismatch, Interrupted (the link dropped after the agent had
    answered), AgentFailed (the agent's own error).
    """
    request = Request(
        command=command,
        version=__version__,
        graph=GRAPH.digest,
        config=msgspec.to_builtins(config),
        who=who,
        params=params,
    )
    child = subprocess.Popen(
        argv(config.target), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield from _converse(child, request, config.target)
    finally:
        if child.poll() is None:
            child.terminate()
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe:
                pipe.close()
        child.wait()


def _converse(child: subprocess.Popen[bytes], request: Request, target: Target) -> Iterator[AnyMessage]:
    stdin, stdout, stderr = child.stdin, child.stdout, child.stderr
    assert stdin is not None and stdout is not None and stderr is not None  # noqa: PT018, S101  # pipes, as asked for
    try:
        stdin.write(encode(request) + b"\n")
        stdin.flush()
    except BrokenPipeError:
        pass  # what it said on standard error is the better message
    greeted = False
    for line in stdout:
        try:
            message = decode(line)
        except msgspec.MsgspecError as error:
            if greeted:
                raise AgentMismatch(
                    "the agent sent what this l9 does not understand",
                    expected="a message of the protocol",
                    found=str(error),
                    remedy="l9 provision",
                ) from None
            continue  # a login message of the host's, before ours begins
        greeted = greeted or isinstance(message, Hello)
        if isinstance(message, Failed):
            raise AgentFailed(message.envelope)
        yield message
        if isinstance(message, Result):
            return
    said = stderr.read().decode(errors="replace").strip().splitlines()
    if greeted:
        raise Interrupted(
            "the link to the host dropped; the run there goes on by itself",
            expected="messages until the run's end",
            found=said[-1] if said else "the end of the stream",
            remedy="l9 resume",
        )
    code = child.wait()
    raise Unreachable(
        f"no agent answered on {target.host}",
        expected=f"an agent at {target.path}/{AGENT}",
        found=said[-1] if said else f"exit code {code}",
        remedy="l9 provision" if code in (126, 127) else f"ssh {target.host} true",
        log=tuple(said[-5:]),
    )


def result(config: Config, command: str, who: str, **params: Any) -> dict[str, Any]:
    """As `ask`, for commands that answer with one document."""
    data: dict[str, Any] = {}
    for message in ask(config, command, who, **params):
        if isinstance(message, Result):
            data = message.data
    return data
