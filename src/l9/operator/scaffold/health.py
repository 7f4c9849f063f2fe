"""Finds the health endpoint and its answer, from the healthcheck or from the routes in the code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

_NAMES = r"(?:health|healthz|health[-_]?check|up|livez?|readyz?|alive|ping|status|_health|liveness|readiness)"
_PATH = rf"\^?/?(?:[\w-]+/){{0,2}}{_NAMES}(?:/(?:live|ready|check))?/?\$?"
_ROUTE = re.compile(
    rf"(?P<call>\.(?:get|route|all|use|head|api_route|add_api_route|add_url_rule|HandleFunc)|\bpath|\bre_path|\burl"
    rf"|^[ \t]*get)[ \t]*\(?\s*r?[\"'](?P<path>{_PATH})[\"'](?:\s*,\s*(?P<view>[\w.]+))?",
    re.MULTILINE,
)
_PREFIX = re.compile(r"(?:APIRouter|Blueprint)\([^)]*?(?:url_)?prefix\s*=\s*[\"'](/[\w/-]+)[\"']")
_STATUS = re.compile(r"[\"']?\bstatus[\"']?\s*[:=]\s*[\"'](\w+)[\"']")
_URL = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::[\w${}:-]+)?(/[\w./-]*)?")
_HEALTHCHECK = re.compile(r"^\s*HEALTHCHECK\b(?:[^\n\\]|\\\n|\\.)*", re.MULTILINE)
_BEST = ("/health", "/healthz", "/up", "/api/health")
_BODY = 800  # characters after a route that are searched for its answer


class HealthProposal(msgspec.Struct, frozen=True):
    """A health endpoint. `equals` is the answer's `status`, empty if any body is accepted; `where` is its source."""

    path: str
    equals: str = ""
    where: str = ""


def find(check: str, dockerfile: str, code: Mapping[str, str]) -> HealthProposal | None:
    """Find the health endpoint in the compose healthcheck's words, the Dockerfile, or the code by path."""
    routes = sorted(_routes(code), key=lambda h: (_rank(h.path), h.where))
    checked = next(_checked(check, dockerfile), None)
    if checked is None:
        return routes[0] if routes else None
    same = [r for r in routes if r.path.rstrip("/") == checked.path.rstrip("/")]
    return msgspec.structs.replace(checked, equals=same[0].equals) if same else checked


def _checked(check: str, dockerfile: str) -> Iterator[HealthProposal]:
    for where, text in (
        ("the healthcheck", check),
        ("HEALTHCHECK", " ".join(_HEALTHCHECK.findall(dockerfile))),
    ):
        if found := _URL.search(text):
            yield HealthProposal(found[1] or "/", where=where)


def _routes(code: Mapping[str, str]) -> Iterator[HealthProposal]:
    for path, text in code.items():
        prefix = _PREFIX.search(text)
        for found in _ROUTE.finditer(text):
            django = found["call"] in ("path", "re_path", "url")
            route = "/" + found["path"].strip("^$").lstrip("/")
            if prefix and not django:
                route = prefix[1] + route
            body = text[found.end() : found.end() + _BODY]
            if django and found["view"]:
                body = _view(found["view"].rpartition(".")[2], code)
            status = _STATUS.search(body)
            line = text.count("\n", 0, found.start()) + 1
            yield HealthProposal(route, status[1] if status else "", f"{path}:{line}")


def _view(name: str, code: Mapping[str, str]) -> str:
    """Return the beginning of the view function or class with that name."""
    for text in code.values():
        if found := re.search(rf"^\s*(?:async )?(?:def|class) {re.escape(name)}\b", text, re.MULTILINE):
            return text[found.start() : found.start() + _BODY]
    return ""


def _rank(path: str) -> tuple[int, int, str]:
    bare = path.rstrip("/") or "/"
    return (_BEST.index(bare) if bare in _BEST else len(_BEST), len(path), path)
