"""Which path tells that the app is well, and what it answers: by its healthcheck, or by the routes in its code."""

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
_BODY = 800  # characters after a route, in which its answer stands


class HealthProposal(msgspec.Struct, frozen=True):
    """`equals` is the answer's `status`; empty where any body will do. `where`: what said so."""

    path: str
    equals: str = ""
    where: str = ""


def find(check: str, dockerfile: str, code: Mapping[str, str]) -> HealthProposal | None:
    """The health endpoint. In: the compose healthcheck's words, the Dockerfile, and the code by path."""
    routes = sorted(_routes(code), key=lambda h: (_rank(h.path), h.where))
    asked = next(_asked(check, dockerfile), None)
    if asked is None:
        return routes[0] if routes else None
    same = [r for r in routes if r.path.rstrip("/") == asked.path.rstrip("/")]
    return msgspec.structs.replace(asked, equals=same[0].equals) if same else asked


def _asked(check: str, dockerfile: str) -> Iterator[HealthProposal]:
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
    """The beginning of a view that a route only names."""
    for text in code.values():
        if found := re.search(rf"^\s*(?:async )?(?:def|class) {re.escape(name)}\b", text, re.MULTILINE):
            return text[found.start() : found.start() + _BODY]
    return ""


def _rank(path: str) -> tuple[int, int, str]:
    bare = path.rstrip("/") or "/"
    return (_BEST.index(bare) if bare in _BEST else len(_BEST), len(path), path)
