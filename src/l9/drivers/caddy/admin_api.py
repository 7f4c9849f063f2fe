"""Caddy's admin API: one request and its response, with the ETag from the headers or the trailers."""

from __future__ import annotations

import json
import socket
import time
from urllib.parse import quote, urlsplit

from l9.drivers.caddy.admin_config import AdminReply, Json, parse_reply
from l9.errors import ActionError

_READ, _CHANGE = 5.0, 30.0  # seconds: Caddy responds to a change after it has loaded the whole configuration


class AdminApi:
    """The API at one address (`route.admin`)."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    @property
    def look(self) -> str:
        """The command that prints the configuration."""
        return f"curl -s {self._url}/config/"

    def json(self, path: str) -> Json:
        """GET a path and decode the response. Raises ActionError."""
        return self.decoded(self.ask("GET", path))

    def decoded(self, reply: AdminReply) -> Json:
        """Decode a response's JSON. Raises ActionError."""
        try:
            return json.loads(reply.body)
        except ValueError:
            raise ActionError(
                "Caddy's admin API did not respond with JSON",
                expected="JSON",
                found=reply.body[:60].decode(errors="replace"),
                remedy=self.look,
            ) from None

    def ask(self, method: str, path: str, etag: str = "", body: bytes = b"") -> AdminReply:
        """Send one request and expect status 200. Raises ActionError for any other status, and for no response."""
        try:
            reply = parse_reply(self._exchange(method, path, etag, body))
        except (OSError, ValueError) as error:
            raise ActionError(
                "Caddy's admin API does not answer",
                expected=f"a response from {self._url}",
                found=str(error) or type(error).__name__,
                remedy="systemctl status caddy",
            ) from None
        if reply.status == 412:
            raise ActionError(
                "Caddy's configuration was changed by another program",
                expected=f"{path} unchanged since it was read",
                found=reply.body.decode(errors="replace").strip(),
                remedy="l9 resume",
            )
        if reply.status != 200:
            raise ActionError(
                f"Caddy's admin API refused {method} {path}",
                expected="status 200",
                found=f"status {reply.status}: {reply.body[:300].decode(errors='replace').strip()}",
                remedy=self.look,
            )
        return reply

    def _exchange(self, method: str, path: str, etag: str, body: bytes) -> bytes:
        # By hand: http.client drops trailers, and Caddy 2.6 sends the ETag as one.
        parts = urlsplit(self._url)
        head = [
            f"{method} {quote(path)} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Connection: close",
            "TE: trailers",
        ]
        if method != "GET":
            head += ["Content-Type: application/json", f"Content-Length: {len(body)}", f"If-Match: {etag}"]
        timeout = _READ if method == "GET" else _CHANGE
        with socket.create_connection((parts.hostname, parts.port or 80), timeout=timeout) as link:
            link.sendall("\r\n".join([*head, "", ""]).encode() + body)
            answer, until = b"", time.monotonic() + timeout
            while data := link.recv(65536):
                answer += data
                # The limit is for the whole answer; a socket's timeout is for the next bytes alone.
                link.settimeout(max(until - time.monotonic(), 0.001))
        return answer
