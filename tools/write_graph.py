"""Write docs/graph.md from the table of gates. Usage: write_graph.py [--check].

With --check nothing is written: exit code 1 if the page is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from l9.cli import graph_drawing as drawing
from l9.core.states import Kind

PAGE = Path(__file__).parents[1] / "docs" / "graph.md"
HEAD = """\
# The graph of gates

Generated from the table in `src/l9/graph.py` by `tools/write_graph.py`; `make check` fails if the two differ.
`l9 graph` prints the same. A gate opens when all its invariants hold; an invariant that cannot be evaluated closes it.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join(
        [
            HEAD,
            "## A deploy\n",
            block("mermaid", drawing.as_mermaid()),
            "## A rollback\n",
            block("mermaid", drawing.as_mermaid(Kind.ROLLBACK)),
            "## All gates\n",
            block("text", drawing.as_text()),
        ]
    )


def block(language: str, text: str) -> str:
    return f"```{language}\n{text}```\n"


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page():
            return 0
        print(f"✘ {PAGE.name} is out of date\n  next      .venv/bin/python tools/write_graph.py")
        return 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
