"""An HTTP client on the standard library, light enough for the host's agent."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from l9.errors import NoAnswer

_MOST = 1_000_000


class Answer(msgspec.Struct, frozen=True):
    """A response. Header names are lower case; at most 1 MB of the body is kept."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """A new connection for each request, without redirects and retries."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 5.0,
    ) -> Answer:
        """Send one request. `timeout` is seconds for all of it. Raises NoAnswer with the reason in `found`."""
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = _connect(parts.scheme, parts.hostname or "", parts.port, timeout, headers or {})
        accepted, until = False, time.monotonic() + timeout
        connection.response_class = lambda *args, **more: _InTime(until, *args, **more)  # type: ignore[assignment]
        try:
            connection.connect()
            accepted = True
            connection.request(method, path, body=body, headers={"Connection": "close", **(headers or {})})
            response = connection.getresponse()
            found = {k.lower(): v for k, v in response.getheaders()}
            return Answer(response.status, found, response.read(_MOST))
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            no_answer = NoAnswer(f"{method} {url} got no response", expected="a response", found=reason)
            no_answer.accepted = accepted
            raise no_answer from None
        finally:
            connection.close()


class _InTime(http.client.HTTPResponse):
    """A response that must be complete by `until`; a socket's own timeout is for the next bytes alone."""

    def __init__(self, until: float, sock: socket.socket, *args: object, **more: object) -> None:
        super().__init__(sock, *args, **more)  # type: ignore[arg-type]
        self.fp = io.BufferedReader(_Limited(self.fp.detach(), sock, until))  # type: ignore[arg-type]


class _Limited(io.RawIOBase):
    """Reads from a socket, at most until `until` (monotonic seconds). Raises TimeoutError after that."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, until: float) -> None:
        self._raw, self._sock, self._until = raw, sock, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int | None:  # type: ignore[override]
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class _OwnCaddy(http.client.HTTPSConnection):
    """A connection to this host's own Caddy with the public name, by which Caddy selects a certificate.

    The certificate is not verified on loopback; the check of the public URL verifies it.
    """

    def __init__(self, address: str, port: int | None, name: str, timeout: float) -> None:
        self._unverified = ssl.create_default_context()
        self._unverified.check_hostname = False
        self._unverified.verify_mode = ssl.CERT_NONE
        super().__init__(address, port, timeout=timeout, context=self._unverified)
        self._name = name

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), self.timeout)
        self.sock = self._unverified.wrap_socket(plain, server_hostname=self._name)


def _connect(
    scheme: str, host: str, port: int | None, timeout: float, headers: Mapping[str, str]
) -> http.client.HTTPConnection:
    if scheme != "https":
        return http.client.HTTPConnection(host, port, timeout=timeout)
    if host in _LOOPBACK:
        public = headers.get("Host", host)
        name = public.rpartition(":")[0] if public.rpartition(":")[2].isdigit() else public
        return _OwnCaddy(host, port, name, timeout)
    return http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
