"""Makes the README's picture of the demo from its plain output: record_demo.py docs/demo.txt docs/demo.svg.

l9 demo --progress plain > docs/demo.txt 2>&1
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 118
STYLES = {"✔": "green", "✘": "red", "▲": "yellow", "↺": "magenta", "·": "cyan"}
# The drawing asks for no font from anywhere.
FORM = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g></svg>
"""


def main(source: Path, drawing: Path) -> int:
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    for line in source.read_text(encoding="utf-8").splitlines():
        text = Text(line[: COLUMNS - 1] + ("…" if len(line) >= COLUMNS else ""))
        if style := STYLES.get(line[:1]):
            text.stylize(style, 0, 22)
        if line.startswith("· ──"):
            text.stylize("bold cyan")
        console.print(text, no_wrap=True)
    svg = console.export_svg(title="make demo", code_format=FORM, unique_id="demo")
    drawing.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
