"""`l9 explain [RELEASE|RUN|CODE]`: who, what, which gate, evidence, timings; or what an error code means."""

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
    """Tell all that is on record of a RELEASE or a RUN (the newest when none is named), or of an error CODE."""
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
    """Every error code, and the class that owns it (a class without its own has its parent's)."""
    for module in ("l9.demo.child", "l9.provision.errors"):  # which define codes of their own
        with suppress(ModuleNotFoundError):  # on a server, which has neither
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
    """One run's record for people."""
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
    """An action, which a screen does not show."""
    match event:
        case ev.ActionIntended(action=action, evidence=evidence):
            seen = "; ".join(dict.fromkeys(each.summary for each in evidence))
            return [Row(text=f"    {action}" + (f" ({seen})" if seen else ""))]
        case ev.ActionDone(note=note, seconds=seconds):
            return [Row(text=f"      done in {seconds:.2f} s" + (f": {note}" if note != "done" else ""))]
        case ev.ActionFailed(found=found):
            return [Row(icon="closed", text=f"    {found}")]
        case _:
            return []
