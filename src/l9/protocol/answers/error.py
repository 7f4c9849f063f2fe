"""The one envelope of all errors, and `l9 explain CODE`."""

from __future__ import annotations

from typing import Literal

import msgspec

from l9.errors import L9Error
from l9.protocol.answers.answer import Answer


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """The expected state and the observed one."""

    expected: str
    observed: str


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """The next command to type. `when`: the place or time, if not here and now."""

    command: str
    when: str = ""


class Error(Answer, frozen=True, kw_only=True, tag="l9.error/1"):
    """The error of any command; on standard output with `--json`. `changed`: the host has changed."""

    type: Literal["error"] = "error"
    code: str
    message: str
    evidence: tuple[Sought, ...] = ()
    changed: bool = False
    retryable: bool = False
    exit_code: int = 1
    remedy: tuple[Remedy, ...] = ()
    log: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: L9Error) -> Error:
        """Convert an error for output."""
        return cls(
            code=error.code,
            message=error.message,
            evidence=(Sought(expected=error.expected, observed=error.found),),
            changed=error.changed,
            retryable=error.retryable,
            exit_code=error.exit_code,
            remedy=(Remedy(command=error.remedy),) if error.remedy else (),
            log=error.log,
        )


class ErrorCode(Answer, frozen=True, kw_only=True, tag="l9.code/1"):
    """`l9 explain CODE`: the meaning of an error code."""

    code: str
    exit_code: int
    meaning: str
