"""docs/configuration.md and docs/l9.toml are what the configuration says, and every example in them is taken."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from source import TOP

from l9.configuration import parse

PAGE = (TOP / "docs" / "configuration.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_check_that_others_run_agrees() -> None:
    argv = (sys.executable, str(TOP / "tools" / "write_configuration.py"), "--check")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.splitlines()[0])
def test_an_example_is_taken(example: str) -> None:
    whole = "[targets." in example
    parse(example if whole else f'app = "shop"\n[targets.production]\nhost = "h"\n{example}')


def test_the_annotated_file_is_taken_as_it_is() -> None:
    config = parse((TOP / "docs" / "l9.toml").read_text(encoding="utf-8"))
    assert (config.app, config.name) == ("shop", "production")
