"""Two looks that begin side by side both use the library, whose modules import each other in a circle."""

from __future__ import annotations

import subprocess
import sys

BOTH = """
import threading
from l9.checks.secrets.env_values import suspects
from l9.checks.secrets.scan import Line, scan
from l9.checks.environment.env_file import parse_env

ready, wrong = threading.Barrier(2), []

def look(what):
    ready.wait()
    try:
        what()
    except BaseException as error:
        wrong.append(repr(error))

looks = (lambda: suspects("x", parse_env("A=b\\n")), lambda: scan([Line("a.py", 1, "a = 1")]))
threads = [threading.Thread(target=look, args=(each,)) for each in looks]
[each.start() for each in threads]
[each.join() for each in threads]
assert not wrong, wrong
"""


def test_both_begin_at_once() -> None:
    for _ in range(6):  # each in a process of its own, where nothing is imported yet
        done = subprocess.run((sys.executable, "-c", BOTH), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
