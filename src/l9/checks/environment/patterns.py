r"""Regular expressions of a schema, matched by RE2 in time linear in the value.

A pattern comes from a tag and must not be able to hang a check, as `(a+)+b` can with Python's `re`. RE2 rejects
lookaround and backreferences.

    >>> matches("[a-z0-9]+(-[a-z0-9]+)*", "a-slug")
    True

RE2 is imported when the first pattern is used: the agent and `l9 --help` start without it.
"""

from __future__ import annotations

from typing import Any

from l9.errors import ActionError

LONGEST = 4096  # characters of a value
MOST = 500  # characters of a pattern
_MEMORY = 1 << 20  # bytes for a compiled pattern; a larger one is refused


def matches(pattern: str, value: str) -> bool:
    """True if the pattern matches the whole value. A value longer than `LONGEST` never matches.

    Raises ValueError, with the reason, for an invalid pattern, and ActionError as `compile_pattern` does.
    """
    compiled = compile_pattern(pattern)
    return len(value) <= LONGEST and compiled.fullmatch(value.encode(errors="surrogatepass")) is not None


def compile_pattern(pattern: str) -> Any:
    """Compile a pattern for RE2, which keeps the last 128.

    Raises ValueError, with the reason, for an invalid pattern, and ActionError where RE2 cannot be imported.
    """
    if len(pattern) > MOST:
        raise ValueError(f"it is too long: at most {MOST} characters")
    re2 = _import_re2()
    options = re2.Options()
    options.max_mem = _MEMORY
    options.never_capture = True
    options.log_errors = False
    try:
        return re2.compile(pattern.encode(errors="surrogatepass"), options)
    except re2.error as error:
        raise ValueError(error.args[0].decode(errors="replace")) from None


def _import_re2() -> Any:
    try:
        import re2  # type: ignore[import-untyped]  # the package has no stubs
    except ImportError as error:
        library = "libstdc++" in str(error)  # the wheel does not contain it
        raise ActionError(
            "a pattern of the environment's schema cannot be judged",
            expected="the package google-re2" + (" and the C++ library" if library else ""),
            found=str(error),
            remedy="apt-get install libstdc++6" if library else "pip install google-re2",
        ) from None
    return re2
