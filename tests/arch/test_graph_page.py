"""docs/graph.md is what the table says."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from click.testing import CliRunner
from source import TOP

from l9.cli.graph import command

PAGE = TOP / "docs" / "graph.md"


@pytest.mark.parametrize("form", ["mermaid", "text"])
def test_the_page_shows_what_the_command_prints(form: str) -> None:
    shown = re.findall(rf"^```{form}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    printed = CliRunner().invoke(command, ["--format", form], standalone_mode=False)
    assert shown[0] == printed.output


def test_the_check_that_others_run_agrees() -> None:
    done = subprocess.run(
        (sys.executable, str(TOP / "tools" / "write_graph.py"), "--check"), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")
