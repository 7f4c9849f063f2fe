"""Test cases for the changes that a client of an API notices, each with its message."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l9.checks.api.openapi import ApiChange, compare, is_document

Json = dict[str, Any]
TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
WHOLE: Json = {"type": "integer"}
NULL: Json = {"type": "null"}
BEARER: Json = {"components": {"securitySchemes": {"B": {"type": "http", "scheme": "bearer"}}}}


def api(paths: Json | None = None, **more: Any) -> Json:
    return {"openapi": "3.1.0", "info": {"title": "a", "version": "1"}, "paths": paths or {}, **more}


def operation(**more: Any) -> Json:
    """An API with GET /a alone."""
    rest = {k: more.pop(k) for k in ("components", "security_everywhere") if k in more}
    if "security_everywhere" in rest:
        rest["security"] = rest.pop("security_everywhere")
    return api({"/a": {"get": {"responses": {"200": {"description": "ok"}}, **more}}}, **rest)


def query(**parameter: Any) -> Json:
    return operation(parameters=[{"name": "q", "in": "query", **parameter}])


def content(schema: Any, kind: str = "application/json") -> Json:
    return {"content": {kind: {"schema": schema}}}


def asked(schema: Any, components: Json | None = None, **body: Any) -> Json:
    """An API whose request body has this schema."""
    schemas = {"components": {"schemas": components}} if components else {}
    return operation(requestBody={**content(schema), **body}, **schemas)


def answered(schema: Any, components: Json | None = None) -> Json:
    """An API whose answer has this schema."""
    schemas = {"components": {"schemas": components}} if components else {}
    return operation(responses={"200": content(schema)}, **schemas)


def thing(required: tuple[str, ...] = (), **properties: Any) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


def enum(*values: Any) -> Json:
    return {"enum": list(values)}


def any_of(*schemas: Any) -> Json:
    return {"anyOf": list(schemas)}


class Case(NamedTuple):
    name: str
    old: Json
    new: Json
    said: str


A = "GET /a: "
BREAKING = (
    # operations
    Case("path gone", operation(), api(), "GET /a was removed"),
    Case("method gone", api({"/a": {"get": {}, "post": {}}}), api({"/a": {"get": {}}}), "POST /a was removed"),
    # parameters
    Case("parameter gone", query(), operation(), A + "query parameter q was removed"),
    Case("parameter newly there and required", operation(), query(required=True),
         A + "query parameter q is newly required"),
    Case("parameter becomes required", query(), query(required=True), A + "query parameter q is newly required"),
    Case("parameter's type", query(schema=TEXT), query(schema=WHOLE),
         A + "query parameter q was string, and is integer"),
    Case("parameter's type narrower", query(schema=NUMBER), query(schema=WHOLE),
         A + "query parameter q was number, and is integer"),
    Case("parameter's type below its media type", query(content={"a/b": {"schema": TEXT}}),
         query(content={"a/b": {"schema": NULL}}), A + "query parameter q was string, and is null"),
    Case("parameter's values", query(schema=enum("a", "b")), query(schema=enum("a")),
         A + "query parameter q no longer accepts b"),
    Case("parameter's many values", query(schema=enum(*range(9))), query(schema=enum(8)),
         A + "query parameter q no longer accepts 0, 1, 2, 3, 4 and 3 more"),
    Case("parameter's values limited", query(schema=TEXT), query(schema={**TEXT, "const": "a"}),
         A + "query parameter q must now be one of a"),
    Case("upper limit", query(schema={**WHOLE, "maximum": 9}), query(schema={**WHOLE, "maximum": 8}),
         A + "query parameter q has maximum 8, was 9"),
    Case("new upper limit", query(schema=TEXT), query(schema={**TEXT, "maxLength": 8}),
         A + "query parameter q has maxLength 8"),
    Case("lower limit", query(schema={**TEXT, "minLength": 1}), query(schema={**TEXT, "minLength": 2}),
         A + "query parameter q has minLength 2, was 1"),
    Case("pattern", query(schema=TEXT), query(schema={**TEXT, "pattern": "^a$"}),
         A + "query parameter q must match ^a$"),
    Case("parameter of the whole path", api({"/a": {"get": {}}}),
         api({"/a": {"get": {}, "parameters": [{"name": "x", "in": "cookie", "required": True}]}}),
         A + "cookie parameter x is newly required"),
    Case("type of a parameter in the path", api({"/a/{b}": {"get": {"parameters": [
        {"name": "b", "in": "path", "required": True, "schema": TEXT}]}}}),
        api({"/a/{c}": {"get": {"parameters": [
            {"name": "c", "in": "path", "required": True, "schema": WHOLE}]}}}),
        "GET /a/{c}: path parameter c was string, and is integer"),
    # request bodies
    Case("body newly required", operation(), asked(TEXT, required=True), A + "the request body is newly required"),
    Case("body becomes required", asked(TEXT), asked(TEXT, required=True),
         A + "the request body is newly required"),
    Case("body gone", asked(TEXT), operation(), A + "the request body was removed"),
    Case("media type gone", operation(requestBody=content(TEXT, "text/plain")),
         operation(requestBody=content(TEXT, "text/csv")), A + "request as text/plain was removed"),
    Case("property newly required", asked(thing(a=TEXT)), asked(thing(("a",), a=TEXT)),
         A + "request property a is newly required"),
    Case("new property, required", asked(thing(a=TEXT)), asked(thing(("b",), a=TEXT, b=TEXT)),
         A + "request property b is newly required"),
    Case("property no longer taken", asked(thing(a=TEXT, b=TEXT)),
         asked({**thing(a=TEXT), "additionalProperties": False}), A + "request property b is no longer taken"),
    Case("property of a property", asked(thing(a=thing(b=TEXT))), asked(thing(a=thing(b=WHOLE))),
         A + "request property a.b was string, and is integer"),
    Case("property of an item", asked(thing(a={"type": "array", "items": thing(b=TEXT)})),
         asked(thing(a={"type": "array", "items": thing(b=WHOLE)})),
         A + "request property a[].b was string, and is integer"),
    Case("values of a map", asked({"type": "object", "additionalProperties": TEXT}),
         asked({"type": "object", "additionalProperties": WHOLE}),
         A + "request property [*] was string, and is integer"),
    Case("anything before", asked({}), asked(TEXT), A + "request body was anything, and is string"),
    Case("null no longer taken", asked(any_of(TEXT, NULL)), asked(TEXT),
         A + "request body was null, and is string"),
    Case("one of many no longer taken", asked(any_of(TEXT, WHOLE, NULL)), asked(any_of(TEXT, NULL)),
         A + "request body no longer accepts integer"),
    Case("the alternative of that type", asked(any_of(thing(a=TEXT), NULL)),
         asked(any_of(thing(("a",), a=TEXT), NULL)), A + "request property a is newly required"),
    Case("allOf", asked({"allOf": [thing(a=TEXT), thing(b=TEXT)]}),
         asked({"allOf": [thing(a=TEXT), thing(("b",), b=TEXT)]}), A + "request property b is newly required"),
    # answers
    Case("status gone", operation(), operation(responses={}), A + "response 200 was removed"),
    Case("media type of an answer gone", operation(responses={"200": content(TEXT, "a/b")}), operation(),
         A + "response 200 as a/b was removed"),
    Case("header gone", operation(responses={"200": {"headers": {"X": {}}}}), operation(),
         A + "response 200 header X was removed"),
    Case("property gone", answered(thing(a=TEXT, b=TEXT)), answered(thing(a=TEXT)),
         A + "response 200 property b was removed"),
    Case("property may be absent", answered(thing(("a",), a=TEXT)), answered(thing(a=TEXT)),
         A + "response 200 property a may be absent"),
    Case("type of an answer", answered(TEXT), answered(WHOLE), A + "response 200 body was string, and is integer"),
    Case("wider type of an answer", answered(WHOLE), answered(NUMBER),
         A + "response 200 body was integer, and is number"),
    Case("an answer that may be null", answered(thing(a=TEXT)), answered(thing(a={**TEXT, "nullable": True})),
         A + "response 200 property a was string, and is null"),
    Case("an answer that may be null, by a list of types", answered(TEXT),
         answered({"type": ["string", "null"]}), A + "response 200 body was string, and is null"),
    Case("an answer of another kind", answered(any_of(TEXT, NULL)), answered(any_of(TEXT, NULL, WHOLE)),
         A + "response 200 body may now be integer"),
    Case("a named alternative", answered(any_of(TEXT, NULL)),
         answered(any_of(TEXT, {"title": "Error", **thing()})), A + "response 200 body may now be Error"),
    Case("property of a status that is an error", operation(responses={"404": content(thing(a=TEXT))}),
         operation(responses={"404": content(thing())}), A + "response 404 property a was removed"),
    # references
    Case("behind a reference", answered({"$ref": "#/components/schemas/P"}, {"P": thing(a=TEXT)}),
         answered({"$ref": "#/components/schemas/P"}, {"P": thing()}), A + "response 200 property a was removed"),
    Case("in a schema that holds itself",
         answered({"$ref": "#/components/schemas/P"}, {"P": thing(a=TEXT, p={"$ref": "#/components/schemas/P"})}),
         answered({"$ref": "#/components/schemas/P"}, {"P": thing(p={"$ref": "#/components/schemas/P"})}),
         A + "response 200 property a was removed"),
    Case("escaped names", answered({"$ref": "#/components/schemas/a~1b~0"}, {"a/b~": thing(a=TEXT)}),
         answered(thing()), A + "response 200 property a was removed"),
    Case("a shared parameter", operation(parameters=[{"$ref": "#/components/parameters/p"}],
                                         components={"parameters": {"p": {"name": "p", "in": "query"}}}),
         operation(), A + "query parameter p was removed"),
    # security
    Case("security added", operation(), operation(security=[{"B": []}], **BEARER), A + "now needs http bearer"),
    Case("security added everywhere", operation(), operation(security_everywhere=[{"B": []}], **BEARER),
         A + "now needs http bearer"),
    Case("another scope", operation(security=[{"B": ["read"]}], **BEARER),
         operation(security=[{"B": ["read", "write"]}], **BEARER),
         A + "now needs http bearer+http bearer scope read+http bearer scope write"),
    Case("one alternative less", operation(security=[{"B": []}, {"K": []}], **BEARER),
         operation(security=[{"B": []}], **BEARER), A + "now needs http bearer"),
    Case("no anonymous use any more", operation(security=[{}, {"B": []}], **BEARER),
         operation(security=[{"B": []}], **BEARER), A + "now needs http bearer"),
)  # fmt: skip
ADDED = (
    Case("new path", api(), operation(), "GET /a was added"),
    Case("new method", operation(), api({"/a": {**operation()["paths"]["/a"], "put": {}}}), "PUT /a was added"),
    Case("new parameter", operation(), query(), A + "query parameter q was added"),
    Case("new header", operation(), operation(parameters=[{"name": "X-A", "in": "header"}]),
         A + "header parameter X-A was added"),
    Case("new body", operation(), asked(TEXT), A + "a request body was added"),
    Case("new property", asked(thing()), asked(thing(a=TEXT)), A + "request property a was added"),
    Case("new property of an answer", answered(thing()), answered(thing(("a",), a=TEXT)),
         A + "response 200 property a was added"),
    Case("new media type", asked(TEXT), operation(requestBody={"content": {
        "application/json": {"schema": TEXT}, "a/b": {}}}), A + "request as a/b was added"),
    Case("new status", operation(), operation(responses={"200": {}, "201": {}}), A + "response 201 was added"),
    Case("a described body", operation(), answered(TEXT), A + "response 200 as application/json was added"),
    Case("another type is taken", asked(TEXT), asked(any_of(TEXT, WHOLE)), A + "request body also accepts integer"),
    Case("another value in an answer", answered(enum("a")), answered(enum("a", "b")),
         A + "response 200 body may also be b"),
    Case("any value in an answer", answered(enum("a")), answered({}),
         A + "response 200 body is no longer one of a list"),
)  # fmt: skip
SELF = {"P": thing(p={"$ref": "#/components/schemas/P"})}
LESS = (
    Case("nothing", query(schema=TEXT), query(schema=TEXT), "none"),
    Case("another version of the same", api(), {**api(), "info": {"version": "2"}, "servers": []}, "none"),
    Case("a description", operation(), operation(description="more"), "patch"),
    Case("the name of a parameter in the path", api({"/a/{b}": {"get": {}}}), api({"/a/{c}": {"get": {}}}), "patch"),
    Case("a parameter in the path is described", api({"/a/{b}": {"get": {}}}),
         api({"/a/{b}": {"get": {"parameters": [
             {"name": "b", "in": "path", "required": True}, {"name": "x", "in": "path", "required": False}][:1]}}}),
         "patch"),
    Case("case of a header", operation(parameters=[{"name": "X-A", "in": "header"}]),
         operation(parameters=[{"name": "x-a", "in": "header"}]), "patch"),
    Case("an error less", operation(responses={"200": {}, "422": {}}), operation(), "patch"),
    Case("an error more", operation(), operation(responses={"200": {}, "422": {}}), "patch"),
    Case("wider type", asked(WHOLE), asked(NUMBER), "patch"),
    Case("narrower type of an answer", answered(NUMBER), answered(WHOLE), "patch"),
    Case("more values", asked(enum("a")), asked(enum("a", "b")), "patch"),
    Case("fewer values in an answer", answered(enum("a", "b")), answered(enum("a")), "patch"),
    Case("wider limits", asked({**TEXT, "maxLength": 8, "minLength": 2, "pattern": "a"}),
         asked({**TEXT, "maxLength": 9, "minLength": 1}), "patch"),
    Case("limits of an answer", answered({**TEXT, "maxLength": 9}), answered({**TEXT, "maxLength": 8}), "patch"),
    Case("no longer required", asked(thing(("a",), a=TEXT)), asked(thing(a=TEXT)), "patch"),
    Case("body no longer required", asked(TEXT, required=True), asked(TEXT), "patch"),
    Case("a property that is not looked at any more", asked(thing(a=TEXT)), asked(thing()), "patch"),
    Case("a property that nothing describes", answered(thing(("a",))), answered(thing()), "patch"),
    Case("an answer is never null any more", answered(any_of(TEXT, NULL)), answered(TEXT), "patch"),
    Case("a schema that is held itself and unchanged", answered({"$ref": "#/components/schemas/P"}, SELF),
         answered({"$ref": "#/components/schemas/P"}, {**SELF, "Q": TEXT}), "patch"),
    Case("a reference in place of what it names", answered(thing(p=TEXT)),
         answered({"$ref": "#/components/schemas/P"}, {"P": thing(p=TEXT)}), "patch"),
    Case("security that was removed", operation(security=[{"B": []}], **BEARER), operation(**BEARER), "patch"),
    Case("another name of the same security", operation(security=[{"B": []}], **BEARER),
         operation(security=[{"C": []}],
                   components={"securitySchemes": {"C": {"type": "http", "scheme": "bearer"}}}), "patch"),
    Case("one alternative more", operation(security=[{"B": []}], **BEARER),
         operation(security=[{"B": []}, {"K": []}], **BEARER), "patch"),
)  # fmt: skip


def ids(cases: tuple[Case, ...]) -> list[str]:
    return [case.name for case in cases]


@pytest.mark.parametrize("case", BREAKING, ids=ids(BREAKING))
def test_what_breaks_a_client(case: Case) -> None:
    found = compare(case.old, case.new)
    assert (found.level, found.breaking) == ("major", (case.said,))


@pytest.mark.parametrize("case", ADDED, ids=ids(ADDED))
def test_what_is_new_to_a_client(case: Case) -> None:
    assert compare(case.old, case.new) == ApiChange("minor", (), (case.said,))


@pytest.mark.parametrize("case", LESS, ids=ids(LESS))
def test_what_a_client_never_notices(case: Case) -> None:
    assert compare(case.old, case.new) == ApiChange(case.said)  # type: ignore[arg-type]  # a level by its name


def test_both_are_told_and_the_worse_one_counts() -> None:
    found = compare(api({"/a": {"get": {}}}), api({"/b": {"get": {}}}))
    assert found == ApiChange("major", ("GET /a was removed",), ("GET /b was added",))


def test_nothing_of_what_was_sent_is_taken() -> None:
    """That another type is taken in its place is no addition."""
    assert compare(asked(any_of(TEXT, NULL)), asked(any_of(WHOLE, NUMBER))).added == ()


@pytest.mark.parametrize("case", [*BREAKING, *ADDED, *LESS], ids=ids((*BREAKING, *ADDED, *LESS)))
def test_a_document_does_not_differ_from_itself(case: Case) -> None:
    for document in (case.old, case.new):
        assert compare(document, copy.deepcopy(document)) == ApiChange("none")


LOOPS: Json = {
    "A": {"$ref": "#/components/schemas/A"},
    "B": {"allOf": [{"$ref": "#/components/schemas/B"}, thing(b=TEXT)]},
    "C": any_of({"$ref": "#/components/schemas/C"}, TEXT),
    "D": any_of({"$ref": "#/components/schemas/D"}),
    "E": {"$ref": "https://example.com/elsewhere.json"},
    "F": {"type": ["array", 1], "items": {"$ref": "#/components/schemas/F"}},
}


@pytest.mark.parametrize("one", sorted(LOOPS))
@pytest.mark.parametrize("other", sorted(LOOPS))
def test_a_schema_without_an_end_ends(one: str, other: str) -> None:
    old, new = (answered({"$ref": f"#/components/schemas/{name}"}, LOOPS) for name in (one, other))
    assert compare(old, new).level in ("none", "patch", "minor", "major")


def test_schemas_that_never_come_back_to_the_same_pair_end_too() -> None:
    old, new = TEXT, WHOLE
    for _ in range(200):
        old, new = thing(a=old), thing(a=new)
    assert compare(answered(old), answered(new)).level == "patch"  # too deep for anybody to look


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ("paths", "/a", "get", "parameters", "in", "name", "schema", "type", "anyOf", "allOf", "properties",
             "required", "requestBody", "content", "a/b", "responses", "200", "$ref", "items", "enum", "security")
        ),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=50)
@given(JUNK, JUNK)
def test_what_is_no_document_breaks_nothing_here(old: Any, new: Any) -> None:
    compare(old, new)
    for one, other in (
        (asked(old), asked(new)),
        (answered(old), answered(new)),
        (query(schema=old), query()),
    ):
        compare(one, other)
        compare(api({"/a": {"get": old}}), api({"/a": {"get": new}}))


@pytest.mark.parametrize(
    ("found", "is_one"),
    [({"openapi": "3.0.3"}, True), (api(), True), ({"swagger": "2.0"}, False), ({"openapi": "2.0"}, False),
     (None, False), ("3.1.0", False), ({"openapi": "3.1.0", "paths": []}, False)],
)  # fmt: skip
def test_what_a_document_is(found: Any, is_one: bool) -> None:
    assert is_document(found) is is_one
