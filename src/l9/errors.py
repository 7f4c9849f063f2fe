"""One tree of errors. Each class owns its exit code; each error says what, expected, found, and what to type."""

from __future__ import annotations

from typing import ClassVar


def named(error: Exception) -> str:
    """An unforeseen error in one line. One about text is named only: it carries the whole text, secrets and all."""
    return type(error).__name__ if isinstance(error, UnicodeError) else repr(error)


class L9Error(Exception):
    """Base: a bug in l9 unless a subclass says otherwise.

    message: what could not be done. expected/found: what was looked for and what was there.
    remedy: the next command to type. log: last lines that explain it.
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
        """What could not be done and what was there, in one line."""
        return f"{self.message}: {self.found}" if self.found else self.message


class UsageError(L9Error):
    """The command was asked for something that there is not."""

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
    """The host, or the agent on it, cannot be reached; nothing was changed by this command."""

    code = "UNREACHABLE"
    exit_code = 3
    retryable = True


class AgentMismatch(L9Error):
    """The agent on the host is of another version, or has another graph."""

    code = "AGENT_MISMATCH"
    exit_code = 2


class Locked(L9Error):
    """Another run holds the host's lock."""

    code = "LOCKED"
    exit_code = 6
    retryable = True


class JournalBroken(L9Error):
    """The journal was changed by somebody, or is of a newer version."""

    code = "JOURNAL"
    exit_code = 5


class ActionError(L9Error):
    """An action on the host or the repository failed: its gate closes."""

    code = "ACTION"
    exit_code = 3


class NoAnswer(L9Error):
    """An HTTP request got no answer."""

    code = "NO_ANSWER"
    exit_code = 3


class Interrupted(L9Error):
    """A run, or the link to it, was interrupted; what was done is on record and can be taken up."""

    code = "INTERRUPTED"
    exit_code = 130
    retryable = True
    changed = True
