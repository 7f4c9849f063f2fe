"""The table drawn for people and for machines."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import msgspec
import pytest

from l9.cli import graph_drawing as drawing
from l9.core.states import Kind
from l9.graph import GRAPH

NAMES = [str(row.opens) for row in GRAPH]


def test_the_document_tells_every_row() -> None:
    document = msgspec.json.decode(msgspec.json.encode(drawing.as_answer()))
    assert (document["schema"], document["digest"]) == ("l9.graph/1", GRAPH.digest)
    assert [gate["opens"] for gate in document["gates"]] == NAMES
    first = document["gates"][0]
    assert first["needs"][0] == {
        "id": "workspace.on-main",
        "why": GRAPH.rows[0].needs[0].why,
        "clause": "spec 6.1 phase 2",
    }
    assert (first["after"], first["acts"], first["closed"]) == (["START"], False, "REFUSED")
    assert document["guards"][0]["actions"] == ["switch-route"]
    assert document["guards"][0]["needs"][0]["id"] == "host.target-answers"


def test_the_text_has_a_paragraph_a_row() -> None:
    text = drawing.as_text()
    heads = [line.split("  [")[0] for line in text.splitlines() if not line.startswith(" ")]
    *rows, end = [head for head in heads if not head.startswith("before ")]
    assert rows == NAMES
    assert end == "SUCCESS: every gate is open"
    assert f"{end}\n    after   {', '.join(GRAPH.of(kind)[-1].opens for kind in Kind)}\n" in text
    assert (
        "before remove-slot, stop-slot when a run goes back after the switch\n    needs   host.drained: a"
        in text
    )
    assert "TAG-IN-GIT  [repository, check] (deploy only): main and tag on origin" in text
    assert "ROLLBACK  [host, finish]: the previous release is live" in text
    assert "    after   any closed gate" in text


@pytest.mark.parametrize("kind", Kind)
def test_mermaid_names_every_gate_of_the_kind_and_joins_them(kind: Kind) -> None:
    chart = drawing.as_mermaid(kind)
    assert chart.startswith("flowchart TD\n")
    known = {"START", "SUCCESS", "ROLLBACK", "REFUSED", "ROLLEDBACK", "FAILSTATE"}
    known |= {str(row.opens).replace("-", "") for row in GRAPH.of(kind)}
    edges = re.findall(r"^    (\w+) (?:-->|-\. closed \.->) (\w+)", chart, re.MULTILINE)
    assert {end for edge in edges for end in edge} == known


@pytest.mark.parametrize("kind", Kind)
def test_the_svg_has_a_box_a_gate_inside_its_frame_and_none_over_another(kind: Kind) -> None:
    root = ElementTree.fromstring(drawing.as_svg(kind))
    *_, width, height = map(float, root.attrib["viewBox"].split())
    boxes = [
        [float(box.attrib[key]) for key in ("x", "y", "width", "height")]
        for box in root.iter("{http://www.w3.org/2000/svg}rect")
    ]
    assert len(boxes) == len(GRAPH.of(kind))
    for x, y, wide, high in boxes:
        assert 0 <= x <= width - wide
        assert 0 <= y <= height - high
    corners = {(x, y) for x, y, *_ in boxes}
    assert len(corners) == len(boxes)
    texts = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {str(row.opens) for row in GRAPH.of(kind)} <= texts


def test_the_only_commit_point_is_drawn_apart() -> None:
    assert drawing.as_svg().count('class="switch"') == 1
