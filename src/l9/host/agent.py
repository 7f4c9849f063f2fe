"""The agent on the host: it reads one request from standard input, writes messages to standard output, and exits.

A detached worker (`worker.py`) makes all changes; this process only follows it. When the connection drops, this
process ends and the worker continues.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

import msgspec
from msgspec.structs import replace

from l9 import __version__
from l9.config.layout import Layout
from l9.config.provisioned import Provisioned
from l9.core import events as ev
from l9.core.run import fold
from l9.core.states import Kind, State
from l9.drivers.files.lock import waiting_for
from l9.drivers.git.environment import forget_callers_repository
from l9.drivers.process.concurrency import run_concurrently
from l9.drivers.process.proc import hostname
from l9.errors import AgentMismatch, Interrupted, L9Error, UsageError, named
from l9.graph import GRAPH
from l9.host import server
from l9.host.disk import refused_by_host
from l9.host.follow import follow
from l9.host.server import Server
from l9.host.session import HostSession, Wanted, handed_over
from l9.host.wiring import host_ports
from l9.host.worker import Began, ProgressFile, Refused, Report, detach, forget_old
from l9.protocol import requests as ask
from l9.protocol.answers.error import Error, Remedy
from l9.protocol.answers.run_lines import EntryLine, NoteLine, ResultLine
from l9.protocol.answers.runs import RunResult
from l9.protocol.caller import new_run_id
from l9.protocol.messages import AnyMessage, Failed, Hello, encode

Send = Callable[[AnyMessage], None]
Runs = ask.Deploy | ask.Rollback | ask.Resume


def serve(source: IO[bytes], sink: IO[bytes], find: Callable[[], Server]) -> int:
    """Answer one request and return the exit code. `find` returns the target's settings."""

    def send(message: AnyMessage) -> None:
        sink.write(encode(message) + b"\n")
        sink.flush()

    try:
        host, problem = None, None
        try:
            host = find()
        except L9Error as error:
            problem = error  # sent only after the greeting, which the other side may refuse by its version
        send(
            Hello(
                version=__version__,
                graph=GRAPH.digest,
                host=hostname(),
                settings=host.settings if host else None,
            )
        )
        request = _read(source)
        if host is None:
            raise problem or UsageError(
                "no settings", expected="settings", found="none", remedy="l9 provision"
            )
        for message in _answer(request, host):
            send(message)
            if isinstance(message, Failed):
                return message.error.exit_code
    except BrokenPipeError:
        return 0  # the connection is gone; a worker continues
    except L9Error as error:
        return _failed(error, send)
    except OSError as error:
        return _failed(refused_by_host(error), send)
    except Exception as error:
        from traceback import format_exc

        lines = tuple(format_exc().splitlines())
        remedy = "l9 history --verify"
        bug = L9Error(
            "a bug in l9, on the host", expected="an answer", found=named(error), remedy=remedy, log=lines
        )
        return _failed(bug, send)
    return 0


def _failed(error: L9Error, send: Send) -> int:
    send(Failed(error=Error.of(error)))
    return error.exit_code


def _read(source: IO[bytes]) -> ask.Request:
    """Read the request. Raises AgentMismatch if the other side has another version of l9."""
    line = source.readline(ask.LONGEST)
    try:
        request = ask.decode_request(line)
    except msgspec.MsgspecError as error:
        raise _not_understood(str(error)) from None
    for what, mine, theirs in (
        ("protocol", ask.SCHEMA, request.schema),
        ("version", __version__, request.version),
        ("graph", GRAPH.digest, request.graph),
    ):
        if mine != theirs:
            raise AgentMismatch(
                f"the agent on the host has a different {what}",
                expected=f"{what} {theirs}",
                found=f"{what} {mine} on {hostname()}",
                remedy="l9 provision",
            )
    return request


def _not_understood(found: str) -> AgentMismatch:
    return AgentMismatch(
        "the agent does not understand the request", expected=ask.SCHEMA, found=found, remedy="l9 provision"
    )


def _answer(request: ask.Request, host: Server) -> Iterator[AnyMessage]:
    if request.instance != host.settings.instance:
        raise UsageError(
            f"{host.settings.path} on the host belongs to another target",
            expected=f"a directory of {request.instance} only, as the target's path",
            found=f"the directory of {host.settings.instance}",
            remedy="$EDITOR l9.toml",
        )
    if not host.layout.root.is_dir():
        raise UsageError(
            f"no directory {host.layout.root} on the host",
            expected=str(host.layout.root),
            found="none",
            remedy="l9 provision",
        )
    try:
        asked = ask.decode_ask(request.ask)
    except msgspec.MsgspecError as error:
        raise _not_understood(str(error)) from None
    if isinstance(asked, Runs):
        yield from _run(asked, request.who, host)
    else:
        from l9.host import queries  # a run does not need them, and a user waits for it

        yield from queries.answer(asked, host_session(host, request.who))


def host_session(host: Server, who: str, progress: ProgressFile | None = None) -> HostSession:
    """Return a session with the real ports; progress is written to `progress`."""
    watch = progress.watch if progress else lambda _gate, _pending: None
    say = progress.say if progress else lambda _text: None
    layout, settings = host.layout, host.settings
    connect = partial(host_ports, layout=layout, server=settings, allowed_signers=host.files.allowed_signers)
    return HostSession(settings, layout, connect, who, watch, say, together=run_concurrently)


def _run(asked: Runs, who: str, host: Server) -> Iterator[AnyMessage]:
    layout, looker = host.layout, host_session(host, who)
    if isinstance(asked, ask.Resume):
        looker.refuse_outdated()
        last, held = looker.last(), looker.lock.holder()
        if last is not None and held is not None:
            offset, ends = looker.journal.last_run_offset(), _ends(looker)
            yield from _follow(layout, last.id, offset, ends - (last.finished is not None), attached=True)
            return
        goes_on = last is not None and (last.finished is None or looker.why_retry() is not None)
        if not goes_on and looker.to_bring_back() is None:
            yield ResultLine(answer=RunResult(run=last.id if last else None, resumed=False))
            return
        run_id = last.id if last is not None and goes_on else new_run_id(looker.ports.clock.now())
    else:
        run_id = asked.run
    if isinstance(asked, ask.Deploy) and (done := _already_live(asked, looker)) is not None:
        yield ResultLine(answer=done)
        return
    if not isinstance(asked, ask.Resume) and layout.run(run_id).exists():
        raise UsageError(
            f"run {run_id} already exists", expected="a new run id", found=run_id, remedy="l9 history"
        )
    if asked.wait and (held := looker.lock.holder()) is not None:
        yield NoteLine(text=waiting_for(held, asked.wait))

    def work(report: Report) -> None:
        progress = ProgressFile(layout.run(run_id) / "progress.jsonl")
        runs = host_session(host, who, progress)
        try:
            runs.lock.take(who, _title(asked), asked.wait)
            forget_old(layout.run(run_id).parent)
            runs.journal.repair()  # before an offset is taken that a follower reads from
            _work(asked, runs, run_id, report)
        except OSError as error:
            raise refused_by_host(error) from error
        finally:
            runs.lock.free()
        with suppress(L9Error, OSError):  # the run is over, and well
            runs.ports.source.tidy()

    log = layout.run(run_id) / "worker.log"
    answer = detach(work, log)
    if isinstance(answer, Refused):
        may_have_begun = answer.error.code in (L9Error.code, Interrupted.code)
        if not isinstance(asked, ask.Resume) and not may_have_begun:
            # A run that did not begin leaves no files, except its log after a bug; one that was killed may be resumed.
            shutil.rmtree(layout.run(run_id), ignore_errors=True)
        yield Failed(error=_next_step(answer.error, asked, looker.journal.knows(run_id)))
        return
    yield from _follow(layout, answer.run, answer.offset, answer.ends)


def _next_step(error: Error, asked: Runs, journalled: bool) -> Error:
    """Return the error of a run that did not begin. One that was killed before its first entry cannot be resumed."""
    if error.code != Interrupted.code or journalled:
        return error
    return replace(error, remedy=(Remedy(command=f"l9 {_title(asked)}"),))


def _ends(runs: HostSession) -> int:
    """Return how often the newest run ended so far; more than once if it was resumed after FAIL-STATE."""
    return sum(isinstance(entry.body, ev.RunFinished) for entry in runs.journal.last_run())


def _title(asked: Runs) -> str:
    """Return a run's title for the lock's note."""
    match asked:
        case ask.Deploy():
            return f"deploy {asked.release.tag}"
        case ask.Rollback():
            return f"rollback {asked.tag or ''}".strip()
        case _:
            return "resume"


def _work(asked: Runs, runs: HostSession, run_id: str, report: Report) -> None:
    """Recover an interrupted run, then perform the request; in the worker, with the lock held."""
    interrupted = runs.last()
    if interrupted is not None and interrupted.finished is None and runs.outdated() is None:
        same = isinstance(asked, ask.Resume) or (
            isinstance(asked, ask.Deploy)
            and interrupted.kind is Kind.DEPLOY
            and interrupted.tag == asked.release.tag
            and (interrupted.going_back or handed_over(interrupted))
        )
        if same:
            report(Began(run=interrupted.id, offset=runs.journal.last_run_offset(), ends=_ends(runs)))
        runs.recover(f"{_title(asked)} found it interrupted", forward=same)
        if same:
            return
    if isinstance(asked, ask.Resume) and interrupted is not None and runs.why_retry() is not None:
        report(Began(run=interrupted.id, offset=runs.journal.last_run_offset(), ends=_ends(runs)))
        runs.retry()
        return
    if isinstance(asked, ask.Resume) and (live := runs.to_bring_back()) is not None:
        asked = ask.Rollback(
            run=run_id, tag=live, reason="the live release on record did not get public traffic"
        )
    match asked:
        case ask.Rollback():
            kind, tag = Kind.ROLLBACK, runs.rollback_target(asked.tag, rebuild=asked.rebuild)
            known = runs.ports.source.tag(tag)
            wanted = Wanted(
                commit=known.commit,
                tag_object=str(known.object_id),
                tree=known.tree,
                reason=asked.reason,
                rebuild=asked.rebuild,
            )
        case ask.Deploy(release=release):
            kind, tag = Kind.DEPLOY, release.tag
            wanted = Wanted(
                commit=release.commit,
                tag_object=release.tag_object,
                tree=release.tree,
                config_blob=release.config_blob,
                claims=asked.claims,
                env=asked.env,
                rebuild=asked.rebuild,
            )
        case _:
            raise UsageError(
                "nothing to resume", expected="an interrupted run", found="none", remedy="l9 status"
            )
    offset = runs.journal.size()
    run = runs.start(run_id, kind, tag, wanted)
    report(Began(run=run_id, offset=offset))  # not before: a refusal is answered as an error
    runs.go_on(run)


def _already_live(asked: ask.Deploy, runs: HostSession) -> RunResult | None:
    """Return the first outcome if the same request was already performed."""
    if asked.again or asked.rebuild or runs.lock.holder() is not None:
        return None
    last, tag = runs.last(), asked.release.tag
    if last is None or last.finished is None or last.finished.live != tag:
        return None
    live = runs.ports.runtime.slots()[runs.ports.router.active()]
    if not live.serves or live.release != tag:
        return None
    # The same name may be another tag by now, and the slot may run another image than the recorded one.
    first = next(runs.journal.starts(tag), None)
    image = runs.ports.runtime.image(tag)
    if (
        first is None
        or first.tag_object != asked.release.tag_object
        or image is None
        or image.digest != live.image
    ):
        return None
    if runs.ports.router.answering().differs(live.slot, tag):
        return None
    return RunResult(run=last.id, tag=tag, outcome=State.SUCCESS, live=tag, slot=live.slot, already_live=tag)


def _follow(
    layout: Layout, run: str, offset: int, ends: int = 0, *, attached: bool = False
) -> Iterator[AnyMessage]:
    from l9.host import queries  # while the worker works

    seen: list[ev.Entry] = []
    for message in follow(layout, run, offset, ends):
        if isinstance(message, EntryLine):
            seen.append(message.entry)
            if isinstance(message.entry.body, ev.RunFinished) and ends:
                ends -= 1
                continue
        yield message
    ended = queries.ended(fold(seen), attached=attached)
    if ended is None:
        raise Interrupted(
            "the run on the host was interrupted",
            expected="a run that ends",
            found="its process died; its actions are in the journal",
            remedy="l9 resume",
        )
    yield ResultLine(answer=ended)


def found(arguments: Sequence[str]) -> Server:
    """Return the target of `--instance NAME` (provisioned by root) or `--path DIRECTORY`. Raises UsageError."""
    match tuple(arguments):
        case ("--instance", name):
            return server.of_instance(name)
        case ("--path", path):
            return server.of_directory(Path(path))
        case _:
            raise UsageError(
                "the agent requires a target",
                expected="--instance NAME, or --path DIRECTORY",
                found=shlex.join(arguments) or "neither",
                remedy="l9 provision",
            )


def arguments_for(files: Provisioned, settings_path: str, instance: str) -> tuple[str, ...]:
    """Return the arguments by which `found` finds a target again."""
    return ("--instance", instance) if files.by_root else ("--path", settings_path)


def main(arguments: Sequence[str]) -> int:
    """`l9 agent --instance NAME | --path DIRECTORY`: serve one request over standard input and output."""
    os.umask(
        0o022
    )  # trees become images: their modes must not depend on the user (secrets get 0600 explicitly)
    forget_callers_repository()
    return serve(sys.stdin.buffer, sys.stdout.buffer, partial(found, arguments))
