"""The client of the agent: one process a command, over ssh or on this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from l9 import __version__
from l9.config import provisioned
from l9.config.model import Config, Target
from l9.config.settings import differences, server_settings
from l9.drivers.ssh import client as ssh
from l9.errors import AgentMismatch, Interrupted, Unreachable
from l9.graph import GRAPH
from l9.protocol import requests as ask
from l9.protocol.answers.answer import Answer
from l9.protocol.answers.error import Error
from l9.protocol.answers.run_lines import NoteLine, ResultLine
from l9.protocol.connection import Connection, by_hand
from l9.protocol.messages import Answered, AnyMessage, Failed, Hello, decode, encode

A = TypeVar("A", bound=Answer)
Tell = Callable[[str], None]

GOES_ON = (ask.Deploy, ask.Rollback, ask.Resume)  # the host completes these without the client
_SHELL_REFUSED = (126, 127)


class AgentFailed(Exception):
    """The agent answered with an error."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error


def converse(
    config: Config, asked: ask.AnyAsk, who: str, agent: Connection | None = None
) -> Iterator[AnyMessage]:
    """Send one request and yield the agent's messages; the last one is a ResultLine or Answered.

    `agent` is a connection that was opened before and not used yet; without one, it is opened now.
    If the host's settings differ from those of `config`, a NoteLine comes first.
    Raises Unreachable (no agent answered), AgentMismatch, Interrupted (the connection dropped after the agent had
    answered), AgentFailed (the agent's own error).
    """
    request = ask.Request(
        version=__version__,
        graph=GRAPH.digest,
        instance=config.instance,
        who=who,
        ask=msgspec.Raw(ask.encode_ask(asked)),
    )
    with agent or Connection(config) as connection:
        yield from _exchange(connection.process, request, config, goes_on=isinstance(asked, GOES_ON))


def query(
    config: Config,
    asked: ask.AnyAsk,
    kind: type[A],
    who: str,
    tell: Tell | None = None,
    agent: Connection | None = None,
) -> A:
    """Return the answer to a read-only request; `tell` gets notes. Otherwise as `converse`."""
    answer: object = None
    for message in converse(config, asked, who, agent):
        if isinstance(message, Answered):
            answer = message.answer
        elif isinstance(message, NoteLine) and tell is not None:
            tell(message.text)
    if not isinstance(answer, kind):
        raise AgentMismatch(
            "the agent sent another answer",
            expected=kind.__name__,
            found=type(answer).__name__,
            remedy="l9 provision",
        )
    return answer


def _exchange(
    child: subprocess.Popen[bytes], request: ask.Request, config: Config, *, goes_on: bool
) -> Iterator[AnyMessage]:
    stdin, stdout, stderr = child.stdin, child.stdout, child.stderr
    assert stdin is not None and stdout is not None and stderr is not None  # noqa: PT018, S101  # pipes, as asked for
    try:
        stdin.write(encode(request) + b"\n")
        stdin.flush()
    except BrokenPipeError:
        pass  # its standard error has a better message
    greeted = False
    for line in stdout:
        try:
            message = decode(line)
        except msgspec.MsgspecError as error:
            if greeted:
                raise AgentMismatch(
                    "the agent sent a message that this l9 does not understand",
                    expected=f"a message of {ask.SCHEMA}",
                    found=str(error),
                    remedy="l9 provision",
                ) from None
            continue  # a login message of the host, before the greeting
        if isinstance(message, Hello):
            greeted = True
            _compare(message, request)
            yield message
            if (note := _disagreement(config, message)) is not None:
                yield note
            continue
        if isinstance(message, Failed):
            raise AgentFailed(_there(message.error, config.target))
        yield message
        if isinstance(message, ResultLine | Answered):
            return
    stderr_lines = stderr.read().decode(errors="replace").strip().splitlines()
    if greeted and not goes_on:
        raise Unreachable(
            "the connection to the host dropped before the answer",
            expected="an answer",
            found=stderr_lines[-1] if stderr_lines else "the end of the stream",
            remedy=by_hand(config),
            log=tuple(stderr_lines[-5:]),
        )
    if greeted:
        raise Interrupted(
            "the connection to the host dropped; the run continues there",
            expected="messages until the run's end",
            found=stderr_lines[-1] if stderr_lines else "the end of the stream",
            remedy="l9 resume",
        )
    raise _no_agent(config, child.wait(), tuple(stderr_lines))


def _compare(hello: Hello, request: ask.Request) -> None:
    for what, mine, theirs in (
        ("protocol", request.schema, hello.schema),
        ("version", request.version, hello.version),
        ("graph", request.graph, hello.graph),
    ):
        if mine != theirs:
            raise AgentMismatch(
                f"the agent on the host has a different {what}",
                expected=f"{what} {mine}",
                found=f"{what} {theirs} on {hello.host}",
                remedy="l9 provision",
            )


def _disagreement(config: Config, hello: Hello) -> NoteLine | None:
    """Return a note on server keys that differ in `l9.toml`, or None; the host's values apply."""
    if hello.settings is None:
        return None
    mine = server_settings(config, hello.settings.config_file)
    if not (found := differences(mine, hello.settings)):
        return None
    text = f"the host's settings differ from l9.toml, and the host's apply: {'; '.join(found)}"
    return NoteLine(text=f"{text}; l9 provision applies l9.toml", level="warn")


def _there(error: Error, target: Target) -> Error:
    """Return the agent's error; remedies to type on the host name it in `when`."""
    if target.host == "local":
        return error
    remedies = (
        one if one.command.startswith("l9 ") else replace(one, when=f"on {target.host}")
        for one in error.remedy
    )
    return replace(error, remedy=tuple(remedies))


def _no_agent(config: Config, code: int, stderr_lines: tuple[str, ...]) -> Unreachable:
    """Return the error for an ssh, or an agent, that ended without a greeting."""
    target, found = config.target, stderr_lines[-1] if stderr_lines else f"exit code {code}"
    if code == ssh.FAILED and target.host != "local":
        return ssh.unreachable(target, stderr_lines)
    where = provisioned.for_instance(config.instance).agent, provisioned.in_directory(Path(target.path)).agent
    return Unreachable(
        f"no agent of this l9 answers on {target.host}",
        expected=f"an agent at {where[0]} or {where[1]}",
        found="no such program" if code in _SHELL_REFUSED else found,
        remedy="l9 provision",
        log=stderr_lines[-5:],
    )
