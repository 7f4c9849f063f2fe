"""The tree of errors. Each class defines its exit code; each error has a message, expected, found and a remedy."""

from __future__ import annotations

from typing import ClassVar


def named(error: Exception) -> str:
    """Return an unforeseen error in one line; for a UnicodeError its name only, since it carries the whole text."""
    return type(error).__name__ if isinstance(error, UnicodeError) else repr(error)


class L9Error(Exception):
    """The base class: a bug in l9 unless a subclass says otherwise.

    message: the operation that failed. expected, found: the expected and the observed state.
    remedy: the next command to type. log: the last log lines that explain the failure.
    """

    code: ClassVar[str] = "BUG"
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False
    changed: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        expected: str = "",
        found: str = "",
        remedy: str = "",
        log: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.found = found
        self.remedy = remedy
        self.log = log

    def __str__(self) -> str:
        return self.summary

    @property
    def summary(self) -> str:
        """The message and the observed state in one line."""
        return f"{self.message}: {self.found}" if self.found else self.message


class UsageError(L9Error):
    """The command line is invalid or names something that does not exist."""

    code = "USAGE"
    exit_code = 2


class ConfigError(UsageError):
    """`l9.toml` is missing or malformed."""

    code = "CONFIG"


class GateClosed(L9Error):
    """A gate closed before anything had changed."""

    code = "GATE_CLOSED"
    exit_code = 3


class Unreachable(L9Error):
    """The host or its agent cannot be reached; this command changed nothing."""

    code = "UNREACHABLE"
    exit_code = 3
    retryable = True


class AgentMismatch(L9Error):
    """The agent on the host has another version or another graph."""

    code = "AGENT_MISMATCH"
    exit_code = 2


class Locked(L9Error):
    """Another run holds the host's lock."""

    code = "LOCKED"
    exit_code = 6
    retryable = True


class JournalBroken(L9Error):
    """The journal was modified outside l9, or was written by a newer version."""

    code = "JOURNAL"
    exit_code = 5


class ActionError(L9Error):
    """An action on the host or the repository failed, which closes its gate."""

    code = "ACTION"
    exit_code = 3


class NoAnswer(L9Error):
    """An HTTP request got no answer. `accepted`: the server took the connection, and did not answer."""

    accepted = False

    code = "NO_ANSWER"
    exit_code = 3


class Interrupted(L9Error):
    """A run, or the connection to it, was interrupted; the journal has its state, and `l9 resume` continues it."""

    code = "INTERRUPTED"
    exit_code = 130
    retryable = True
    changed = True
