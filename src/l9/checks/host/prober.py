"""Health and smoke requests to a release over HTTP. Secrets go into requests only."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from l9.checks.host.facts import SmokeResult
from l9.checks.host.health import HealthRule, expected_fields, judge_answer
from l9.config.model import Health, Smoke
from l9.core.ports import Http
from l9.errors import L9Error, NoAnswer

PROBE = {"X-L9-Probe": "1", "User-Agent": "l9"}


class Prober:
    """Sends requests to one application. `secret` returns the value of a key of its environment, or None."""

    def __init__(self, http: Http, secret: Callable[[str], str | None]) -> None:
        self._http = http
        self._secret = secret

    def health(self, health: Health, base: str, headers: Mapping[str, str]) -> SmokeResult:
        """Send one request to the health endpoint below `base`."""
        rule = HealthRule(status=health.status, field=health.field or None, equals=health.equals or None)
        try:
            reply = self._http.request(
                "GET", base + health.path, headers={**PROBE, **headers}, timeout=health.timeout
            )
        except NoAnswer as error:
            return SmokeResult(f"GET {health.path}", "healthy", error.found, False)
        judged = judge_answer(rule, reply.status, reply.headers.get("content-type", ""), reply.body)
        return SmokeResult(f"GET {health.path}", judged.expected, judged.found, judged.ok)

    def ask(self, smoke: Smoke, base: str, headers: Mapping[str, str]) -> SmokeResult:
        """Send one smoke or golden request below `base`, and compare its answer with the expected one."""
        name = smoke.name or f"{smoke.method} {smoke.path}"
        expected = f"status {' or '.join(map(str, smoke.status))}"
        try:
            own = {k: self._filled(v) for k, v in smoke.headers.items()}
            body = None if smoke.json is None else json.dumps(self._filled_json(smoke.json)).encode()
            if body is not None:
                own = {"Content-Type": "application/json", **own}
            reply = self._http.request(
                smoke.method,
                base + smoke.path,
                headers={**PROBE, **headers, **own},
                body=body,
                timeout=smoke.timeout,
            )
        except L9Error as error:
            return SmokeResult(name, expected, error.found or error.message, False)
        if reply.status not in smoke.status:
            text = reply.body[:200].decode(errors="replace")
            return SmokeResult(name, expected, f"status {reply.status}: {text}", False)
        if smoke.fields:
            try:
                document = json.loads(reply.body)
            except ValueError:
                return SmokeResult(name, "a JSON answer", "not valid JSON", False)
            for wrong in expected_fields(document, smoke.fields)[:1]:
                return SmokeResult(name, wrong.expected, wrong.found, False)
        return SmokeResult(name, expected, f"status {reply.status}", True)

    def _filled(self, text: str) -> str:
        """Replace `{env:KEY}` by the value in the application's environment; the value goes nowhere else."""
        head, mark, rest = text.partition("{env:")
        if not mark:
            return text
        key, _, tail = rest.partition("}")
        value = self._secret(key)
        if value is None:
            raise NoAnswer(
                "a smoke request needs a secret", expected=f"{key} in the env file", found=f"no {key}"
            )
        return head + value + self._filled(tail)

    def _filled_json(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._filled(value)
        if isinstance(value, dict):
            return {k: self._filled_json(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self._filled_json(v) for v in value]
        return value
