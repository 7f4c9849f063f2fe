"""Programs: their end, their deadline, what is kept of them, and what is left of them."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from l9.drivers.process import programs
from l9.drivers.process.programs import Done, run, run_checked, stream
from l9.errors import ActionError

# A program with a child that holds its streams open, and that notes both pids.
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen((sys.executable, "-c", "import time; time.sleep(60)"))
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}")
print("begun", flush=True)
if sys.argv[2] == "stays":
    time.sleep(60)
"""


def python(text: str, *args: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text, *args)


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def gone(pids: list[int]) -> bool:
    until = time.monotonic() + 5
    while any(map(runs, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(runs, pids))


@pytest.fixture(params=[False, True], ids=["no terminal", "terminal"])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(programs, "_has_terminal", lambda: request.param)
    return bool(request.param)


def test_both_streams_and_the_code_are_kept_apart() -> None:
    done = run(python("import sys; sys.stdout.buffer.write(b'a\\xff'); sys.exit('why\\nit is')"))
    assert (done.code, done.raw, done.out, done.err) == (1, b"a\xff", "a\ufffd", "why\nit is\n")
    assert (done.timed_out, done.truncated, done.last(1)) == (False, False, ("it is",))


@pytest.mark.parametrize("size", [0, 10, 1_000_000])
def test_what_is_written_to_it_comes_back(size: int) -> None:
    assert len(run(("cat",), data=b"x" * size).raw) == size


def test_a_program_that_reads_nothing_is_no_error() -> None:
    assert run(("true",), data=b"x" * 1_000_000) == Done(0)


def test_the_printed_is_in_no_traceback() -> None:
    assert "geheim" not in repr(Done(0, b"geheim", "geheim"))


@pytest.mark.parametrize("inherit", [True, False])
def test_the_environment_is_ours_with_more_or_only_what_is_given(
    inherit: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "1")
    lines = run(("/usr/bin/env",), env={"GIVEN": "2"}, inherit=inherit).out.splitlines()
    assert ("OURS=1" in lines, "GIVEN=2" in lines) == (inherit, True)
    if not inherit:
        assert lines == ["GIVEN=2"]


@pytest.mark.usefixtures("terminal")
def test_at_its_deadline_it_is_ended() -> None:
    begun = time.monotonic()
    with pytest.raises(ActionError, match="timed out"):
        run(("sleep", "60"), timeout=0.2)
    assert time.monotonic() - begun < 2


def test_at_its_deadline_its_group_is_ended_too(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    with pytest.raises(ActionError, match="timed out"):
        run(python(PARENT, str(note), "stays"), timeout=1, alone=True)
    assert gone([int(pid) for pid in note.read_text(encoding="utf-8").split()])


def test_one_that_hears_no_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_GRACE", 0.2)
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    begun = time.monotonic()
    with pytest.raises(ActionError, match="timed out"):
        run(python(deaf), timeout=1)
    assert time.monotonic() - begun < 10


@pytest.mark.usefixtures("terminal")
def test_a_process_left_behind_does_not_hold_up_its_end(tmp_path: Path) -> None:
    """As ssh does, which leaves a shared connection behind that keeps the streams open."""
    note, begun = tmp_path / "pids", time.monotonic()
    assert run(python(PARENT, str(note), "ends")).out == "begun\n"
    assert time.monotonic() - begun < 10
    child = int(note.read_text(encoding="utf-8").split()[1])
    assert runs(child)
    os.kill(child, 9)


def test_more_than_is_kept_is_an_error_and_never_half_an_answer() -> None:
    with pytest.raises(ActionError, match="printed too much"):
        run(python("print('x' * 200_000)"), most=100_000)
    done = run(python("import sys; sys.stderr.write('x' * 200_000)"), most=100_000)
    assert (len(done.err), done.truncated, done.code) == (100_000, True, 0)


@pytest.mark.parametrize("call", [run, lambda argv, **how: stream(argv, print, **how)], ids=["run", "stream"])
def test_what_cannot_be_run_says_why(call: object, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("no program", encoding="utf-8")
    for program, cwd, found in (
        ("no-such-program", None, "No such file or directory"),
        (str(tmp_path / "plain"), None, "Permission denied"),
        ("true", tmp_path / "gone", "none"),
    ):
        with pytest.raises(ActionError, match="cannot be run") as caught:
            call((program,), cwd=cwd)  # type: ignore[operator]
        assert caught.value.found == found


def test_a_checked_one_raises_with_its_last_lines() -> None:
    assert run_checked(("echo", "it")) == "it\n"
    with pytest.raises(ActionError, match="failed") as caught:
        run_checked(python("import sys; sys.exit('one\\ntwo')"))
    assert (caught.value.found, caught.value.log) == ("exit code 1: two", ("one", "two"))


# ── watched ──────────────────────────────────────────────────────────────────────────────────────


def test_each_line_is_passed_on_as_it_comes() -> None:
    seen: list[tuple[str, bool]] = []
    begun = time.monotonic()
    text = "import sys, time; print('a', flush=True); time.sleep(1); sys.stderr.write('b\\xff\\n\\nc')"
    done = stream(python(text), lambda line: seen.append((line, time.monotonic() - begun < 0.9)))
    assert [line for line, _ in seen] == ["a", "bÿ", "", "c"]
    assert [early for _, early in seen] == [True, False, False, False]
    assert (done.code, done.last(), done.truncated) == (0, ("a", "bÿ", "", "c"), False)


def test_the_last_lines_are_kept_and_an_endless_one_is_cut() -> None:
    lines: list[str] = []
    done = stream(python("print('x' * 200_000); print(*range(100), sep='\\n')"), lines.append, keep=3)
    assert (done.last(), done.truncated) == (("97", "98", "99"), True)
    assert max(map(len, lines)) < 2 * 65_537
    assert sum(map(len, lines[:-100])) == 200_000


def test_a_watched_one_that_is_late_is_stopped_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    done = stream(python(PARENT, str(note), "stays"), lambda _: None, timeout=1)
    assert (done.code, done.timed_out, done.last()) == (124, True, ("begun", "stopped after 1 s"))
    assert gone([int(pid) for pid in note.read_text(encoding="utf-8").split()])


def test_nothing_that_it_left_behind_outlives_it(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    assert stream(python(PARENT, str(note), "ends"), lambda _: None).code == 0
    assert gone([int(pid) for pid in note.read_text(encoding="utf-8").split()])


def test_nothing_outlives_one_whose_watcher_stops(tmp_path: Path) -> None:
    note = tmp_path / "pids"

    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stream(python(PARENT, str(note), "stays"), interrupted)
    assert gone([int(pid) for pid in note.read_text(encoding="utf-8").split()])
