"""Asks the public route, as this host reaches it, which release answers.

Every answer of l9's site names its slot, and an answer to a probe names the release as well.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

Question = dict[str, Any]  # url, host (the public name; empty: none), timeout in seconds
Answer = dict[str, Any]  # slot, release, status (None: no answer), found (in one line)

# Seconds in which it may still come right: a busy release and a reload take a moment, and a certificate for another
# name takes longer. An answer from elsewhere is decided sooner.
PATIENCE, CERTIFICATE, ELSEWHERE = 3.0, 30.0, 1.0
_PAUSE = 0.1
_PROBE = {"X-L9-Probe": "1", "User-Agent": "l9", "Connection": "close"}
_NO_UPSTREAM = 502  # Caddy's own answer where nobody listens on the slot's port


def question(route_url: str, public_url: str, path: str, timeout: float) -> Question:
    """Return the question to ask; as `Router.answering` asks it."""
    return {"url": route_url + path, "host": urlsplit(public_url).netloc, "timeout": timeout}


def ask(asked: Question) -> Answer:
    """Ask once. A certificate is not judged: a browser will, and this only asks who answers."""
    parts = urlsplit(asked["url"])
    headers = {**_PROBE, **({"Host": asked["host"]} if asked["host"] else {})}
    connection = _connect(parts.scheme, parts.hostname or "", parts.port, asked)
    try:
        connection.request("GET", parts.path or "/", headers=headers)
        reply = connection.getresponse()
        reply.read(1_000_000)
        slot, release = reply.getheader("X-L9-Slot") or "", reply.getheader("X-L9-Release") or ""
        said = f"status {reply.status} from {slot or 'no slot'} with {release or 'no release'}"
        return {"slot": slot, "release": release, "status": reply.status, "found": said}
    except (OSError, http.client.HTTPException) as error:
        said = f"no answer: {str(error) or type(error).__name__}"
        return {"slot": "", "release": "", "status": None, "found": said}
    finally:
        connection.close()


def live(settings: list[str], wanted: Question) -> dict[str, Any] | None:
    """Return the release that answers, with the question that it answers to; None if there is none.

    Asks at the address in the host's settings (the first of these files that there is), then at the wanted one.
    """
    asked = [old for old in (_of_settings(path, wanted) for path in settings) if old is not None][:1]
    for one in [*asked, *([] if wanted in asked else [wanted])]:
        answer = ask(one)
        if answers(answer):
            return {**answer, "question": one}
    return None


def answers(answer: Answer) -> bool:
    """True if a release is behind the answer, whatever the state of its health."""
    return bool(answer["slot"] and answer["release"]) and answer["status"] != _NO_UPSTREAM


def wrong(before: Answer, asked: Question) -> str | None:
    """Return what is wrong if the release `before` does not answer in time; None if it does."""
    moved = asked["host"] != before["question"]["host"] and asked["url"].startswith("https:")
    began, patience = time.monotonic(), CERTIFICATE if moved else PATIENCE
    while True:
        now = ask(asked)
        same = (now["slot"], now["release"]) == (before["slot"], before["release"])
        # A release that was sick before may stay sick; one that was well has to be well.
        if same and answers(now) and (before["status"] >= 500 or now["status"] < 500):
            return None
        elsewhere = now["status"] is not None and now["status"] < 500
        if time.monotonic() - began >= min(patience, ELSEWHERE if elsewhere else patience):
            return f"{now['found']}, at {asked['url']} for {asked['host'] or 'any name'}"
        time.sleep(_PAUSE)


def _of_settings(path: str, wanted: Question) -> Question | None:
    """Return the question by a host's settings; None if there are none, or another l9 wrote them."""
    try:
        with open(path, encoding="utf-8") as file:
            settings = json.load(file)
        url = settings["route"]["url"] + (urlsplit(wanted["url"]).path or "/")
        return {"url": url, "host": urlsplit(settings["public_url"]).netloc, "timeout": wanted["timeout"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _connect(scheme: str, host: str, port: int | None, asked: Question) -> http.client.HTTPConnection:
    if scheme != "https":
        return http.client.HTTPConnection(host, port, timeout=asked["timeout"])
    name = asked["host"].rpartition("]")[2]
    return _Unverified(host, port, name.partition(":")[0] or host, asked["timeout"])


class _Unverified(http.client.HTTPSConnection):
    """A connection with a public name, by which Caddy selects the certificate."""

    def __init__(self, host: str, port: int | None, name: str, timeout: float) -> None:
        self._tls = ssl.create_default_context()
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE
        super().__init__(host, port, timeout=timeout, context=self._tls)
        self._name = name

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self._name)
