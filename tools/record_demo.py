"""Run the demo and record it for the README: .venv/bin/python tools/record_demo.py docs

`demo.txt` is its plain output, `demo.svg` a picture of it. Neither contains this machine's path of Python.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from l9.core.states import State

COLUMNS = 118
NAMES = {*State}  # the only coloured words besides the icons
STYLES = {"✔": "green", "✘": "red", "▲": "yellow", "↺": "magenta", "·": "cyan"}
# The drawing loads no fonts.
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


def main(folder: Path) -> int:
    argv = (sys.executable, "-m", "l9", "demo", "--progress", "plain")
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout)
        return done.returncode
    output = done.stdout.replace(sys.executable, "python")
    (folder / "demo.txt").write_text(output, encoding="utf-8")
    (folder / "demo.svg").write_text(draw(output.splitlines()), encoding="utf-8")
    return 0


def draw(lines: list[str]) -> str:
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    for line in lines:
        text = Text(line[: COLUMNS - 1] + ("…" if len(line) >= COLUMNS else ""))
        if style := STYLES.get(line[:1]):
            name = line[2:].partition(" ")[0]
            text.stylize(style, 0, 2 + len(name) if name in NAMES else 1)
        if line.startswith("· ──"):
            text.stylize("bold cyan")
        console.print(text, no_wrap=True)
    svg = console.export_svg(title="make demo", code_format=FORM, unique_id="demo")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
