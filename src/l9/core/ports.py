"""What l9 asks of the world: small protocols, each met by one thin adapter a technology, and by the simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from l9.core.facts import (
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
"""Takes one line of a long action's output, for people to watch."""


class Clock(Protocol):
    """Time, in seconds since the epoch."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class Reply(Protocol):
    """An HTTP answer. Header names are lower case."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def body(self) -> bytes: ...


class Http(Protocol):
    """One request, one answer. Raises `l9.errors.NoAnswer` with a one-line reason."""

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
    """The host's own clone, and the tree of each release as files."""

    def fetch(self, name: str) -> str: ...

    def tag(self, name: str) -> Tag: ...

    def attested(self, name: str) -> Attested:
        """What the clone holds of attestations for the tag's tree, judged by the host's own allowed signers."""
        ...

    def file(self, name: str, path: str) -> TagFile | None:
        """A file of the tag's tree, as git has it; None where there is none. Raises ActionError for no text."""
        ...

    def add_tree(self, name: str) -> str:
        """Make the release's directory be just the tag's tree: what else lies in it goes."""
        ...

    def repair_tree(self, name: str) -> None:
        """Put back the files of the tag's tree where they differ; what a build has added stays."""
        ...

    def remove_tree(self, name: str) -> None: ...

    def checkout(self, name: str) -> str:
        """Move the live checkout to a tag; returns the commit that it then stands on."""
        ...

    def head(self) -> str | None: ...

    def edited(self) -> tuple[str, ...]:
        """Tracked paths of the live checkout that were edited by hand."""
        ...

    def drifted(self) -> tuple[str, ...]:
        """Those, and what git does not know: all that differs from the checkout's commit (`git status`)."""
        ...


class LogReader(Protocol):
    """One slot's log from a time on. It keeps its place: each read goes on where the last one was left."""

    def read(self) -> Iterator[LogLine | LogsLost]:
        """What was written by now and not read yet, line by line.

        A line is cut at 64 KiB; one without its end waits for it while the process runs. `LogsLost` stands where
        lines cannot be read any more. Reading may be left at any line.
        """
        ...


class Runtime(Protocol):
    """Releases in slots. Every call may be repeated without doing more."""

    def host(self, new: Slot) -> Host: ...

    def build(self, release: str, commit: str, say: Say, *, no_cache: bool = False) -> Image:
        """The image of a release at a commit. What is there for exactly these is kept, unless `no_cache`."""
        ...

    def image(self, release: str) -> Image | None: ...

    def services(self, release: str) -> Services: ...

    def changed_services(self, release: str, compose_files: Mapping[str, str]) -> tuple[str, ...]:
        """The running services that these compose files (path in the tree to text) define differently."""

    def start_services(self, release: str, say: Say) -> None: ...

    def slots(self) -> Slots: ...

    def endpoint(self, slot: Slot) -> str:
        """The address that the slot's release answers at, as a base URL: seen from where l9 runs."""
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
        """The last lines of a slot's log, oldest first."""
        ...

    def retained(self, release: str) -> Retained: ...


class Router(Protocol):
    """The reverse proxy in front of both slots."""

    def active(self) -> Slot: ...

    def switch(self, to: Slot) -> None: ...

    def label(self, slot: Slot, release: str) -> None:
        """Have the route name this release for that slot, to those who ask (probes)."""
        ...

    def problem(self) -> tuple[str, str] | None:
        """What is wrong with the site, and the command that mends it; None when it is as provisioned."""
        ...

    def in_flight(self, slot: Slot) -> tuple[int | None, int]:
        """Open requests (None: it cannot say) and open streams on that slot."""
        ...

    def traffic(self, slot: Slot, since: float) -> Traffic: ...


class Record(Protocol):
    """What the host shows of what is deployed (spec 5.1 step 11), and when its timer last looked for drift (5.3)."""

    def deployed_tag(self) -> str | None: ...

    def write(self, metadata: Mapping[str, Any]) -> None: ...

    def drift_checked(self) -> DriftCheck: ...

    def note_drift_check(self, at: float, drift: int) -> None:
        """When the timer looked (seconds since the epoch), and how many differences there were."""
        ...
