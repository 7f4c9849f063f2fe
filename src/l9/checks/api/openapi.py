"""Two OpenAPI 3 documents compared: the changes that affect a client of the old API (spec 3.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from l9.checks.api.schemas import Difference, Direction, Schemas, mapping, resolved, sequence

Level = Literal["none", "patch", "minor", "major"]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_SUCCESS = re.compile(r"[23]..|default", re.IGNORECASE)
_ABOUT = ("info", "servers", "tags", "externalDocs")  # what no client's code depends on


class ApiChange(msgspec.Struct, frozen=True):
    """The changes of an API. `level` is the part of the version to increase; each line names its operation."""

    level: Level
    breaking: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


def is_document(found: Any) -> bool:
    """True if this is an OpenAPI document of version 3."""
    return str(mapping(found).get("openapi", "")).startswith("3.") and isinstance(
        mapping(found).get("paths", {}), Mapping
    )


def compare(old: Any, new: Any) -> ApiChange:
    """The changes from `old` to `new`, both parsed OpenAPI 3 documents, that affect clients. Raises nothing."""
    before, after = mapping(old), mapping(new)
    comparison = _Comparison(before, after)
    comparison.run()
    breaking, added = (tuple(dict.fromkeys(lines)) for lines in (comparison.breaking, comparison.added))
    if breaking:
        return ApiChange("major", breaking, added)
    if added:
        return ApiChange("minor", breaking, added)
    plain = [{k: v for k, v in document.items() if k not in _ABOUT} for document in (before, after)]
    return ApiChange("none" if plain[0] == plain[1] else "patch")


class _Operation(msgspec.Struct, frozen=True):
    """One method of one path; `parameters` by the keys that clients use."""

    name: str
    raw: Mapping[str, Any]
    parameters: Mapping[tuple[str, str], Mapping[str, Any]]
    security: frozenset[frozenset[str]]


class _Comparison:
    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self._old, self._new = old, new
        self._schemas = Schemas(old, new)
        self.breaking: list[str] = []
        self.added: list[str] = []

    def run(self) -> None:
        before, after = _operations(self._old), _operations(self._new)
        self.breaking += [f"{before[key].name} was removed" for key in before if key not in after]
        self.added += [f"{after[key].name} was added" for key in after if key not in before]
        for key, operation in before.items():
            if key in after:
                self._operation(operation, after[key])

    def _operation(self, old: _Operation, new: _Operation) -> None:
        self._parameters(old, new)
        self._body(old, new)
        self._responses(old, new)
        refused = [o for o in old.security if not any(n <= o for n in new.security)]
        if refused:
            wanted = " or ".join(sorted("+".join(sorted(n)) for n in new.security))
            self.breaking.append(f"{old.name}: now needs {wanted}")

    def _parameters(self, old: _Operation, new: _Operation) -> None:
        for key, one in new.parameters.items():
            what = f"{new.name}: {key[0]} parameter {one.get('name')}"
            before = old.parameters.get(key)
            if one.get("required") is True and mapping(before).get("required") is not True:
                self.breaking.append(f"{what} is newly required")
            elif before is None:
                self.added.append(f"{what} was added")
            if before is not None:
                pair = _schema(self._old, before), _schema(self._new, one)
                self._note(what, "", self._schemas.compare(*pair, Direction.REQUEST))
        for key in old.parameters.keys() - new.parameters.keys():
            self.breaking.append(f"{old.name}: {key[0]} parameter {key[1]} was removed")

    def _body(self, old: _Operation, new: _Operation) -> None:
        before = resolved(self._old, old.raw.get("requestBody"))
        after = resolved(self._new, new.raw.get("requestBody"))
        if after.get("required") is True and before.get("required") is not True:
            self.breaking.append(f"{new.name}: the request body is newly required")
        elif after and not before:
            self.added.append(f"{new.name}: a request body was added")
        if before and not after:
            self.breaking.append(f"{new.name}: the request body was removed")
        elif before:
            self._contents(f"{new.name}: request", before, after, Direction.REQUEST)

    def _responses(self, old: _Operation, new: _Operation) -> None:
        before, after = mapping(old.raw.get("responses")), mapping(new.raw.get("responses"))
        for status, raw in before.items():
            what = f"{old.name}: response {status}"
            if status in after:
                one, other = resolved(self._old, raw), resolved(self._new, after[status])
                self._contents(what, one, other, Direction.RESPONSE)
                for header in mapping(one.get("headers")).keys() - mapping(other.get("headers")).keys():
                    self.breaking.append(f"{what} header {header} was removed")
            elif _SUCCESS.fullmatch(status):
                self.breaking.append(f"{what} was removed")
        fresh = [status for status in after if status not in before and _SUCCESS.fullmatch(status)]
        self.added += [f"{old.name}: response {status} was added" for status in fresh]

    def _contents(
        self, what: str, old: Mapping[str, Any], new: Mapping[str, Any], direction: Direction
    ) -> None:
        """The bodies by media type. A response without a described body may get one."""
        before, after = mapping(old.get("content")), mapping(new.get("content"))
        self.breaking += [f"{what} as {kind} was removed" for kind in before if kind not in after]
        self.added += [f"{what} as {kind} was added" for kind in after if kind not in before]
        for kind in before.keys() & after.keys():
            pair = mapping(before[kind]).get("schema"), mapping(after[kind]).get("schema")
            self._note(what, "body", self._schemas.compare(*pair, direction))

    def _note(self, what: str, whole: str, difference: Difference) -> None:
        def lines(notes: Iterable[tuple[str, str]]) -> list[str]:
            named = ((f"property {where}" if where else whole, text) for where, text in notes)
            return [" ".join(filter(None, (what, *each))) for each in named]

        self.breaking += lines(difference.breaking)
        self.added += lines(difference.added)


def _operations(document: Mapping[str, Any]) -> dict[tuple[str, str], _Operation]:
    """Every operation by method and path; the names of path parameters do not matter to clients."""
    found = {}
    for path, raw in mapping(document.get("paths")).items():
        item = resolved(document, raw)
        for method in _METHODS:
            if isinstance(item.get(method), Mapping):
                key = (method, re.sub(r"{[^{}]*}", "{}", path))
                found[key] = _operation(document, f"{method.upper()} {path}", path, item, item[method])
    return found


def _operation(
    document: Mapping[str, Any], name: str, path: str, item: Mapping[str, Any], raw: Mapping[str, Any]
) -> _Operation:
    positions = re.findall(r"{([^{}]*)}", path)
    # A parameter of the path is needed whether or not it is described.
    parameters: dict[tuple[str, str], Mapping[str, Any]] = {
        ("path", str(number)): {"name": called, "required": True}
        for number, called in enumerate(positions, 1)
    }
    for each in (*sequence(item.get("parameters")), *sequence(raw.get("parameters"))):
        one = resolved(document, each)
        where, called = str(one.get("in")), str(one.get("name"))
        if where == "path":
            called = str(positions.index(called) + 1) if called in positions else called
        elif where == "header":
            called = called.lower()
        parameters[where, called] = one
    alternatives = sequence(raw.get("security", document.get("security"))) or ({},)
    security = frozenset(_credentials(document, mapping(each)) for each in alternatives)
    return _Operation(name, raw, parameters, security)


def _credentials(document: Mapping[str, Any], alternative: Mapping[str, Any]) -> frozenset[str]:
    """The requirements of one alternative: each scheme as clients use it, and each of its scopes."""
    schemes = mapping(mapping(document.get("components")).get("securitySchemes"))
    found = set()
    for name, scopes in alternative.items():
        scheme = resolved(document, schemes.get(name))
        words = (str(scheme[k]) for k in ("type", "scheme", "in", "name") if k in scheme)
        shown = " ".join(words) or name
        found |= {shown, *(f"{shown} scope {scope}" for scope in sequence(scopes))}
    return frozenset(found)


def _schema(document: Mapping[str, Any], parameter: Mapping[str, Any]) -> Any:
    """A parameter's schema, which can also be below its one media type."""
    contents = list(mapping(parameter.get("content")).values())
    return mapping(contents[0]).get("schema") if contents else parameter.get("schema")
