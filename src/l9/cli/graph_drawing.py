"""The table of gates as text, Mermaid, SVG and JSON. Generates the diagram in docs/."""

from __future__ import annotations

from html import escape

from l9.core.actions import Action
from l9.core.gates import Gate, Guard, nothing
from l9.core.invariant import Invariant
from l9.core.states import Kind, State
from l9.graph import GRAPH
from l9.protocol.answers.graph import GateNeed, GateRow, GraphTable, GuardRow

_BOX = (300, 46)
_GAP = (40, 34)


def as_answer() -> GraphTable:
    """Return the table for machines."""
    return GraphTable(
        digest=GRAPH.digest, gates=tuple(map(_row, GRAPH)), guards=tuple(map(_guard, GRAPH.guards))
    )


def _row(row: Gate) -> GateRow:
    return GateRow(
        opens=row.opens,
        where=row.where,
        phase=row.phase,
        kinds=row.kinds,
        after=row.after,
        acts=row.does is not nothing,
        needs=_needs(row.needs),
        closed=row.closed,
        summary=row.summary,
    )


def _guard(guard: Guard) -> GuardRow:
    return GuardRow(actions=tuple(map(_tag, guard.actions)), case=guard.case, needs=_needs(guard.needs))


def _needs(needs: tuple[Invariant, ...]) -> tuple[GateNeed, ...]:
    return tuple(GateNeed(id=n.id, why=n.why, clause=n.clause) for n in needs)


def as_text() -> str:
    """Return one paragraph per gate, one for SUCCESS, and one per guard."""
    lines = []
    for row in GRAPH:
        kinds = "" if len(row.kinds) > 1 else f" ({row.kinds[0]} only)"
        lines.append(f"{row.opens}  [{row.where}, {row.phase}]{kinds}: {row.summary}")
        lines.append(f"    after   {', '.join(row.after) or 'any closed gate'}")
        lines += [f"    needs   {need.id}: {need.why}" for need in row.needs]
        lines.append(f"    closed  {row.closed}")
    last = dict.fromkeys(str(GRAPH.of(kind)[-1].opens) for kind in Kind)
    lines += [f"{State.SUCCESS}: every gate is open", f"    after   {', '.join(last)}"]
    for guard in GRAPH.guards:
        lines.append(f"before {', '.join(map(_tag, guard.actions))} {guard.case}".rstrip())
        lines += [f"    needs   {need.id}: {need.why}" for need in guard.needs]
    return "\n".join(lines) + "\n"


def as_mermaid(kind: Kind = Kind.DEPLOY) -> str:
    """Return a Mermaid flowchart of one kind of run."""
    rows = GRAPH.of(kind)
    lines = ["flowchart TD", f'    START(("{State.START}"))']
    for row in rows:
        lines.append(f'    {_name(row.opens)}["{row.opens}<br/><small>{row.summary}</small>"]')
    for row in rows:
        for before in _before(row, rows):
            lines.append(f"    {_name(before)} --> {_name(row.opens)}")
    lines.append(f"    {_name(rows[-1].opens)} --> SUCCESS(({State.SUCCESS}))")
    lines.append(f'    ROLLBACK{{{{"{State.ROLLBACK}<br/><small>{GRAPH.rollback.summary}</small>"}}}}')
    for row in rows:
        if row.where == "host":
            lines.append(f"    {_name(row.opens)} -. closed .-> ROLLBACK")
        else:
            lines.append(f"    {_name(row.opens)} -. closed .-> REFUSED(({State.REFUSED}))")
    lines += [
        f"    ROLLBACK --> REFUSED(({State.REFUSED}))",
        f"    ROLLBACK --> ROLLEDBACK(({State.ROLLED_BACK}))",
        f"    ROLLBACK -. closed .-> FAILSTATE(({State.FAIL_STATE}))",
    ]
    return "\n".join(lines) + "\n"


def as_svg(kind: Kind = Kind.DEPLOY) -> str:
    """Return the graph of one kind of run as an SVG drawing, one layer per step."""
    rows = GRAPH.of(kind)
    layers = _layers(rows)
    width = max(len(layer) for layer in layers) * (_BOX[0] + _GAP[0]) + _GAP[0]
    height = len(layers) * (_BOX[1] + _GAP[1]) + _GAP[1]
    at: dict[State, tuple[float, float]] = {}
    for depth, layer in enumerate(layers):
        span = len(layer) * _BOX[0] + (len(layer) - 1) * _GAP[0]
        for index, row in enumerate(layer):
            x = (width - span) / 2 + index * (_BOX[0] + _GAP[0])
            at[row.opens] = (x, _GAP[1] + depth * (_BOX[1] + _GAP[1]))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        "<style>rect{fill:#f6f8fa;stroke:#57606a;rx:8}.workspace{fill:#ddf4ff}.repository{fill:#fff8c5}"
        ".host{fill:#dafbe1}.switch{fill:#ffd8b5}text{fill:#1f2328}line{stroke:#57606a}</style>",
    ]
    for row in rows:
        x, y = at[row.opens]
        for before in _before(row, rows):
            if before in at:
                x0, y0 = at[before]
                lines.append(
                    f'<line x1="{x0 + _BOX[0] / 2}" y1="{y0 + _BOX[1]}" x2="{x + _BOX[0] / 2}" y2="{y}"/>'
                )
    for row in rows:
        x, y = at[row.opens]
        kind_of = "switch" if row.phase == "switch" else row.where
        lines.append(f'<rect class="{kind_of}" x="{x}" y="{y}" width="{_BOX[0]}" height="{_BOX[1]}"/>')
        middle = x + _BOX[0] / 2
        lines.append(
            f'<text x="{middle}" y="{y + 19}" text-anchor="middle" font-size="13">{row.opens}</text>'
        )
        lines.append(
            f'<text x="{middle}" y="{y + 36}" text-anchor="middle" font-size="10">{escape(row.summary)}</text>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def _layers(rows: tuple[Gate, ...]) -> list[list[Gate]]:
    depth: dict[State, int] = {}
    for row in rows:
        depth[row.opens] = 1 + max((depth.get(b, -1) for b in _before(row, rows)), default=-1)
    return [[r for r in rows if depth[r.opens] == d] for d in range(max(depth.values()) + 1)]


def _before(row: Gate, rows: tuple[Gate, ...]) -> tuple[State, ...]:
    """Return the gates before a row in this kind of run; START for the first."""
    mine = {r.opens for r in rows}
    return tuple(a for a in row.after if a in mine) or (State.START,)


def _tag(action: type[Action]) -> str:
    """Return an action's name in the journal."""
    return str(action.__struct_config__.tag)


def _name(state: State) -> str:
    return str(state).replace("-", "")
