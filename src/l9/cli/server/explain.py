"""`l9 explain [RELEASE|RUN|CODE]`: a run's gates, evidence and timings, or the meaning of an error code."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from importlib import import_module

import click

from l9 import errors
from l9.cli.context import HELP, json_option, project, remark, show, target_option
from l9.cli.render.narrator import Narrator
from l9.cli.render.rows import Charset, Row, plain
from l9.core import events as ev
from l9.protocol import client, requests
from l9.protocol.answers.error import ErrorCode
from l9.protocol.answers.runs import Explain
from l9.protocol.caller import whoami


@click.command("explain", context_settings=HELP)
@click.argument("what", required=False)
@target_option
@json_option
def command(what: str | None, target: str | None, as_json: bool) -> int:
    """Show the record of a RELEASE or a RUN (by default the newest run), or the meaning of an error CODE."""
    known = codes()
    if what in known:
        kind = known[what]
        code = ErrorCode(code=what, exit_code=kind.exit_code, meaning=(kind.__doc__ or "").strip())
        show(code, as_json=as_json, text=lambda: f"{what} (exit {code.exit_code}): {code.meaning}")
        return 0
    here = project(target)
    found = client.query(here.config, requests.Explain(what=what), Explain, whoami(), remark)
    show(found, as_json=as_json, text=lambda: explain_text(found))
    return 0


def codes() -> dict[str, type[errors.L9Error]]:
    """Return every error code and the class that defines it (other classes inherit their parent's)."""
    for module in ("l9.demo.child", "l9.provision.errors"):  # modules that define error codes
        with suppress(ModuleNotFoundError):  # not installed on a server
            import_module(module)
    found: dict[str, type[errors.L9Error]] = {}
    todo = [errors.L9Error]
    while todo:
        kind = todo.pop()
        if "code" in vars(kind):
            found[kind.code] = kind
        todo += kind.__subclasses__()
    return found


def explain_text(found: Explain) -> str:
    """Return one run's record as text."""
    first, began = found.entries[0].body, found.entries[0].at
    assert isinstance(first, ev.RunStarted)  # noqa: S101  # the agent sends whole runs
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(began))
    lines = [
        f"run {found.entries[0].run}: {first.kind} {first.tag}",
        f"  by       {first.who} at {at}, l9 {first.version}",
        f"  commit   {first.commit}",
        f"  slots    to {first.new}"
        + (f", from {first.old} with {first.previous}" if first.old else ", first deploy"),
        "",
    ]
    narrator, charset = Narrator(verbose=True), Charset(sys.stdout)
    narrator.rows(found.entries[0])
    claims, own = [e for e in found.entries[1:] if e.claim], [e for e in found.entries[1:] if not e.claim]
    if claims:
        lines.append(f"  claimed by {first.who}, not seen by the host:")
    for number, entry in enumerate((*claims, *own)):
        if claims and number == len(claims):
            lines.append("  seen by the host:")
        when = f"{entry.at - began:>8.2f} s"
        for row in narrator.rows(entry) or _action(entry.body):
            lines.append(f"{when:>10}  {plain(row, charset)}")
            when = ""
    return "\n".join(lines)


def _action(event: ev.AnyEvent) -> list[Row]:
    """Return an action's event as rows; a run's screen does not show it."""
    match event:
        case ev.ActionIntended(action=action, evidence=evidence):
            facts = "; ".join(dict.fromkeys(each.summary for each in evidence))
            return [Row(text=f"    {action}" + (f" ({facts})" if facts else ""))]
        case ev.ActionDone(note=note, seconds=seconds):
            return [Row(text=f"      done in {seconds:.2f} s" + (f": {note}" if note != "done" else ""))]
        case ev.ActionFailed(found=found):
            return [Row(icon="closed", text=f"    {found}")]
        case _:
            return []
