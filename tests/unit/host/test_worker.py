"""The worker's files are best effort: a disk that is full or read-only is for the run itself to report."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from l9.host.worker import KEPT, Began, ProgressFile, Refused, Report, detach, forget_old


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A place where no file can be made, also not by root."""
    (tmp_path / "file").touch()
    return tmp_path / "file" / "runs" / "run-1"


def test_progress_that_cannot_be_written_stops_nothing(closed: Path) -> None:
    progress = ProgressFile(closed / "progress.jsonl")
    progress.say("a line")


def test_a_worker_without_a_log_works(closed: Path) -> None:
    def work(report: Report) -> None:
        print("nobody reads this")
        report(Began(run="run-1", offset=7))

    assert detach(work, closed / "worker.log") == Began(run="run-1", offset=7)


def test_a_worker_without_a_log_says_what_is_wrong(closed: Path) -> None:
    def work(report: Report) -> None:
        raise OSError(30, "Read-only file system")

    refused = detach(work, closed / "worker.log")
    assert isinstance(refused, Refused)


def test_a_worker_that_is_killed_before_its_report_was_interrupted(tmp_path: Path) -> None:
    def work(_report: Report) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    refused = detach(work, tmp_path / "worker.log")
    assert isinstance(refused, Refused)
    assert (refused.error.code, refused.error.exit_code) == ("INTERRUPTED", 130)
    assert [one.command for one in refused.error.remedy] == ["l9 resume"]


def test_only_the_newest_runs_keep_their_files(tmp_path: Path) -> None:
    for number in range(KEPT + 5):
        (tmp_path / f"run-{-number}").mkdir()
        (tmp_path / f"run-{-number}" / "worker.log").touch()
        os.utime(tmp_path / f"run-{-number}", (number, number))
    forget_old(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f"run-{-number}" for number in range(5, KEPT + 5)}
    forget_old(tmp_path / "none")
