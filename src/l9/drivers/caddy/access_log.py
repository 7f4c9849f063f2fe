"""Real traffic, from Caddy's JSON access log; each read continues where the last one ended."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from l9.core.facts import Traffic
from l9.core.states import Slot
from l9.errors import ActionError

OWN = ["1"]  # l9's X-L9-Probe, as Caddy logs it
_BACK = 4_000_000  # bytes before the end that the first read takes


class _Request(msgspec.Struct, frozen=True):
    method: str = ""
    uri: str = ""
    headers: dict[str, list[str]] = {}


class _Line(msgspec.Struct, frozen=True):
    ts: float = 0.0
    status: int = 0
    request: _Request = _Request()
    resp_headers: dict[str, list[str]] = {}


class AccessLog:
    """Counts responses by slot. l9's own requests (X-L9-Probe: 1) are left out; other values are users'."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset: int | None = None
        self._inode = 0
        self._rest = b""
        self._answers: list[tuple[float, str, int, str]] = []

    def traffic(self, slot: Slot, since: float) -> Traffic:
        """Count the slot's responses since a time (epoch seconds). Raises ActionError if the log cannot be read."""
        try:
            self._read_on()
        except OSError as error:
            raise ActionError(
                "the access log cannot be read",
                expected=f"a readable file {self._path}",
                found=str(error.strerror),
                remedy="l9 provision",
            ) from None
        mine = [a for a in self._answers if a[1] == slot and a[0] >= since]
        bad = [a for a in mine if a[2] >= 500]
        return Traffic(len(mine), len(bad), tuple(f"{status} {what}" for _, _, status, what in bad[:5]))

    def _read_on(self) -> None:
        with self._path.open("rb") as file:
            status = os.fstat(file.fileno())
            if self._offset is None:
                self._offset = max(0, status.st_size - _BACK)
            elif status.st_ino != self._inode or status.st_size < self._offset:
                self._offset, self._rest = 0, b""  # rolled over
            self._inode = status.st_ino
            file.seek(self._offset)
            data = file.read()
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for raw in lines:
            try:
                line = msgspec.json.decode(raw, type=_Line)
            except msgspec.MsgspecError:
                continue  # a first line that is cut off, or a runtime note of Caddy's
            if line.status and line.request.headers.get("X-L9-Probe") != OWN:
                slot = (line.resp_headers.get("X-L9-Slot") or [""])[-1]
                self._answers.append(
                    (line.ts, slot, line.status, f"{line.request.method} {line.request.uri}")
                )
