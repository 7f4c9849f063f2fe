"""ORACLE: checks the started release against its contract: health, recorded golden requests, and API."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from l9.checks.api.openapi import is_document
from l9.checks.host.prober import PROBE, Prober
from l9.config.model import Config, Smoke
from l9.drivers.http.client import HttpClient
from l9.errors import ActionError, NoAnswer
from l9.operator.pipeline.sandbox import Served

_EVERY = 0.1  # seconds between two health checks of a starting release


class Contract(msgspec.Struct, frozen=True):
    """The result for the started release. `wrong` is the first violation; None if the contract holds."""

    found: str
    wrong: str | None = None
    openapi: Any = None


def hold_to_contract(config: Config, golden: tuple[Smoke, ...], served: Served) -> Contract:
    """Check the started release: wait for its health, send the golden requests, and fetch its API document."""
    prober, headers = Prober(HttpClient(), served.secret), public_host(config)
    began = time.monotonic()
    if wrong := wait_until_healthy(config, prober, headers, served):
        return Contract("not healthy", wrong)
    found = [f"healthy after {time.monotonic() - began:.1f} s"]
    for one in golden:
        answer = prober.ask(one, served.url, headers)
        if not answer.ok:
            return Contract("", f"{answer.name}: expected {answer.expected}, found {answer.found}")
    if golden:
        found.append(f"{len(golden)} golden request{'s' if len(golden) > 1 else ''} answered")
    return Contract(", ".join(found), None, api_document(config, headers, served))


def wait_until_healthy(
    config: Config, prober: Prober, headers: Mapping[str, str], served: Served
) -> str | None:
    """Wait until the release is healthy; None, or the reason it is not by the deadline."""
    health, until = config.health, time.monotonic() + config.health.deadline
    while True:
        answer = prober.health(health, served.url, headers)
        if answer.ok:
            return None
        if ended := served.ended():
            return f"the release does not start: {ended}"
        if time.monotonic() >= until:
            return f"GET {health.path}: expected {answer.expected} within {health.deadline:g} s, found {answer.found}"
        time.sleep(_EVERY)


def api_document(config: Config, headers: Mapping[str, str], served: Served) -> Any:
    """Fetch the release's API document; None if it serves none."""
    if not config.cgmp.openapi:
        return None
    try:
        reply = HttpClient().request("GET", served.url + config.cgmp.openapi, headers={**PROBE, **headers})
        found = json.loads(reply.body) if reply.status == 200 else None
    except (NoAnswer, ValueError, RecursionError):
        return None
    return found if is_document(found) else None


def public_host(config: Config) -> dict[str, str]:
    """Return the public Host header: some applications answer 400 to any other."""
    host = urlsplit(config.target.public_url).netloc
    return {"Host": host} if host else {}


def recorded(config: Config, text: str | None) -> tuple[Smoke, ...]:
    """Return the golden requests of the settings and of the release's own file. Raises ActionError if malformed."""
    if text is None:
        return config.cgmp.golden
    try:
        return (*config.cgmp.golden, *msgspec.json.decode(text, type=tuple[Smoke, ...]))
    except msgspec.MsgspecError as error:
        raise ActionError(
            f"{config.cgmp.golden_file} cannot be read",
            expected="a JSON array of requests, each with the keys of [[smoke]]",
            found=str(error),
            remedy=f"$EDITOR {config.cgmp.golden_file}",
        ) from None
