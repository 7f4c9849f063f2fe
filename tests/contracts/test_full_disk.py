"""A disk that is full to the last byte: the journal can still tell of the way back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hosts.fixtures import why_not

pytestmark = pytest.mark.host

FILL = """
import errno, sys
from pathlib import Path
from l9.drivers.files.journal import RESERVE, JournalFile
from l9.core import events as ev
from l9.core.states import State

disk = Path(sys.argv[1])
entered = ev.GateEntered(gate=State.BAKE)
journal = JournalFile(disk / "journal.jsonl", lambda: 1.0)
journal.append("run", entered)
with open(disk / "log", "wb", buffering=0) as log:  # the release fills the disk
    size = 65536
    while size:
        try:
            log.write(bytes(size))
        except OSError as error:
            assert error.errno == errno.ENOSPC
            size //= 2
for _ in range(RESERVE // 1024):  # more than a way back writes
    journal.append("run", entered)
assert journal.verify() == RESERVE // 1024 + 1
failed = 0
try:
    while True:
        journal.append("run", entered)
except OSError as error:
    assert error.errno == errno.ENOSPC
after = journal.verify()  # no torn line
(disk / "log").unlink()
again = JournalFile(disk / "journal.jsonl", lambda: 1.0)
again.append("run", entered)
assert again.verify() == after + 1
assert (disk / "journal.reserve").stat().st_size == RESERVE
"""


def test_the_way_back_is_journalled_on_a_full_disk(tmp_path: Path) -> None:
    if reason := why_not():
        pytest.skip(reason)
    script = tmp_path / "fill.py"
    script.write_text(FILL, encoding="utf-8")
    (tmp_path / "disk").mkdir()
    mounted = 'mount -t tmpfs -o size=2m none "$1/disk" && exec "$2" "$1/fill.py" "$1/disk"'
    argv = ("unshare", "--mount", "sh", "-c", mounted, "sh", str(tmp_path), sys.executable)
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
