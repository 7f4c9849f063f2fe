"""`l9 check [TAG]`: every invariant of workspace and repository, judged side by side; nothing is run or changed."""

from __future__ import annotations

import click

from l9.cli.context import HELP, Project, json_option, project, refuse_unknown, show, target_option
from l9.core.states import Where

SUBSTRATES = (Where.WORKSPACE, Where.REPOSITORY)
ICONS = {"holds": "✔", "fails": "✘", "unknown": "✘", "later": "·"}


@click.command("check", context_settings=HELP)
@click.argument("tag", required=False)
@click.option("--substrate", type=click.Choice(list(map(str, SUBSTRATES))), help="Judge only these.")
@click.option("--explain", metavar="ID", help="Tell what an invariant says, why, and which gates need it.")
@target_option
@json_option
def command(
    tag: str | None, substrate: str | None, explain: str | None, target: str | None, as_json: bool
) -> int:
    """Judge all that a release needs here: of TAG, or of what HEAD would release."""
    if explain is not None:
        return _explain(explain, as_json=as_json)
    return _check(project(target), tag, substrate, as_json=as_json)


def _check(here: Project, tag: str | None, substrate: str | None, *, as_json: bool) -> int:
    import msgspec

    from l9.local import check_local, release_at_head

    where = (Where(substrate),) if substrate else SUBSTRATES
    tag = tag or release_at_head(here.repo, here.config)
    commit, judged = check_local(here.repo, here.config, tag or "", where)
    bad = [j for j in judged if j.verdict in ("fails", "unknown")]

    def text() -> str:
        lines = [f"{tag or 'HEAD'} is {commit[:12] or 'no commit yet'}"]
        for one in sorted(judged, key=lambda one: [one.id.startswith(f"{w}.") for w in where], reverse=True):
            lines.append(f"{ICONS[one.verdict]} {one.id:<34} {one.found}")
            if one in bad:
                lines += [f"    expected  {one.expected}"] if one.expected else []
                lines += [f"    {line}" for line in one.log[:5]]
                lines += [f"    next      {one.remedy}"] if one.remedy else []
        holding = sum(one.verdict == "holds" for one in judged)
        later = len(judged) - holding - len(bad)
        lines.append(f"{holding} hold, {len(bad)} do not" + (f", {later} are judged later" if later else ""))
        return "\n".join(lines)

    document = {"tag": tag, "commit": commit, "ready": not bad, "invariants": msgspec.to_builtins(judged)}
    show(document, "l9.check/1", as_json=as_json, text=text)
    return 3 if bad else 0


def _explain(name: str, *, as_json: bool) -> int:
    from l9.core.catalogue import catalogue, gates_of

    known = {invariant.id: invariant for invariant in catalogue()}
    refuse_unknown(name, tuple(known), "invariant")
    found = known[name]
    gates = [str(gate) for gate in gates_of(found)]
    document = {
        "id": found.id, "why": found.why, "clause": found.clause, "substrate": str(found.substrate),
        "observes": [kind.__name__ for kind in found.observes], "gates": gates,
    }  # fmt: skip
    show(document, "l9.invariant/1", as_json=as_json, text=lambda: "\n".join((
        found.id, f"  why       {found.why}", f"  source    {found.clause}",
        f"  observes  {', '.join(document['observes'])}", f"  gates     {', '.join(gates)}",
    )))  # fmt: skip
    return 0
