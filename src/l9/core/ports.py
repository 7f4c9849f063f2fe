"""The ports: small protocols that the core needs, each implemented by thin adapters and by the simulator.

One contract suite (`tests/contracts`) runs on the adapter and on the simulator. An adapter raises the errors of
`l9.errors`; each call that changes something is idempotent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from l9.core.facts import (
    Answering,
    Attested,
    DriftCheck,
    Host,
    Image,
    LogLine,
    LogsLost,
    Retained,
    Services,
    Slots,
    Tag,
    TagFile,
    Traffic,
)
from l9.core.states import Slot

Say = Callable[[str], None]
"""Receives one line of a long action's output, for display."""


class Clock(Protocol):
    """Time, in seconds since the epoch. It is steady: setting the machine's clock does not change it."""

    def now(self) -> float: ...

    def shift(self) -> float:
        """Return how many seconds the machine's clock is ahead: it changes when that clock is set."""
        ...

    def sleep(self, seconds: float) -> None: ...


class Reply(Protocol):
    """An HTTP response. Header names are lower case."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def body(self) -> bytes: ...


class Http(Protocol):
    """An HTTP client: one request, one response. Raises `l9.errors.NoAnswer` with a one-line reason."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 5.0,
    ) -> Reply: ...


class Source(Protocol):
    """The host's clone, and the tree of each release as files."""

    def fetch(self, name: str) -> str: ...

    def tidy(self) -> None:
        """Pack what fetches left, if it is much: each fetch reads all of it. Needs no lock."""
        ...

    def tag(self, name: str) -> Tag: ...

    def attested(self, name: str) -> Attested:
        """Return the attestation for the tag's tree in the clone, verified against the host's allowed signers."""
        ...

    def file(self, name: str, path: str) -> TagFile | None:
        """Return a file of the tag's tree, or None if there is none. Raises ActionError if it is not text."""
        ...

    def add_tree(self, name: str) -> str:
        """Make the release's directory exactly the tag's tree; any other file in it is removed."""
        ...

    def repair_tree(self, name: str) -> None:
        """Restore the files of the tag's tree that differ; files that a build added stay."""
        ...

    def remove_tree(self, name: str) -> None: ...

    def checkout(self, name: str) -> str:
        """Move the live checkout to a tag; returns the commit that is checked out then."""
        ...

    def head(self) -> str | None: ...

    def edited(self) -> tuple[str, ...]:
        """Tracked paths of the live checkout that were edited by hand."""
        ...

    def drifted(self) -> tuple[str, ...]:
        """Edited and untracked paths: all that differs from the checkout's commit (`git status`)."""
        ...


class LogReader(Protocol):
    """One slot's log from a given time. Each read continues where the last one stopped."""

    def read(self) -> Iterator[LogLine | LogsLost]:
        """Yield the lines written by now and not read yet.

        A line is cut at 64 KiB; one without a newline is held back while the process runs. `LogsLost` takes the
        place of lines that can no longer be read. The caller may stop at any line.
        """
        ...


class Runtime(Protocol):
    """Releases in slots. Every call is idempotent."""

    def host(self, new: Slot) -> Host: ...

    def build(self, release: str, commit: str, say: Say, *, no_cache: bool = False) -> Image:
        """Build the image of a release at a commit; an existing image of both is reused, unless `no_cache`."""
        ...

    def image(self, release: str) -> Image | None: ...

    def services(self, release: str) -> Services: ...

    def changed_services(self, release: str, compose_files: Mapping[str, str]) -> tuple[str, ...]:
        """Return the running services that these compose files (path in the tree to text) define differently."""

    def stopped_services(self, release: str) -> tuple[str, ...]:
        """Return the services that the release needs and that do not run; `wake` starts them with their release."""

    def start_services(self, release: str, say: Say) -> None: ...

    def slots(self) -> Slots: ...

    def endpoint(self, slot: Slot) -> str:
        """Return the base URL of the slot's release, as reachable from the machine that l9 runs on."""
        ...

    def past_the_router(self, slot: Slot, router: int) -> int | None:
        """Return how many open connections to the slot are not the router's, idle ones too; None if unknown.

        `router` is a port that the router listens on.
        """
        ...

    def start(self, slot: Slot, release: str) -> str: ...

    def wake(self, slot: Slot, release: str) -> str: ...

    def pause(self, slot: Slot, release: str) -> str: ...

    def stop(self, slot: Slot, release: str) -> None: ...

    def remove(self, slot: Slot, release: str) -> None: ...

    def evict(self, slot: Slot, release: str) -> None: ...

    def restore(self, slot: Slot, release: str) -> None: ...

    def prune(self, keep: tuple[str, ...]) -> str: ...

    def read_log(self, slot: Slot, since: float) -> LogReader: ...

    def log_tail(self, slot: Slot, most: int) -> list[LogLine]:
        """Return the last `most` lines of a slot's log, oldest first."""
        ...

    def retained(self, release: str) -> Retained: ...

    def env_value(self, release: str, key: str) -> str | None:
        """Return a value of the environment that the release was made ready with, or None. It is secret."""
        ...


class Router(Protocol):
    """The reverse proxy in front of both slots."""

    def active(self) -> Slot: ...

    def switch(self, to: Slot) -> None: ...

    def label(self, slot: Slot, release: str) -> None:
        """Make the route name this release for that slot in its answers to probes."""
        ...

    def answering(self) -> Answering:
        """Ask through the public route who answers. It may differ from `active`, which says what was intended."""
        ...

    def problem(self) -> tuple[str, str] | None:
        """Return the problem with the site and the command that fixes it; None if the site is as provisioned."""
        ...

    def in_flight(self, slot: Slot) -> tuple[int | None, int]:
        """Return the number of open requests (None: unknown) and of open streams on that slot."""
        ...

    def traffic(self, slot: Slot, since: float) -> Traffic: ...


class Record(Protocol):
    """The host's record of the deployed release (spec 5.1 step 11) and of the newest drift check (5.3)."""

    def deployed_tag(self) -> str | None: ...

    def run(self) -> str | None:
        """Return the id of the run that wrote the record; None if none did."""
        ...

    def write(self, metadata: Mapping[str, Any]) -> None: ...

    def drift_checked(self) -> DriftCheck: ...

    def note_drift_check(self, at: float, drift: int) -> None:
        """Store the time of a drift check (seconds since the epoch) and its number of differences."""
        ...
