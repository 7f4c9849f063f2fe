"""One line of a log on its own: its severity, its form, and its text without variable parts (measured).

The rule flagged every real error and no harmless record of the logs it was measured on. In unstructured lines,
a bare word counts as a level only in upper case: programs write levels in upper case, and prose has "error" in
lower case.
"""

import json
import re
from enum import StrEnum


class Severity(StrEnum):
    """The meaning of a level. A traceback after QUIET (warning, debug) or ERROR belongs to that record."""

    ERROR = "error"
    QUIET = "quiet"
    INFO = "info"


_LEVELS = (
    (Severity.ERROR, "ERROR ERR CRITICAL CRIT FATAL FTL ALERT EMERGENCY EMERG PANIC DPANIC SEVERE"),
    (Severity.QUIET, "WARNING WARN WRN DEBUG DBG TRACE"),
    (Severity.INFO, "INFORMATION INFO INF NOTICE SUCCESS"),
)
_SEVERITIES = {name: severity for severity, names in _LEVELS for name in names.split()}
_UPPER = "|".join(_SEVERITIES)
_LEVEL_WITHIN_CHARS = 100
_LEVEL = re.compile(
    rf"(?<![\w/=])(?:(?P<upper>{_UPPER})(?![\w=])"
    # PostgreSQL's levels below ERROR are ordinary words: they count only with a colon.
    r"|(?P<postgres>LOG|DETAIL|HINT|STATEMENT|CONTEXT|QUERY)(?=:\s))"
    rf"|\[(?:\w+:)?\s*(?i:(?P<bracketed>{_UPPER}))\s*\]"
    rf"|(?<![\w.-])(?i:level|levelname|lvl|severity)=\"?(?i:(?P<assigned>{_UPPER}))\b"
)
# A statement about a logger's configured level is not the level of the line.
_SETTING = re.compile(r"(?i:log[ _.-]?level)\W{1,3}(?:(?i:is|to|set to|now|at)\W{1,3})?$")
# Levels in lower case count only at the start of a line, in the formats of .NET (category and event id) and winston.
_LOWER = re.compile(
    r"(?:(?P<error>fail|crit)|(?P<quiet>warn|dbug|trce)|info): [\w.`+<>-]+\[-?\d+\]|(?P<winston>error|fatal): "
)
# Go's HTTP server and PHP's workers write a prefix before the error.
_ANNOUNCED = re.compile(
    r"(?:\d{4}/\d\d/\d\d [\d:.]+ )?http: panic serving |(?:.{0,100}?PHP message: )?PHP (?:Fatal|Parse) error: "
)
_SHELL_TRACE = re.compile(r"\++ \S")
# Level names come before level numbers: monolog writes both.
_JSON_LEVELS = (
    "level_name", "level", "levelname", "severity", "lvl", "log.level", "log", "LogLevel", "@l", "levelno",
)  # fmt: skip
_JSON_MESSAGES = ("message", "msg", "event", "error", "detail")
_JSON_EXCEPTIONS = ("exception", "exc_info", "traceback", "stack_trace", "err", "error")
_PYTHON_ERROR, _PINO_ERROR, _SYSLOG_ERROR = 40, 50, 3

_ACCESS = re.compile(r'(?:^| - |\] )"[A-Z]{3,8} [^"]*" [1-5]\d\d(?:\s|$)')
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")

# Rich draws a box around tracebacks.
TRACEBACK = re.compile(
    r"[\s|+]*(?:Exception Group )?Traceback \(most recent call last\):\s*$"
    r"|\s*[╭+][─-]+ Traceback \(most recent call last\) [─-]+[╮+]\s*$"
)
BOX_END = re.compile(r"\s*(?:╰|\+-+\+$)")
FATAL = re.compile(
    r"Fatal Python error:|Segmentation fault|Exception in thread |Killed$|MemoryError\b|SyntaxError:"
    r"|panic: |(?:PHP )?[Ff]atal error: |thread '[^']*' panicked at "
)
CHAINED = re.compile(
    r"(?:During handling of the above exception, another exception occurred"
    r"|The above exception was the direct cause of the following exception):"
    r'|"""$'  # a traceback from another process stands between two of these
)
# The last line of a traceback: an exception class, usually with a message.
EXCEPTION = re.compile(r"[^\W\d][\w.<>$]*(?::\s|:?\s*$)")
EXCEPTION_IN_GROUP = re.compile(r"[\s|+]*\| (?P<exception>[^\W\d][\w.<>]*: .*)$")
NAMED_EXCEPTION = re.compile(
    r"(?:Uncaught )?(?:[^\W\d][\w.$]*)?(?:Error|Exception|Traceback)(?: \[\w+\])?(?::\s|:?\s*$)"
)
CAUSED_BY = re.compile(r"Caused by: (?P<exception>\S.*)$")
# Stack frames of Java and Node. Each bracket is searched for once, so that no line makes matching quadratic.
FRAME = re.compile(r"\s+at (?:\S[^(]*\([^)]*\)|\S+:\d+:\d+)")
# Lines that asyncio, Node, Go and Python's faulthandler write between an error and its stack trace.
AMID = re.compile(
    r"[a-z_]+: <|Require stack:$|- /|Emitted 'error' event on "
    r"|goroutine \d+ \[|\[signal |(?=\S*\.)[\w./*()-][\w./*)-]*\(.*\)$|(?:Current t|T)hread 0x"
)
# libpq reports each address that it tried on a separate line, which may contain the server's "FATAL:".
LIBPQ = re.compile(r"- host: |connection to server ")
_TIMESTAMP = re.compile(r"\[?\d{4}[-/]\d\d[-/]\d\d")

_VARYING = re.compile(
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|\s?[+-]\d\d:?\d\d)?"
    r"|(?<!\w)'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`"
    r"|0x[0-9a-f]+|\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{6,}\b"
    r"|\d+(?:[.,:/-]\d+)*",
    re.IGNORECASE,
)
_TIMES_IN_FRONT = re.compile(r"^(?:[\[(]?<\*>[\])]?[\s|:,-]*)+(?=.)")
_ASSIGNED = re.compile(r'="((?:[^"\\]|\\.)*)"')
_TEMPLATE_CHARS = 400


def plain(text: str) -> str:
    """Remove ANSI escapes, control characters except tabs, and trailing whitespace from a line."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text)).rstrip()


def as_json(text: str) -> dict[str, object] | None:
    """Parse a line that is a JSON object, or return None. Of loguru's envelope, the inner record is returned."""
    if not (text.startswith("{") and text.endswith("}")):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    record = found.get("record")
    return record if isinstance(record, dict) and "level" in record else found


def severity_of_json(line: dict[str, object]) -> Severity:
    """Judge a JSON line by its level only, not by its text (measured, rule 2)."""
    for key in _JSON_LEVELS:
        level = line.get(key)
        if isinstance(level, dict):
            level = level.get("name", level.get("level"))
        if isinstance(level, str):
            return _SEVERITIES.get(level.upper(), Severity.INFO)
        if isinstance(level, int) and "short_message" in line:
            return Severity.ERROR if level <= _SYSLOG_ERROR else Severity.INFO  # GELF: lower is more severe
        if isinstance(level, int):
            # 40 is an error in Python, but a warning in pino and bunyan, which write the message as "msg".
            floor = _PINO_ERROR if key != "levelno" and "msg" in line else _PYTHON_ERROR
            return Severity.ERROR if level >= floor else Severity.INFO
    return Severity.INFO


def exception_of_json(line: dict[str, object]) -> str | None:
    """Return the text that names the exception in a JSON line of structlog, loguru, pino or zap, or None."""
    exception = next((found for key in _JSON_EXCEPTIONS if (found := line.get(key))), None)
    if isinstance(exception, list):
        exception = exception[0]
    if isinstance(exception, dict):
        named = exception.get("type", exception.get("exc_type", "Error"))
        return f"{named}: {exception.get('message', exception.get('value', exception.get('exc_value', '')))}"
    if not isinstance(exception, str) or not exception.strip():
        return None
    # Python names the exception in the last line, other languages in the first.
    lines = exception.strip().splitlines()
    return lines[-1].strip() if "Traceback (most recent call last)" in exception else lines[0].strip()


def message_of_json(line: dict[str, object]) -> str | None:
    """Return the message of a JSON line from one of the usual keys, or None."""
    return next(
        (message for key in _JSON_MESSAGES if isinstance(message := line.get(key), str) and message), None
    )


def severity_of_text(text: str) -> Severity | None:
    """Judge text by the first level within its first 100 characters (measured, rule 3); None if there is none."""
    if _SHELL_TRACE.match(text):
        return Severity.INFO
    if _ANNOUNCED.match(text):
        return Severity.ERROR
    if lower := _LOWER.match(text):
        if lower["error"] or lower["winston"]:
            return Severity.ERROR
        return Severity.QUIET if lower["quiet"] else Severity.INFO
    match = _LEVEL.search(text[: 2 * _LEVEL_WITHIN_CHARS])
    if match is None or match.start() >= _LEVEL_WITHIN_CHARS:
        return None
    if _SETTING.search(text[: match.start()]):
        return Severity.INFO
    name = match["upper"] or match["bracketed"] or match["assigned"]
    return _SEVERITIES[name.upper()] if name else Severity.INFO


def starts_with_level(text: str) -> bool:
    """True if the first word is a level. Rich omits the time if the previous record has the same second."""
    return _LEVEL.match(text.lstrip()) is not None


def is_access(text: str) -> bool:
    """True if a line belongs to an access log (uvicorn, gunicorn, common log format)."""
    return _ACCESS.search(text) is not None


def begins_record(text: str) -> bool:
    """True if a line always starts a new record, even where a message could continue."""
    return (
        _TIMESTAMP.match(text) is not None
        or FATAL.match(text) is not None
        or NAMED_EXCEPTION.match(text) is not None
        or is_access(text)
        or as_json(text) is not None
        or severity_of_text(text) is not None
    )


def mask(text: str) -> str:
    """Replace variable parts (numbers, ids, quotes) by `<*>`, remove leading times, and shorten."""
    # Unquote logfmt values (msg="cannot renew"): quoted text would be masked.
    unquoted = _ASSIGNED.sub(r"=\1", " ".join(text[:_TEMPLATE_CHARS].split()))
    masked = _VARYING.sub("<*>", unquoted)
    return _TIMES_IN_FRONT.sub("", masked)
