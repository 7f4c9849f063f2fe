"""The operator's side of the agent: one process a command, over ssh or a local pipe."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec

from l9 import __version__
from l9.config.model import Config, Target
from l9.drivers.ssh import client as ssh
from l9.errors import AgentMismatch, Interrupted, Unreachable
from l9.graph import GRAPH
from l9.protocol.messages import AnyMessage, Failed, Hello, Request, Result, decode, encode

AGENT = ".l9/agent/bin/l9"
GOES_ON = ("deploy", "rollback", "resume")  # what the host brings to an end without us


def argv(target: Target) -> tuple[str, ...]:
    """How the agent is reached: OpenSSH's own client, so that people's own configuration works."""
    if target.host == "local":
        return (sys.executable, "-P", "-m", "l9", "agent")  # -P: not a folder l9 of the user's repository
    return ssh.argv(target, f"exec {shlex.quote(f'{target.path}/{AGENT}')} agent")


def by_hand(target: Target) -> str:
    """The command that shows a person why no agent answers."""
    return shlex.join(argv(target)) if target.host == "local" else ssh.by_hand(target)


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
    program = argv(config.target)
    request = Request(
        command=command,
        version=__version__,
        graph=GRAPH.digest,
        config=msgspec.to_builtins(config),
        who=who,
        params=params,
    )
    try:
        child = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except FileNotFoundError:
        raise Unreachable(
            f"{program[0]} cannot be run",
            expected=f"a program {program[0]}",
            found="none",
            remedy="apt-get install openssh-client",
        ) from None
    try:
        yield from _converse(child, request, config.target)
    finally:
        if child.poll() is None:
            child.terminate()
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe:
                with suppress(BrokenPipeError):  # a request that nobody read, tried again
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
        if isinstance(message, Hello):
            greeted = True
            _compare(message, request)
        if isinstance(message, Failed):
            raise AgentFailed(_there(message.envelope, target))
        yield message
        if isinstance(message, Result):
            return
    said = stderr.read().decode(errors="replace").strip().splitlines()
    if greeted and request.command not in GOES_ON:
        raise Unreachable(
            "the link to the host dropped before the answer",
            expected="an answer",
            found=said[-1] if said else "the end of the stream",
            remedy=by_hand(target),
            log=tuple(said[-5:]),
        )
    if greeted:
        raise Interrupted(
            "the link to the host dropped; the run there goes on by itself",
            expected="messages until the run's end",
            found=said[-1] if said else "the end of the stream",
            remedy="l9 resume",
        )
    raise _unreachable(target, child.wait(), tuple(said))


def _compare(hello: Hello, request: Request) -> None:
    for what, mine, theirs in (
        ("version", request.version, hello.version),
        ("graph", request.graph, hello.graph),
    ):
        if mine != theirs:
            raise AgentMismatch(
                f"the agent on the host has another {what}",
                expected=f"{what} {mine}",
                found=f"{what} {theirs} on {hello.host}",
                remedy="l9 provision",
            )


def _there(envelope: dict[str, Any], target: Target) -> dict[str, Any]:
    """The agent's error, its remedies marked that are to be typed on the host and not here."""
    if target.host == "local":
        return envelope
    remedies = [
        r if str(r.get("command", "")).startswith("l9 ") else {**r, "when": f"on {target.host}"}
        for r in envelope.get("remedy", [])
    ]
    return {**envelope, "remedy": remedies}


def _unreachable(target: Target, code: int, said: tuple[str, ...]) -> Unreachable:
    """Why nobody greeted us. 126 and 127 are the host's shell's."""
    host, found = target.host, said[-1] if said else f"exit code {code}"
    if code == ssh.FAILED and host != "local":
        return ssh.unreachable(target, said)
    return Unreachable(
        f"no agent answers on {host}",
        expected=f"an agent at {target.path}/{AGENT}",
        found=found,
        remedy="l9 provision" if code in (126, 127) else by_hand(target),
        log=said[-5:],
    )


def result(config: Config, command: str, who: str, **params: Any) -> dict[str, Any]:
    """As `ask`, for commands that answer with one document."""
    data: dict[str, Any] = {}
    for message in ask(config, command, who, **params):
        if isinstance(message, Result):
            data = message.data
    return data
