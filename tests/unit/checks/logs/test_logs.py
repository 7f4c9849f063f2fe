"""The log gate: grouping, judging, templates and the probable cause."""

import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l9.checks.logs.lines import as_json, exception_of_json, mask, message_of_json, plain
from l9.checks.logs.logs import EXCERPT_BYTES, MORE_KINDS, MOST_KINDS, LogJudge
from l9.checks.logs.records import LEFT_OUT, LineKind, Record
from l9.checks.logs.report import Outcome
from l9.core.facts import LogLine, LogsLost
from log_reading import judged, parse, report, stderr

TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\n'


def records(text: str) -> list[Record]:
    return parse(stderr(text))


def kinds(text: str) -> list[LineKind]:
    return [record.kind for record in records(text)]


# ── grouping ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("level", ["ERROR", "WARNING", "DEBUG"])
def test_a_traceback_joins_the_record_that_announced_it(level: str) -> None:
    (record,) = records(f"{level}: it broke\n{TRACEBACK}ValueError: 1")
    assert record.failing is (level == "ERROR")
    assert record.exception == "ValueError: 1"


@pytest.mark.parametrize("before", ["INFO: all is well", "a plain line", '{"level": "info"}', "GET / 200"])
def test_a_traceback_after_info_or_nothing_is_an_error(before: str) -> None:
    assert kinds(f"{before}\n{TRACEBACK}ValueError: 1") == [LineKind.FINE, LineKind.ERROR]


def test_a_second_traceback_is_not_excused_by_a_warning() -> None:
    text = f"WARNING: retry\n{TRACEBACK}ValueError: 1\n{TRACEBACK}KeyError: 2"
    assert kinds(text) == [LineKind.FINE, LineKind.ERROR]


def test_a_traceback_of_another_record_is_not_swallowed_by_frames() -> None:
    assert kinds(f"{TRACEBACK}{TRACEBACK}KeyError: 2") == [LineKind.ERROR, LineKind.ERROR]


def test_streams_do_not_mix() -> None:
    lines = [
        LogLine("stderr", "ERROR: it broke", at=1.5),
        LogLine("stdout", "INFO: meanwhile"),
        LogLine("stderr", "Traceback (most recent call last):"),
        LogLine("stdout", "  and more of it"),
        LogLine("stderr", "ValueError: 1"),
    ]
    error, info = parse(lines)
    assert error.lines == ("ERROR: it broke", "Traceback (most recent call last):", "ValueError: 1")
    assert info.text == "INFO: meanwhile\n  and more of it"
    assert (error.at, error.stream, info.stream) == (1.5, "stderr", "stdout")


def test_a_new_level_ends_a_traceback_that_was_cut_short() -> None:
    assert kinds(f"WARNING: x\n{TRACEBACK}ERROR: real") == [LineKind.FINE, LineKind.ERROR]
    assert kinds(f"WARNING: x\n{TRACEBACK}2026-03-14 10:00:00 ERROR real") == [LineKind.FINE, LineKind.ERROR]


def test_a_message_of_several_lines_stays_with_its_exception() -> None:
    (record,) = records(f"{TRACEBACK}app.Invalid: 2 faults\nname\n  is missing\n\n  (see the docs)")
    assert record.exception == "app.Invalid: 2 faults"
    assert len(record.lines) == 8


def test_an_exception_without_a_class_name_is_kept_as_text() -> None:
    (record,) = records(f"{TRACEBACK}*** odd ***")
    assert (record.exception, record.kind) == (None, LineKind.ERROR)
    assert record.template == "Traceback (most recent call last):"


def test_what_follows_the_message_is_a_record_of_its_own() -> None:
    texts = [
        "ERROR: x",
        "Killed",
        "ValueError: printed",
        '{"level": "error"}',
        '10.0.0.9 - "GET / HTTP/1.1" 500 x',
    ]
    for text in texts:
        assert len(records(f"{TRACEBACK}KeyError: 1\n{text}")) == 2


def test_a_chain_sentence_without_its_traceback_ends_there() -> None:
    sentence = "During handling of the above exception, another exception occurred:"
    assert kinds(f"WARNING: x\n{TRACEBACK}KeyError: 1\n\n{sentence}\n\nplain") == [
        LineKind.FINE,
        LineKind.FINE,
    ]


def test_rich_records_of_one_second_have_no_time_in_front() -> None:
    text = "[10:00:00] WARNING  first\n           ERROR    second\n           INFO     third"
    assert kinds(text) == [LineKind.FINE, LineKind.ERROR, LineKind.FINE]


def test_a_stack_without_a_level_is_an_error_but_prose_is_not() -> None:
    assert kinds("Error: boom\n    at run (/srv/a.js:1:2)") == [LineKind.ERROR]
    assert kinds("Error: boom\n    at 10:30 the job runs") == [LineKind.FINE]
    assert kinds("INFO: where it came from\n    at run (/srv/a.js:1:2)") == [LineKind.FINE]


def test_a_cause_without_an_owner_does_not_open_a_record() -> None:
    (record,) = records("SEVERE: x\nCaused by: java.io.IOException: disk")
    assert record.exception == "java.io.IOException: disk"


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────


def test_json_that_is_too_deep_is_text() -> None:
    assert as_json('{"a":' * 100_000 + "}" * 100_000) is None


@pytest.mark.parametrize(
    ("line", "exception"),
    [
        ({}, None),
        ({"error": "  "}, None),
        ({"exc_info": True}, None),
        ({"error": "timeout\nmore"}, "timeout"),
        ({"exception": "Traceback (most recent call last):\n  x\nValueError: 1\n"}, "ValueError: 1"),
        ({"stack_trace": "java.lang.Exception: x\n\tat a.b(c)"}, "java.lang.Exception: x"),
        ({"err": {"message": "m"}}, "Error: m"),
        ({"exception": {"type": "E", "value": 1}}, "E: 1"),
        ({"exception": [{"exc_type": "E", "exc_value": "v"}]}, "E: v"),
    ],
)
def test_the_exception_of_a_json_line(line: dict[str, object], exception: str | None) -> None:
    assert exception_of_json(line) == exception


def test_json_without_a_message_keeps_its_words_in_the_template() -> None:
    assert message_of_json({"message": "", "msg": 3}) is None
    one, two = records('{"level":"error","job":"mail"}\n{"level":"error","job":"bill"}')
    assert one.template == "{level:error,job:mail}" != two.template


# ── judging ──────────────────────────────────────────────────────────────────────────────────────


def test_only_what_the_live_slot_does_not_log_counts() -> None:
    live = judged(stderr("ERROR: cache miss for tenant 7 in 0.31 s"))
    found = judged(stderr("ERROR: cache miss for tenant 9 in 2 s\nERROR: no ledger"))
    judgement = found.report(live.templates)
    assert judgement.outcome is Outcome.ERRORS
    assert [error.line for error in judgement.errors] == ["ERROR: no ledger"]
    assert [error.line for error in judgement.known] == ["ERROR: cache miss for tenant 9 in 2 s"]
    assert judgement.excerpt == ("ERROR: no ledger",)
    assert found.templates == live.templates | {"ERROR: no ledger"}


def test_equal_errors_are_counted_once_each_kind() -> None:
    judgement = report("ERROR: 1 lost\nERROR: 2 lost\npanic: gone\nERROR: 3 lost")
    assert [(error.template, error.count, error.newest) for error in judgement.errors] == [
        ("ERROR: <*> lost", 3, 3),
        ("panic: gone", 1, 2),
    ]
    assert judgement.reason == "2 kinds of errors that the live slot does not log"


def test_a_judgement_can_be_asked_for_while_the_log_grows() -> None:
    judge = LogJudge()
    reports = []
    for line in stderr(f"INFO: up\n{TRACEBACK}KeyError: 1\nINFO: on"):
        judge.take(line)
        reports.append(judge.report())
    assert [r.outcome for r in reports] == [Outcome.CLEAN] + [Outcome.ERRORS] * 5
    assert [r.records for r in reports] == [1, 2, 2, 2, 2, 3]
    assert [error.line for error in reports[-1].errors] == ["KeyError: 1"]


def test_a_log_that_lost_lines_is_inconclusive_unless_it_shows_errors() -> None:
    lost = [LogsLost("rotated away"), LogsLost("and more")]
    judgement = judged([*stderr("INFO: x"), *lost, *stderr("INFO: y")]).report()
    assert (judgement.outcome, judgement.reason) == (Outcome.INCONCLUSIVE, "rotated away")
    assert judged([*lost, *stderr("ERROR: x")]).report().outcome is Outcome.ERRORS


def test_the_last_lines_are_kept() -> None:
    assert judged(stderr("\n".join(str(n) for n in range(100)))).tail == tuple(str(n) for n in range(60, 100))


def test_silence_is_clean() -> None:
    assert report("").outcome is Outcome.CLEAN


def test_answers_of_an_access_log_are_no_errors() -> None:
    judgement = report('INFO:  10.0.0.9:1 - "GET / HTTP/1.1" 503 x\n10.0.0.9 - "GET /ERROR HTTP/1.1" 500 1')
    assert (judgement.outcome, judgement.records) == (Outcome.CLEAN, 2)


# ── much of everything ───────────────────────────────────────────────────────────────────────────

NOISE = {
    "lines": "INFO: warming up {n}",
    "json": '{{"level": "info", "message": "warming up", "n": {n}}}',
    "access": '10.0.0.9 - "GET /{n} HTTP/1.1" 200 1',
    "indented": "  more of the same {n}",
    "blank": "",
    "known errors": "ERROR: no metrics {n}",
    "binary": "\x00\x1b\ufffd{n}\x07",
    "tracebacks": "Traceback (most recent call last):\n  {n}\nKeyError: {n}",
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_no_noise_hides_a_traceback(noise: str) -> None:
    """A start that logs much after its first traceback."""
    known = judged(stderr(NOISE["known errors"]) + stderr(NOISE["tracebacks"].format(n=1))).templates
    judge = judged(stderr(f"{TRACEBACK}ValueError: the first"))
    for number in range(3000):
        for line in stderr(noise.format(n=number)):
            judge.take(line)
    judgement = judge.report(known)
    assert judgement.outcome is Outcome.ERRORS
    assert judgement.excerpt[0].startswith("Traceback")
    assert "ValueError: the first" in judgement.excerpt[0]


HOSTILE = {
    **NOISE,
    "words": "ERROR: {words}",
    "levels in JSON": '{{"level": "error", "message": "{words}"}}',
    "long lines": "ERROR: {words} {long}",
    "long lines of a record": "   {long}",
    "escapes": "\x1b[31m" * 8000 + "{n}",
    "brackets": "  at x" + "(" * 60_000,
    "brackets of Go": "a." + "(" * 60_000,
    "quotes": ' - "GET ' * 8000,
    "deep JSON": '{{"a":' * 10_000 + "1" + "}}" * 10_000,
}


def feed(judge: LogJudge, text: str, start: int, lines: int) -> None:
    for number in range(start, start + lines):
        words = "".join(chr(97 + int(digit)) for digit in str(number))  # letters: numbers would be masked
        for line in stderr(text.format(n=number, words=words, long="y" * 100_000)):
            judge.take(line)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_memory_does_not_grow_with_the_log(text: str) -> None:
    """Tens of times as many lines take no more memory than the limits allow; none of it is a matter of time."""
    judge = LogJudge()
    feed(judge, text, 0, 60)  # all regular expressions are compiled, all bounded stores are in use
    tracemalloc.start()
    try:
        feed(judge, text, 60, 150 if "{long}" in text or len(text) > 100 else 1500)
        judge.report(judge.templates)
        judge.probable_cause(None, oom_killed=False)
        grown, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 4_000_000
    assert peak < 8_000_000


def test_a_hundred_megabytes_in_one_line_are_cut() -> None:
    line = LogLine("stderr", "ERROR: " + "x" * 100_000_000)
    tracemalloc.start()
    try:
        judge = judged([line])
        assert judge.report().errors[0].line.startswith("ERROR: x")
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_kinds_above_the_limit_are_counted_as_one() -> None:
    judge = LogJudge()
    feed(judge, HOSTILE["words"], 0, MOST_KINDS + 20)
    judgement = judge.report()
    assert len(judgement.errors) == MOST_KINDS + 1
    assert (judgement.errors[-1].template, judgement.errors[-1].count) == (MORE_KINDS, 20)
    assert judge.report(judge.templates).outcome is Outcome.CLEAN
    assert judge.report(judge.templates - {MORE_KINDS}).outcome is Outcome.ERRORS


def test_a_record_without_end_keeps_its_first_and_last_lines() -> None:
    (record,) = records("ERROR: x\n" + "\n".join(f"  frame {n}" for n in range(100_000)) + "\n\n")
    assert record.lines[:2] == ("ERROR: x", "  frame 0")
    assert record.lines[-1] == "  frame 99999"
    assert LEFT_OUT in record.lines
    assert len(record.lines) < 2000


def test_the_end_of_an_endless_traceback_still_counts() -> None:
    frames = '  File "a.py", line 1, in f\n' * 5000
    (record,) = records(f"{TRACEBACK}{frames}MemoryError: 7")
    assert (record.kind, record.exception) == (LineKind.FATAL, "MemoryError: 7")
    (record,) = records("Error: boom\n" + "  more\n" * 5000 + "    at run (/srv/a.js:1:2)")
    assert record.kind is LineKind.ERROR


def test_a_long_record_keeps_both_ends_in_the_excerpt() -> None:
    (excerpt,) = report("ERROR: start\n" + "  x\n" * 5000 + "  the end").excerpt
    assert excerpt.startswith("ERROR: start\n")
    assert excerpt.endswith("\n  the end")
    assert "[...]" in excerpt


@given(st.lists(st.text(alphabet="aé字😀\n\x1b[31m '\"7", max_size=3000), max_size=8))
def test_the_excerpt_is_bounded(texts: list[str]) -> None:
    judge = LogJudge()
    for text in texts:
        judge.add(msgspec.structs.replace(records("ERROR: x")[0], lines=(text,), template=text))
    assert sum(len(part.encode()) for part in judge.report().excerpt) <= EXCERPT_BYTES


@given(st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.text(max_size=60)), max_size=30))
def test_any_text_is_judged_and_no_escape_survives(lines: list[tuple[str, str]]) -> None:
    written = [LogLine(stream, text) for stream, text in lines]  # type: ignore[arg-type]
    found, judge = parse(written), judged(written)
    assert sum(len(record.lines) for record in found) <= len(lines)
    assert not any("\x1b" in record.text or not record.lines[0] for record in found)
    assert judge.report(judge.templates).outcome is Outcome.CLEAN


FRAGMENTS = [
    "ERROR: x",
    "WARNING: x",
    "INFO: x",
    "plain",
    "",
    "Traceback (most recent call last):",
    "  File 'a'",
    "ValueError: 1",
    "  + Exception Group Traceback (most recent call last):",
    "    | KeyError: 1",
    "During handling of the above exception, another exception occurred:",
    '"""',
    "╭── Traceback (most recent call last) ──╮",
    "╰───────────────────────────────────────╯",
    "Caused by: x.Y: z",
    "    at a.b(c)",
    "Killed",
    '{"level": "error", "msg": "x"}',
    '10.0.0.9 - "GET / HTTP/1.1" 500 1',
    "           ERROR    second",
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12))
def test_a_levelled_error_is_never_swallowed(lines: list[str]) -> None:
    """Only the frames of a traceback may quote a level; everywhere else a level starts a record."""
    found = records("\n".join([*lines, "2026-03-14 10:00:00 ERROR the real one"]))
    assert found[-1].lines == ("2026-03-14 10:00:00 ERROR the real one",)
    assert found[-1].failing


# ── masking ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("ERROR job 7 of 0.5 s at 10.0.0.5:6379", "ERROR job <*> of <*> s at <*>"),
        ("ERROR id 7f3a9c2e-1b44-4f0e-9d2b-6a5d0c9e8f11", "ERROR id <*>"),
        ("ERROR commit 9fceb02d at 0x7f6e83228860", "ERROR commit <*> at <*>"),
        ("ERROR no 'users' in \"public\" or `x`", "ERROR no <*> in <*> or <*>"),
        ("ERROR can't and won't", "ERROR can't and won't"),
        ("2026-03-14T10:00:00.123Z ERROR  x", "ERROR x"),
        ("[2026-03-14 10:00:00 +0000] [7] [ERROR] x", "[ERROR] x"),
        ('level=error msg="cannot renew 3" n="4"', "level=error msg=cannot renew <*> n=<*>"),
        ("2026-03-14T10:00:00Z", "<*>"),
    ],
)
def test_what_varies_is_masked(text: str, template: str) -> None:
    assert mask(text) == template


@given(st.text(), st.integers(min_value=0), st.floats(min_value=0, max_value=1e9), st.uuids())
def test_a_template_is_stable_over_numbers_and_ids(
    text: str, number: int, fraction: float, uuid: object
) -> None:
    assert not any(char in "0123456789" for char in mask(text))
    assert mask(f"ERROR lost {number} of {uuid} in {fraction:.3f} s") == "ERROR lost <*> of <*> in <*> s"


@given(st.text())
def test_plain_text_is_plain(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    assert not any(ord(char) < 32 and char != "\t" for char in plain(text))


# ── the probable cause ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("log", "exit_code", "cause"),
    [
        ("INFO: fine", None, None),
        ("", 0, "it exited by itself (exit 0): a server must stay in the foreground"),
        ("", 1, "it exited with exit code 1, and its log gives no reason"),
        ("", 127, "its command does not exist in the image (exit 127)"),
        ("", 137, "it was killed (SIGKILL, exit 137): out of memory on the host, or too slow to stop"),
        (
            "ERROR: [Errno 98] error while attempting to bind on address: address already in use",
            1,
            "the port is already taken: ERROR: [Errno 98] error while attempting to bind on address: "
            "address already in use",
        ),
        (
            f"{TRACEBACK}ModuleNotFoundError: No module named 'jose'\nERROR: giving up",
            3,
            "a module is missing from the image: ModuleNotFoundError: No module named 'jose'",
        ),
        (
            f"{TRACEBACK}psycopg.OperationalError: connection to server failed: Connection refused",
            1,
            "the database refuses connections: psycopg.OperationalError: connection to server failed: "
            "Connection refused",
        ),
        (
            f"{TRACEBACK}httpx.ConnectError: [Errno 111] Connection refused",
            1,
            "a service that it needs refuses connections: httpx.ConnectError: [Errno 111] Connection refused",
        ),
        (
            "exec /start.sh: exec format error",
            255,
            "the image was built for another processor: exec /start.sh: exec format error",
        ),
        (
            "/bin/sh: 1: ./run.sh: Permission denied",
            126,
            "permission denied: /bin/sh: 1: ./run.sh: Permission denied",
        ),
        (f"{TRACEBACK}KeyError: 'MEMORY_DSN'", 1, "KeyError: 'MEMORY_DSN'"),
        (
            f"ERROR: x\n{TRACEBACK}KeyError: 1\nERROR: Application startup failed. Exiting.",
            3,
            "KeyError: 1",
        ),
        ("ERROR: Application startup failed. Exiting.", 3, "ERROR: Application startup failed. Exiting."),
        ("ERROR: still starting", None, "ERROR: still starting"),
        (
            "WARNING: waiting for postgres: connection refused",
            None,
            "the database refuses connections: WARNING: waiting for postgres: connection refused",
        ),
        (f"{TRACEBACK}RuntimeError: old\nFatal Python error: Aborted", 134, "Fatal Python error: Aborted"),
        (
            f"CRITICAL WORKER TIMEOUT (pid:7)\nERROR handling\n{TRACEBACK}SystemExit: 1",
            1,
            "a worker did not answer in time: CRITICAL WORKER TIMEOUT (pid:7)",
        ),
        (f"{TRACEBACK}    raise PermissionError\nKeyError: 1", 1, "KeyError: 1"),
    ],
)
def test_the_probable_cause(log: str, exit_code: int | None, cause: str | None) -> None:
    assert judged(stderr(log)).probable_cause(exit_code, oom_killed=False) == cause


def test_the_kernels_word_outweighs_the_log() -> None:
    cause = judged(stderr("ERROR: x")).probable_cause(137, oom_killed=True)
    assert cause == "the kernel killed it, out of memory: raise its memory limit, or find the leak"


def test_a_cause_is_one_line_without_credentials() -> None:
    cause = judged(stderr(f"ERROR: postgresql://l9:PASSWORD@db/x {'y' * 500}")).probable_cause(
        1, oom_killed=False
    )
    assert cause is not None
    assert cause.startswith("ERROR: postgresql://***@db/x y")
    assert len(cause) == 240
