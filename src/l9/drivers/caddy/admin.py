"""The switch through Caddy's admin API: the fallback where l9 may not provision Caddy's configuration."""

from __future__ import annotations

import json
import shlex
import stat
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from l9.config.layout import Layout
from l9.config.model import Config
from l9.core.facts import Answering, Traffic
from l9.core.ports import Http
from l9.core.states import Slot
from l9.drivers.caddy.admin_api import AdminApi
from l9.drivers.caddy.admin_config import (
    Json,
    NotOurs,
    handler_path,
    live_slot,
    open_requests,
    saved,
    switched,
)
from l9.drivers.caddy.flag_file import CaddyFile
from l9.drivers.caddy.site import label_directory
from l9.drivers.files.atomic import Draft
from l9.errors import ActionError

RESTART_REPORTED = "restart.told"


class CaddyAdmin:
    """Implements `Router` with one conditional PATCH of the one handler that dials a slot.

    Every change through the admin API is a reload of Caddy's whole configuration, also of sites that it does not
    concern: idle keep-alive connections are closed, so that clients which reuse one lose a request, and WebSockets
    are cut (measured: 0-14 failed requests a run). `CaddyFile` has none of this and is to be preferred; this one
    is for a Caddy whose configuration may not be re-provisioned. The colour is also written into `route.caddyfile`,
    for a restart of Caddy and the next `caddy reload` read that; the names of slot and release are not, and are
    missing from answers after a restart until the next switch.
    """

    def __init__(
        self, layout: Layout, config: Config, http: Http, access_log: Path, host: dict[str, str]
    ) -> None:
        self._layout = layout
        self._config = config
        self._http = http
        self._host = host
        self._files = CaddyFile(layout, config, http, access_log, host)  # labels and access log are the same
        self._ports = {Slot.BLUE: config.target.ports.blue, Slot.GREEN: config.target.ports.green}
        self._api = AdminApi(config.route.admin)
        self._caddyfile = Path(config.route.caddyfile).resolve() if config.route.caddyfile else None

    def active(self) -> Slot:
        return self._handler().slot

    def switch(self, to: Slot) -> None:
        draft = self._draft(to)  # before traffic moves, so that a full or read-only disk fails first
        try:
            self._send(to)
        except BaseException:
            if draft is not None:
                draft.discard()
            raise
        if draft is not None:
            try:
                draft.keep()
            except OSError as error:  # a file that is a mount of its own
                raise _unsaved(draft.path, error) from None

    def label(self, slot: Slot, release: str) -> None:
        self._files.label(slot, release)
        if self.active() is slot:
            self._send(slot)

    def answering(self) -> Answering:
        seen = self._files.answering()
        if seen.status is None or seen.named:
            return seen
        # After a restart of Caddy answers name no slot until the next switch; its running configuration does.
        return replace(seen, slot=self.active())

    def problem(self) -> tuple[str, str] | None:
        url = self._config.route.url + self._config.health.path
        try:
            active, seen = self.active(), self.answering()
        except ActionError as error:
            return f"{error.message}: {error.found}; expected {error.expected}", error.remedy
        if seen.status is None:
            return f"Caddy does not answer at {url}: {seen.found}", "systemctl status caddy"
        if seen.slot is not active:
            return f"{url}: {seen.found}, and Caddy's handler dials {active}", self._api.look
        return self._report_once()

    def in_flight(self, slot: Slot) -> tuple[int | None, int]:
        try:
            listed = self._api.json("/reverse_proxy/upstreams")
            return open_requests(listed, slot, self._ports), 0
        except (ActionError, ValueError, KeyError, TypeError, AttributeError):
            return None, 0

    def traffic(self, slot: Slot, since: float) -> Traffic:
        try:
            return self._files.traffic(slot, since)
        except ActionError as error:
            error.remedy = (
                f"$EDITOR {shlex.quote(self._config.route.caddyfile)}  # log {{ output file …; format json }}"
            )
            raise

    # ── the handler ──────────────────────────────────────────────────────────────────────────────

    def _handler(self) -> _Handler:
        """The handler in the running configuration. Raises ActionError unless it sends all traffic to one slot."""
        given = self._config.route.id
        try:
            path = f"/id/{given}" if given else handler_path(self._api.json("/config/"), self._ports)
            reply = self._api.ask("GET", path)
            document = self._api.decoded(reply)
            return _Handler(path, reply.etag, document, live_slot(document, self._ports))
        except NotOurs as refused:
            raise ActionError(
                refused.message, expected=refused.expected, found=refused.found, remedy=self._api.look
            ) from None

    def _send(self, to: Slot) -> None:
        """Change the handler if it differs, and read it back. Raises ActionError."""
        release = self._release(to)
        handler = self._handler()
        wanted = switched(handler.document, to, release, self._ports)
        if handler.document == wanted:
            return  # a PATCH without a difference still reloads Caddy
        if not handler.etag:
            raise ActionError(
                "Caddy's configuration cannot be changed safely",
                expected="an ETag in the response (Caddy 2.6 or newer)",
                found="none",
                remedy="systemctl status caddy",
            )
        self._api.ask("PATCH", handler.path, handler.etag, json.dumps(wanted).encode())
        now = self._handler().document
        if switched(now, to, release, self._ports) != now:
            raise ActionError(
                "Caddy accepted the change but does not report it",
                expected=str(wanted["upstreams"]),
                found=str(now["upstreams"]),
                remedy="l9 resume",
            )

    def _release(self, slot: Slot) -> str | None:
        directory = self._layout.route / label_directory(slot)
        return next((path.name for path in directory.iterdir()), None) if directory.is_dir() else None

    # ── the saved colour ─────────────────────────────────────────────────────────────────────────

    def _draft(self, to: Slot) -> Draft | None:
        if self._caddyfile is None or not self._caddyfile.is_file():
            return None
        try:
            before = _text(self._caddyfile)
            after = saved(before, to, self._ports)
            return None if after in (None, before) else _saved_draft(self._caddyfile, str(after))
        except OSError as error:
            raise _unsaved(self._caddyfile, error) from None

    def _report_once(self) -> tuple[str, str] | None:
        """Report once that the slot cannot be saved, which closes the gate; later deploys continue."""
        reported = self._layout.route / RESTART_REPORTED
        if reported.exists():
            return None
        if self._caddyfile is None:
            reason, remedy = "route.caddyfile is empty", "systemctl cat caddy"
        else:
            reason, remedy = (
                f"{self._caddyfile} must have exactly one reverse_proxy line for a slot",
                f"grep -n reverse_proxy {self._caddyfile}",
            )
            try:
                if saved(_text(self._caddyfile), Slot.BLUE, self._ports) is not None:
                    return None
            except OSError as error:
                reason = f"{self._caddyfile}: {error.strerror}"
        reported.parent.mkdir(parents=True, exist_ok=True)
        reported.touch()
        text = f"a restart of Caddy would change the live slot: {reason} (reported once: the next deploy continues)"
        return text, remedy


class _Handler(NamedTuple):
    path: str
    etag: str
    document: Json
    slot: Slot


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _saved_draft(path: Path, text: str) -> Draft:
    """Draft the Caddyfile's next content with its mode and owner, under a name that `import *` does not match."""
    now = path.stat()
    return Draft.write(
        path,
        text.encode("utf-8", "surrogateescape"),
        stat.S_IMODE(now.st_mode),
        aside=path.with_name(f".{path.name}.l9"),
        owner=(now.st_uid, now.st_gid),
    )


def _unsaved(path: Path, error: OSError) -> ActionError:
    return ActionError(
        "the live slot cannot be saved in the Caddyfile; a restart of Caddy would undo the switch",
        expected=f"a writable file {path}",
        found=error.strerror or str(error),
        remedy=f"ls -l {path}",
    )
