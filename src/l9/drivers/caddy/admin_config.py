"""The configuration of a Caddy that l9 does not provision: find the handler that dials a slot, and change it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from l9.core.states import Slot

Json: TypeAlias = Any
SlotPorts: TypeAlias = Mapping[Slot, int]

_SERVERS = "/config/apps/http/servers"
_IPV4 = r"127(?:\.\d{1,3}){3}"
_LOOPBACK = rf"(?:localhost|{_IPV4}|\[::1\]|\[::ffff:{_IPV4}\])?"
_DIAL = re.compile(rf"(?P<host>(?:tcp[46]?/)?{_LOOPBACK}):(?P<port>\d+)")
_IN_CADDYFILE = re.compile(
    rf"""(?<!\S)["`]?(?:https?://|h2c://|tcp[46]?/)?{_LOOPBACK}:(?P<port>\d+)/?["`]?(?!\S)"""
)
_PROXY_LINE = re.compile(
    r"\s*reverse_proxy\s(?:[^#]|(?<=\S)#)*"
)  # up to a comment, which starts after a space
_OURS = ("x-l9-slot", "x-l9-release")


class NotOurs(Exception):
    """The configuration has no handler that may be changed. Carries message, expected and found."""

    def __init__(self, message: str, *, expected: str, found: str) -> None:
        super().__init__(message)
        self.message, self.expected, self.found = message, expected, found


def slot_of(address: str, ports: SlotPorts) -> Slot | None:
    """Return the slot that an upstream's address dials, or None for any other server."""
    match = _DIAL.fullmatch(address)
    return next((slot for slot, port in ports.items() if match and int(match["port"]) == port), None)


# ── the handler ──────────────────────────────────────────────────────────────────────────────────


def handler_path(config: Json, ports: SlotPorts) -> str:
    """The admin API's path of the one reverse_proxy handler that dials a slot.

    In: the response to `GET /config/`. Raises NotOurs unless there is exactly one.
    """
    apps = config.get("apps") if isinstance(config, dict) else None
    http = apps.get("http") if isinstance(apps, dict) else None
    servers = http.get("servers") if isinstance(http, dict) else None
    found = [p for p, h in _proxies(servers, _SERVERS) if any(slot_of(d, ports) for d in _dials(h))]
    if len(found) == 1:
        return found[0]
    raise NotOurs(
        "several Caddy handlers send traffic to the slots"
        if found
        else "no Caddy handler sends traffic to a slot",
        expected=f"one reverse_proxy handler that dials {_either(ports)}, or its @id as route.id in l9.toml",
        found=", ".join(found) or "no such handler",
    )


def _proxies(node: Json, path: str) -> Iterator[tuple[str, Json]]:
    if isinstance(node, dict):
        if node.get("handler") == "reverse_proxy":
            yield path, node
        for key, child in node.items():
            yield from _proxies(child, f"{path}/{key}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _proxies(child, f"{path}/{index}")


def _dials(handler: Json) -> list[str]:
    upstreams = handler.get("upstreams")
    listed = upstreams if isinstance(upstreams, list) else []
    return [str(u.get("dial", "")) if isinstance(u, dict) else "" for u in listed]


def live_slot(handler: Json, ports: SlotPorts) -> Slot:
    """Return the slot that the handler sends traffic to. Raises NotOurs unless it is exactly one."""
    if not isinstance(handler, dict) or handler.get("handler") != "reverse_proxy":
        found = "something else"
    elif "dynamic_upstreams" in handler:
        found = "dynamic upstreams (dynamic_upstreams)"
    else:
        dials = _dials(handler)
        slot = slot_of(dials[0], ports) if len(dials) == 1 else None
        if slot is not None:
            return slot
        found = ", ".join(dials) or "no upstream"
    raise NotOurs(
        "Caddy's handler does not send all traffic to one slot",
        expected=f"a reverse_proxy handler whose only upstream is {_either(ports)}",
        found=found,
    )


def switched(handler: Json, to: Slot, release: str | None, ports: SlotPorts) -> Json:
    """Return the handler changed to dial that slot, and to name slot and release in each response.

    In: a handler that `live_slot` accepted. Of the upstream's address only the port changes.
    """
    upstream, headers = handler["upstreams"][0], handler.get("headers") or {}
    response = headers.get("response") or {}
    kept = {k: v for k, v in (response.get("set") or {}).items() if k.lower() not in _OURS}
    named = {"X-L9-Slot": [str(to)]} | ({"X-L9-Release": [release]} if release else {})
    host = upstream["dial"].rpartition(":")[0]
    return {
        **handler,
        "upstreams": [{**upstream, "dial": f"{host}:{ports[to]}"}],
        "headers": {**headers, "response": {**response, "set": {**kept, **named}}},
    }


def open_requests(listed: Json, slot: Slot, ports: SlotPorts) -> int | None:
    """Return a slot's open requests from the response of `/reverse_proxy/upstreams`, or None if it is not listed."""
    counts = [
        int(u["num_requests"])
        for u in (listed if isinstance(listed, list) else [])
        if slot_of(str(u.get("address")), ports) is slot
    ]
    return sum(counts) if counts else None


def _either(ports: SlotPorts) -> str:
    return " or ".join(f"127.0.0.1:{port}" for port in ports.values())


# ── the Caddyfile ────────────────────────────────────────────────────────────────────────────────


def saved(caddyfile: str, to: Slot, ports: SlotPorts) -> str | None:
    """Return the Caddyfile with the slot's port in the `reverse_proxy` line that names a slot's address.

    None unless there is exactly one such line.
    """
    lines = caddyfile.splitlines(keepends=True)
    ours = [(n, spans[0]) for n, line in enumerate(lines) if len(spans := _ports_in(line, ports)) == 1]
    if len(ours) != 1:
        return None
    number, (start, end) = ours[0]
    lines[number] = f"{lines[number][:start]}{ports[to]}{lines[number][end:]}"
    return "".join(lines)


def _ports_in(line: str, ports: SlotPorts) -> list[tuple[int, int]]:
    proxy = _PROXY_LINE.match(line)
    found: Iterable[re.Match[str]] = _IN_CADDYFILE.finditer(proxy[0]) if proxy else ()
    return [m.span("port") for m in found if int(m["port"]) in ports.values()]


# ── an answer of the admin API ───────────────────────────────────────────────────────────────────


class AdminReply(msgspec.Struct, frozen=True):
    """A response. `etag` is empty when none was sent, as in every error."""

    status: int
    etag: str
    body: bytes


def parse_reply(raw: bytes) -> AdminReply:
    """Parse a whole HTTP response. Caddy 2.6 sends the ETag as a trailer. Raises ValueError for a truncated one."""
    head, mark, rest = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if not mark or len(words) < 2 or not words[0].startswith("HTTP/"):
        raise ValueError("not a complete HTTP response")
    fields = _fields(lines)
    if fields.get("transfer-encoding", "").lower() == "chunked":
        rest, trailers = _chunks(rest)
        fields |= _fields(trailers)
    elif len(rest) != int(fields.get("content-length", len(rest))):
        raise ValueError("the HTTP response is truncated")
    return AdminReply(int(words[1]), fields.get("etag", ""), rest)


def _chunks(rest: bytes) -> tuple[bytes, list[str]]:
    body = b""
    while True:
        length, _, rest = rest.partition(b"\r\n")
        size = int(length.partition(b";")[0], 16)  # ValueError at the end of the data
        after = rest[size:] if size else rest
        if not after.startswith(b"\r\n") and (size or not rest.endswith(b"\r\n\r\n")):
            raise ValueError("the HTTP response is truncated")
        if size == 0:
            return body, rest.decode("latin-1").split("\r\n")
        body, rest = body + rest[:size], after[2:]


def _fields(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
