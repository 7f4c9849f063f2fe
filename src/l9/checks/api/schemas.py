"""Two schemas of an API, compared by the data that is sent and the data that is accepted.

A request is sent as the old schema says and taken as the new one says; a response is sent as the new one says
and taken as the old one says. What is sent must fit what is taken. Not compared: `not`, `if`, `prefixItems`,
`patternProperties`, discriminators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from operator import gt, lt
from typing import Any, NamedTuple

MOST = 50  # variants of one schema, steps of one chain of references, levels of one schema
_EMPTY: Mapping[str, Any] = {}  # one object: pairs are known by their identity
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_CHOICES = ("anyOf", "oneOf")
_Variants = Sequence[Mapping[str, Any]]


class Direction(StrEnum):
    """The direction of the data, from the client's view."""

    REQUEST = "request"
    RESPONSE = "response"


class Note(NamedTuple):
    """One difference: its property (empty for the whole schema), and a description."""

    where: str
    what: str

    def below(self, name: str) -> Note:
        """The same difference, relative to the schema that contains this one."""
        divider = "" if not self.where or self.where.startswith("[") else "."
        return Note(f"{name}{divider}{self.where}", self.what)


class Difference(NamedTuple):
    """The breaking changes for a client of the old schema, and the additions."""

    breaking: tuple[Note, ...] = ()
    added: tuple[Note, ...] = ()

    def with_(self, other: Difference, name: str = "") -> Difference:
        """Merge two differences; `name` is the property of the other one."""
        breaking, added = (tuple(n.below(name) if name else n for n in notes) for notes in other)
        return Difference((*self.breaking, *breaking), (*self.added, *added))


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one: documents may be malformed."""
    return value if isinstance(value, Mapping) else _EMPTY


def sequence(value: Any) -> Sequence[Any]:
    """The value if it is a JSON array, else an empty one."""
    return value if isinstance(value, list | tuple) else ()


def resolved(document: Mapping[str, Any], node: Any) -> Mapping[str, Any]:
    """The object at the end of a chain of local references; empty if the chain does not end."""
    for _ in range(MOST):
        here = mapping(node)
        if not isinstance(here.get("$ref"), str):
            return here
        found: Any = document
        for part in here["$ref"].removeprefix("#/").split("/"):
            found = mapping(found).get(part.replace("~1", "/").replace("~0", "~"))
        node = found
    return _EMPTY


class Schemas:
    """Compares schemas of two documents. Every pair is compared once, so that schemas may be recursive."""

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self._old = old
        self._new = new
        self._known: dict[tuple[int, int, Direction], Difference] = {}
        self._level = 0

    def compare(self, old: Any, new: Any, direction: Direction) -> Difference:
        """The changes from `old` to `new`, two schemas of their documents, that affect clients."""
        before, after = resolved(self._old, old), resolved(self._new, new)
        key = (id(before), id(after), direction)
        if key not in self._known and self._level < MOST:
            self._known[key] = Difference()  # what comes back to this pair finds nothing more
            olds, news = _variants(self._old, before), _variants(self._new, after)
            sent, taken = (olds, news) if direction is Direction.REQUEST else (news, olds)
            self._level += 1
            self._known[key] = self._every(sent, taken, direction)
            self._level -= 1
        return self._known.get(key, Difference())

    def _every(self, sent: _Variants, taken: _Variants, direction: Direction) -> Difference:
        """Each variant that is sent must match one that is accepted."""
        found = Difference()
        for one in sent:
            tried = [self._fits(one, other, direction) for other in taken]
            fitting = next((each for each in tried if not each.breaking), None)
            alike = [t for t, other in zip(tried, taken, strict=True) if other.get("type") == one.get("type")]
            if fitting is not None:
                found = found.with_(fitting)
            elif len(tried) == 1 or len(alike) == 1:
                found = found.with_((alike or tried)[0])
            else:
                word = "no longer accepts" if direction is Direction.REQUEST else "may now be"
                found = found.with_(Difference((Note("", f"{word} {_name(one)}"),)))
        if direction is Direction.REQUEST and all("type" in one for one in sent):
            known = {one["type"] for one in sent}
            fresh = [other for other in taken if "type" in other and other["type"] not in known]
            if len(fresh) < len(taken):  # else no old type is accepted, which is reported above
                added = tuple(Note("", f"also accepts {_name(other)}") for other in fresh)
                found = found.with_(Difference((), added))
        return found

    def _fits(self, sent: Mapping[str, Any], taken: Mapping[str, Any], direction: Direction) -> Difference:
        old, new = (sent, taken) if direction is Direction.REQUEST else (taken, sent)
        if not _type_fits(sent.get("type"), taken.get("type")):
            return Difference((Note("", f"was {_name(old)}, and is {_name(new)}"),))
        found = _values(sent, taken, direction)
        if direction is Direction.REQUEST:
            found = found.with_(_bounds(sent, taken))
        found = found.with_(self._properties(sent, taken, direction))
        for inner, name in (("items", "[]"), ("additionalProperties", "[*]")):
            if isinstance(old.get(inner), Mapping) and isinstance(new.get(inner), Mapping):
                found = found.with_(self.compare(old[inner], new[inner], direction), name)
        return found

    def _properties(
        self, sent: Mapping[str, Any], taken: Mapping[str, Any], direction: Direction
    ) -> Difference:
        request = direction is Direction.REQUEST
        given, wanted = mapping(sent.get("properties")), mapping(taken.get("properties"))
        breaking, added = [], []
        needed, promised = _required(taken), _required(sent)
        for name in needed - promised:
            if request or name in given:
                breaking.append(Note(name, "is newly required" if request else "may be absent"))
        for name in wanted.keys() - given.keys():
            if not request:
                breaking.append(Note(name, "was removed"))
            elif name not in needed:
                added.append(Note(name, "was added"))
        for name in given.keys() - wanted.keys():
            if not request:
                added.append(Note(name, "was added"))
            elif taken.get("additionalProperties") is False:
                breaking.append(Note(name, "is no longer taken"))
        found = Difference(tuple(sorted(breaking)), tuple(sorted(added)))
        for name in sorted(given.keys() & wanted.keys()):
            pair = (given[name], wanted[name]) if request else (wanted[name], given[name])
            found = found.with_(self.compare(*pair, direction), name)
        return found


def _required(schema: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for name in sequence(schema.get("required")) if isinstance(name, str))


def _variants(document: Mapping[str, Any], node: Mapping[str, Any], seen: tuple[int, ...] = ()) -> _Variants:
    """The alternatives of a schema, each without a choice and of one type or of none."""
    if id(node) in seen:
        return ()
    flat = _flat(document, node)
    base = {k: v for k, v in flat.items() if k not in (*_CHOICES, "nullable")}
    choices = [c for word in _CHOICES for c in sequence(flat.get(word))][:MOST]
    inner = [v for c in choices for v in _variants(document, resolved(document, c), (*seen, id(node)))]
    found: list[Mapping[str, Any]] = []
    for one in [{**base, **v} for v in inner[:MOST]] or [{**base}]:
        types = one.pop("type", None)
        listed = [t for t in (sequence(types) or (types,)) if isinstance(t, str)]
        found += [{**one, "type": t} for t in listed] or [one]
    if flat.get("nullable") is True:  # OpenAPI 3.0's way to say it
        found.append({"type": "null"})
    return found


def _flat(document: Mapping[str, Any], node: Any, seen: tuple[int, ...] = ()) -> Mapping[str, Any]:
    """The schema with its `allOf` merged into it; the first definition of a property wins."""
    node = resolved(document, node)
    merged: dict[str, Any] = {k: v for k, v in node.items() if k != "allOf"}
    if id(node) in seen:
        return merged
    for part in sequence(node.get("allOf"))[:MOST]:
        flat = _flat(document, part, (*seen, id(node)))
        properties = {**mapping(flat.get("properties")), **mapping(merged.get("properties"))}
        required = [*sequence(merged.get("required")), *sequence(flat.get("required"))]
        merged = {**flat, **merged, "properties": properties, "required": required}
    return merged


def _type_fits(sent: Any, taken: Any) -> bool:
    return taken is None or sent == taken or (sent == "integer" and taken == "number")


def _values(sent: Mapping[str, Any], taken: Mapping[str, Any], direction: Direction) -> Difference:
    """Compare enumerations: a value that is no longer accepted breaks; a new one in a response is an addition."""
    given, wanted = _enum(sent), _enum(taken)
    if wanted is None:
        return Difference()
    if given is None:
        if direction is Direction.RESPONSE:
            return Difference((), (Note("", "is no longer one of a list"),))
        return Difference((Note("", f"must now be one of {_listed(wanted)}"),))
    unknown = [value for value in given if value not in wanted]
    if not unknown:
        return Difference()
    if direction is Direction.RESPONSE:
        return Difference((), (Note("", f"may also be {_listed(unknown)}"),))
    return Difference((Note("", f"no longer accepts {_listed(unknown)}"),))


def _enum(schema: Mapping[str, Any]) -> Sequence[Any] | None:
    return [schema["const"]] if "const" in schema else sequence(schema.get("enum")) or None


def _bounds(sent: Mapping[str, Any], taken: Mapping[str, Any]) -> Difference:
    """Compare the limits of a request: narrower ones break."""
    found = []
    for words, narrower in ((_UPPER, lt), (_LOWER, gt)):
        for word in words:
            was, now = sent.get(word), taken.get(word)
            if isinstance(now, int | float) and (not isinstance(was, int | float) or narrower(now, was)):
                found.append(Note("", f"has {word} {now}" + (f", was {was}" if was is not None else "")))
    if taken.get("pattern") and taken.get("pattern") != sent.get("pattern"):
        found.append(Note("", f"must match {taken['pattern']}"))
    return Difference(tuple(found))


def _name(schema: Mapping[str, Any]) -> str:
    return str(schema.get("title") or schema.get("type") or "anything")


def _listed(values: Sequence[Any]) -> str:
    more = f" and {len(values) - 5} more" if len(values) > 5 else ""
    return ", ".join(map(str, values[:5])) + more
