"""The agent on the host: one request on standard input, messages on standard output, and then it ends.

What writes runs in a detached worker (`worker.py`); this process only follows it. When the link drops, this
process dies and the worker does not.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from l9 import __version__
from l9.config.layout import Layout
from l9.config.model import Config
from l9.core import events as ev
from l9.core.run import Run, fold
from l9.core.states import Kind
from l9.drivers.files.lock import waiting_for
from l9.drivers.git.environment import forget_callers_repository
from l9.drivers.process.concurrency import run_concurrently
from l9.drivers.process.proc import hostname
from l9.errors import ActionError, AgentMismatch, Interrupted, L9Error, UsageError, named
from l9.graph import GRAPH
from l9.host import queries as looks
from l9.host.follow import follow
from l9.host.session import HostSession, handed_over
from l9.host.wiring import host_ports
from l9.host.worker import ProgressFile, detach
from l9.protocol.messages import (
    SCHEMA,
    AnyMessage,
    Failed,
    Hello,
    Note,
    Request,
    Result,
    decode_request,
    encode,
)

Report = Callable[[dict[str, Any]], None]


def serve(source: IO[bytes], sink: IO[bytes]) -> int:
    """Answer one request; the exit code."""

    def send(message: AnyMessage) -> None:
        sink.write(encode(message) + b"\n")
        sink.flush()

    try:
        send(Hello(version=__version__, graph=GRAPH.digest, host=hostname()))
        for message in _answer(_read(source)):
            send(message)
    except BrokenPipeError:
        return 0  # the link is gone; the worker, if there is one, goes on
    except L9Error as error:
        return _failed(error, send)
    except OSError as error:
        return _failed(_refused_by_host(error), send)
    except Exception as error:
        lines = tuple(traceback.format_exc().splitlines())
        remedy = "l9 history --verify"
        bug = L9Error(
            "a bug in l9, on the host", expected="an answer", found=named(error), remedy=remedy, log=lines
        )
        return _failed(bug, send)
    return 0


def _failed(error: L9Error, send: Callable[[AnyMessage], None]) -> int:
    send(Failed(envelope=error.envelope()))
    return error.exit_code


def _refused_by_host(error: OSError) -> L9Error:
    """A full disk, a directory where a file should be: nothing that l9 could have known."""
    where = str(Path(error.filename).parent if error.filename else "/")
    return ActionError(
        "the host refuses a file operation",
        expected="files of l9's that can be read and written",
        found=str(error),
        remedy=shlex.join(("df", "-h", where)),
    )


def _read(source: IO[bytes]) -> Request:
    try:
        request = decode_request(source.readline())
    except msgspec.MsgspecError as error:
        raise AgentMismatch(
            "the agent does not understand the request",
            expected=SCHEMA,
            found=str(error),
            remedy="l9 provision",
        ) from None
    for what, mine, theirs in (
        ("version", __version__, request.version),
        ("graph", GRAPH.digest, request.graph),
    ):
        if mine != theirs:
            raise AgentMismatch(
                f"the agent on the host has another {what}",
                expected=f"{what} {theirs}",
                found=f"{what} {mine} on {hostname()}",
                remedy="l9 provision",
            )
    return request


def _answer(request: Request) -> Iterator[AnyMessage]:
    config = msgspec.convert(request.config, Config)
    layout = Layout(Path(config.target.path))
    if not layout.root.is_dir():
        raise UsageError(
            f"no directory {layout.root} on the host",
            expected=str(layout.root),
            found="none",
            remedy="l9 provision",
        )
    runs = host_runs(config, layout, request.who)
    _refuse_neighbour(runs)
    if outer := next((p for p in layout.root.resolve().parents if Layout(p).settings.exists()), None):
        raise UsageError(
            f"{layout.root} lies in another target's directory",
            expected="a directory of its own",
            found=f"{outer}, which `l9 provision` prepared",
            remedy="$EDITOR l9.toml",
        )
    if request.command in ("deploy", "rollback", "resume"):
        yield from _run(request, config, layout)
    else:
        yield from looks.answer(request, runs)


def _refuse_neighbour(runs: HostSession) -> None:
    """A directory is one instance's: another's journal, lock and flag must not be taken for one's own."""
    try:
        owner = runs.belongs_to()
    except L9Error:
        return  # a journal that cannot be read says so to whoever asks it for more
    if owner not in (None, runs.config.instance):
        raise UsageError(
            f"{runs.layout.root} on the host is another target's",
            expected=f"a directory of {runs.config.instance}'s own, as targets.{runs.config.name}.path",
            found=f"the one of {owner}",
            remedy="$EDITOR l9.toml",
        )


def host_runs(config: Config, layout: Layout, who: str, progress: ProgressFile | None = None) -> HostSession:
    """The host's runs over the real ports; what is waited for goes to `progress`."""
    watch = progress.watch if progress else lambda _gate, _pending: None
    say = progress.say if progress else lambda _text: None
    ports = host_ports(config, layout)
    asks = asks_for_attestation(layout)
    return HostSession(
        config, layout, ports, who, watch, say, together=run_concurrently, require_attestation=asks
    )


def asks_for_attestation(layout: Layout) -> bool:
    """Whether the settings that `l9 provision` left on this host ask for attestations; unreadable ones do."""
    try:
        settings = msgspec.json.decode(layout.settings.read_bytes())
        return bool(settings["release"].get("require_attestation"))
    except FileNotFoundError:
        return False
    except (OSError, msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return True


def _run(request: Request, config: Config, layout: Layout) -> Iterator[AnyMessage]:
    run_id = str(request.params.get("run", ""))
    looker = host_runs(config, layout, request.who)
    if request.command == "resume":
        last = looker.last()
        if last is None or (last.finished is not None and looker.lock.holder() is None):
            yield Result(data={"run": last.id if last else None, "resumed": False})
            return
        run_id = last.id
        if looker.lock.holder() is not None:
            yield from _follow(layout, run_id, looker.journal.last_run_offset(), attached=True)
            return
    if request.command == "deploy" and (done := _already_live(request, looker)) is not None:
        yield done
        return

    wait = float(request.params.get("wait", 0))
    if wait and (held := looker.lock.holder()) is not None:
        yield Note(text=waiting_for(held, wait))

    def work(report: Report) -> None:
        progress = ProgressFile(layout.run(run_id) / "progress.jsonl")
        runs = host_runs(config, layout, request.who, progress)
        runs.lock.take(
            request.who,
            f"{request.command} {request.params.get('tag') or ''}".strip(),
            wait,
        )
        try:
            _work(request, runs, run_id, report)
        except OSError as error:
            raise _refused_by_host(error) from error
        finally:
            runs.lock.free()

    answer = detach(work, layout.run(run_id) / "worker.log")
    if "run" not in answer:
        if request.command != "resume" and answer.get("code") != L9Error.code:
            # A run that never began leaves nothing but, where it was a bug, its log.
            shutil.rmtree(layout.run(run_id), ignore_errors=True)
        if "schema" not in answer:
            log = str(layout.run(run_id) / "worker.log")
            answer = L9Error(
                "a bug in l9, on the host",
                expected="a run that begins",
                found=str(answer.get("message")),
                remedy=shlex.join(("tail", log)),
            ).envelope()
        yield Failed(envelope=answer)
        return
    yield from _follow(layout, str(answer["run"]), int(answer["offset"]))


def _work(request: Request, runs: HostSession, run_id: str, report: Report) -> None:
    """In the worker, with the lock held: recover what was interrupted, then do what was asked."""
    params = request.params
    interrupted = runs.last()
    if interrupted is not None and interrupted.finished is None:
        same = request.command == "resume" or (
            request.command == "deploy"
            and interrupted.kind is Kind.DEPLOY
            and interrupted.tag == params.get("tag")
            and (interrupted.going_back or handed_over(interrupted))
        )
        if same:
            report({"run": interrupted.id, "offset": runs.journal.last_run_offset()})
        runs.recover(f"{request.command} found it interrupted", forward=same)
        if same:
            return
    rebuild = bool(params.get("rebuild"))
    if request.command == "rollback":
        tag = runs.rollback_target(params.get("tag"), rebuild=rebuild)
        known = runs.ports.source.tag(tag)
        commit, tag_object = known.commit, str(known.object_id)
        settings = {
            "main": runs.config.release.main,
            "config": request.config,
            "reason": params.get("reason", ""),
            "rebuild": rebuild,
        }
        offset = runs.journal.size()
        run = runs.start(
            run_id, Kind.ROLLBACK, tag, commit=commit, tag_object=tag_object, settings=settings, local=[]
        )
    else:
        offset = runs.journal.size()
        run = runs.start(
            run_id,
            Kind.DEPLOY,
            params["tag"],
            commit=params["commit"],
            tag_object=params["tag_object"],
            settings={**params.get("settings", {}), "config": request.config, "rebuild": rebuild},
            local=params.get("local", []),
            env=params.get("env"),
        )
    report({"run": run_id, "offset": offset})  # only now: what is refused before is answered as an error
    runs.go_on(run)


def _already_live(request: Request, runs: HostSession) -> Result | None:
    """The same request again replays the first outcome instead of acting twice."""
    if request.params.get("again") or request.params.get("rebuild") or runs.lock.holder() is not None:
        return None
    last = runs.last()
    if last is None or last.finished is None or last.finished.live != request.params.get("tag"):
        return None
    live = runs.ports.runtime.slots()[runs.ports.router.active()]
    if not live.serves or live.release != request.params["tag"]:
        return None
    return Result(data={"already_live": live.release, "slot": str(live.slot), "run": last.id})


def _follow(layout: Layout, run: str, offset: int, *, attached: bool = False) -> Iterator[AnyMessage]:
    finished: ev.RunFinished | None = None
    seen: list[ev.Entry] = []
    for message in follow(layout, run, offset):
        yield message
        if isinstance(entry := getattr(message, "entry", None), ev.Entry):
            seen.append(entry)
            if isinstance(entry.body, ev.RunFinished):
                finished = entry.body
    if finished is None:
        raise Interrupted(
            "the run on the host was interrupted",
            expected="a run that ends",
            found="its process died, and what it did is on record",
            remedy="l9 resume",
        )
    yield Result(data={"run": run, "attached": attached, **summary(fold(seen))})


def summary(run: Run | None) -> dict[str, Any]:
    """How a finished run ended, for machines."""
    if run is None or run.finished is None:
        return {}
    done = run.finished
    return {
        "outcome": str(done.outcome),
        "exit_code": done.exit_code,
        "tag": run.tag,
        "kind": str(run.kind),
        "live": done.live,
        "slot": str(done.slot) if done.slot else None,
        "standby": done.standby,
        "seconds": done.seconds,
        "closed": msgspec.to_builtins(run.closed) if run.closed else None,
    }


def main() -> int:
    """`l9 agent`: serve one request over standard input and output."""
    os.umask(
        0o022
    )  # trees become images: their modes must not depend on who deploys (secrets are 0600 by name)
    forget_callers_repository()
    return serve(sys.stdin.buffer, sys.stdout.buffer)
