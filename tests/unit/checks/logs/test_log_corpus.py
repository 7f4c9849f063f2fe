"""Logs as real programs write them: every real error is found, and no harmless record is called one."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from l9.checks.logs.lines import plain
from l9.checks.logs.records import LineKind
from l9.checks.logs.report import Outcome
from l9.core.facts import LogLine
from log_reading import judged, parse

CORPUS = Path(__file__).parent / "log_corpus"
EXPECTED = tomllib.loads((CORPUS / "expected.toml").read_text())
FILES = sorted(path.name for path in CORPUS.glob("*.log"))


def lines(name: str) -> Iterator[LogLine]:
    for line in (CORPUS / name).read_bytes().decode().split("\n")[:-1]:
        if name.endswith(".streams.log"):
            yield LogLine("stderr" if line[0] == "2" else "stdout", line[3:])
        else:
            yield LogLine("stdout", line)


def test_every_file_is_labelled() -> None:
    assert sorted(EXPECTED) == FILES


@pytest.mark.parametrize("name", FILES)
def test_exactly_the_real_errors_are_flagged(name: str) -> None:
    failing = [record for record in parse(lines(name)) if record.failing]
    expected = EXPECTED[name]["errors"]
    heads = [record.lines[0] for record in failing]
    assert len(heads) == len(expected), heads
    assert all(part in head for part, head in zip(expected, heads, strict=True)), heads


@pytest.mark.parametrize("name", FILES)
def test_fatal_records_are_told_apart(name: str) -> None:
    records = parse(lines(name))
    heads = [record.lines[0] for record in records if record.kind is LineKind.FATAL]
    expected = EXPECTED[name].get("fatal", [])
    assert len(heads) == len(expected), heads
    assert all(part in head for part, head in zip(expected, heads, strict=True)), heads


@pytest.mark.parametrize("name", FILES)
def test_no_line_is_lost_and_no_escape_is_kept(name: str) -> None:
    kept = [line for record in parse(lines(name)) for line in record.lines if line]
    written = [text for line in lines(name) if (text := plain(line.text))]
    assert sorted(kept) == sorted(written)
    assert "\x1b" not in "".join(kept)


@pytest.mark.parametrize("name", FILES)
def test_a_slot_that_logs_what_the_live_one_logs_is_clean(name: str) -> None:
    live = judged(lines(name))
    report = judged(lines(name)).report(live.templates)
    assert report.outcome is Outcome.CLEAN
    assert report.known == live.report().errors


@pytest.mark.parametrize(
    ("name", "exception"),
    [
        ("uvicorn.streams.log", "ValueError: 2"),
        ("uvicorn_coloured.log", "RuntimeError: no packet 42"),
        ("loguru_color.log", "ValueError: invalid literal for int() with base 10: 'x'"),
        ("loguru_json.log", "ValueError: invalid literal for int() with base 10: 'x'"),
        ("structlog_json.log", "KeyError: 'tenant'"),
        ("structlog_dict_tracebacks.log", "KeyError: 'tenant'"),
        ("pino_winston.log", "Error: connect ECONNREFUSED 127.0.0.1:6379"),
        ("rich.log", "KeyError: 'uncaught'"),
        ("java_util_logging.log", "java.lang.RuntimeException: disk"),
        ("retries_as_warnings.log", "ImportError: cannot import name 'thing' from 'app.nowhere'"),
        (
            "pydantic_settings.log",
            "pydantic_core._pydantic_core.ValidationError: 2 validation errors for Settings",
        ),
    ],
)
def test_the_last_exception_is_named(name: str, exception: str) -> None:
    named = [record.exception for record in parse(lines(name)) if record.failing and record.exception]
    assert named[-1] == exception
