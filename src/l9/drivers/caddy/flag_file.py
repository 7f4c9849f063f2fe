"""The switch as a file that Caddy checks for each request: one rename, no reload, no failed request."""

from __future__ import annotations

import json
import time
from pathlib import Path

from l9.checks.host.prober import PROBE
from l9.config.layout import Layout
from l9.config.model import Config
from l9.core.facts import Answering, Traffic
from l9.core.ports import Http
from l9.core.states import Slot
from l9.drivers.caddy.access_log import AccessLog
from l9.drivers.caddy.site import FLAG, label_directory, request_upstream, stream_upstream
from l9.drivers.files.atomic import replace_file, sync_directory
from l9.errors import NoAnswer


class CaddyFile:
    """Implements `Router` over the site that `l9 provision` writes (`site.py`)."""

    def __init__(
        self, layout: Layout, config: Config, http: Http, access_log: Path, host: dict[str, str]
    ) -> None:
        self._flags = layout.route
        self._config = config
        self._http = http
        self._access = AccessLog(access_log)
        self._host = host

    def active(self) -> Slot:
        # Caddy's matcher takes files alone: a folder of that name is no flag.
        return Slot.GREEN if (self._flags / FLAG).is_file() else Slot.BLUE

    def switch(self, to: Slot) -> None:
        self._flags.mkdir(parents=True, exist_ok=True)
        flag, aside = self._flags / FLAG, self._flags / f".{FLAG}"
        for path in (flag, aside):
            if not path.is_file() and (path.exists() or path.is_symlink()):
                _set_aside(path)
        if to is Slot.GREEN and not flag.is_file():
            replace_file(flag, "", 0o644, aside=aside)
        elif to is Slot.BLUE and flag.is_file():
            flag.rename(aside)
        sync_directory(self._flags)

    def label(self, slot: Slot, release: str) -> None:
        directory, aside = self._flags / label_directory(slot), self._flags / f".{slot}.label"
        if directory.exists() and not directory.is_dir():
            _set_aside(directory)
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)  # Caddy's user reads it
        names = [path.name for path in directory.iterdir()]
        if names == [release]:
            return
        for name in names:
            other = directory / name
            if other.is_dir():
                _set_aside(other, self._flags)
            else:
                other.unlink()
        replace_file(directory / release, "", 0o644, aside=aside)

    def answering(self) -> Answering:
        health = self._config.health
        url = self._config.route.url + health.path
        try:
            reply = self._http.request("GET", url, headers={**PROBE, **self._host}, timeout=health.timeout)
        except NoAnswer as error:
            return Answering(None, None, None, error.found, error.accepted)
        slot, release = reply.headers.get("x-l9-slot"), reply.headers.get("x-l9-release")
        found = f"status {reply.status} from {slot or 'no slot'} with {release or 'no release'}"
        known = Slot(slot) if slot in list(Slot) else None
        return Answering(known, release, reply.status, found, named=slot is not None)

    def problem(self) -> tuple[str, str] | None:
        seen, url = self.answering(), self._config.route.url + self._config.health.path
        if seen.status is None:
            return f"Caddy does not answer at {url}: {seen.found}", "systemctl status caddy"
        if seen.slot is not self.active():
            return (
                f"{url}: {seen.found}, and the flag file names {self.active()}",
                "l9 provision",
            )
        return None

    def in_flight(self, slot: Slot) -> tuple[int | None, int]:
        ports = self._config.target.ports
        port = ports.blue if slot is Slot.BLUE else ports.green
        try:
            reply = self._http.request(
                "GET", f"{self._config.route.admin}/reverse_proxy/upstreams", timeout=2
            )
            open_now = {str(u["address"]): int(u["num_requests"]) for u in json.loads(reply.body)}
        except (NoAnswer, ValueError, KeyError, TypeError):
            return None, 0
        return open_now.get(request_upstream(port)), open_now.get(stream_upstream(port), 0)

    def traffic(self, slot: Slot, since: float) -> Traffic:
        return self._access.traffic(slot, since)


def _set_aside(path: Path, into: Path | None = None) -> None:
    """Rename what somebody else has put in the place of a file of ours: nothing of theirs is lost."""
    path.rename((into or path.parent) / f".not-of-l9-{time.time_ns()}")
