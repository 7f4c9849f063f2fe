"""Test cases for finding our handler in a foreign Caddy, the one change to it, and reading the admin API."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from l9.core.states import Slot
from l9.drivers.caddy.admin_config import (
    NotOurs,
    handler_path,
    live_slot,
    open_requests,
    parse_reply,
    saved,
    slot_of,
    switched,
)

BLUE, GREEN = Slot.BLUE, Slot.GREEN
PORTS = {BLUE: 8000, GREEN: 8001}


def proxy(*dials: str, **more: Any) -> dict[str, Any]:
    return {"handler": "reverse_proxy", "upstreams": [{"dial": d} for d in dials], **more}


def config(*handlers: dict[str, Any]) -> dict[str, Any]:
    inner = {"handler": "subroute", "routes": [{"handle": [h]} for h in handlers]}
    servers = {"srv0": {"routes": [{"handle": [{"handler": "static_response"}]}, {"handle": [inner]}]}}
    return {"admin": {}, "apps": {"http": {"servers": servers}}}


@pytest.mark.parametrize(
    ("address", "slot"),
    [
        ("127.0.0.1:8000", BLUE),
        ("localhost:8001", GREEN),
        (":8001", GREEN),
        ("[::1]:8000", BLUE),
        ("[::ffff:127.0.0.1]:8001", GREEN),
        ("tcp/127.0.0.1:8000", BLUE),
        ("127.0.1.1:8000", BLUE),
        ("127.0.0.1:80001", None),
        ("127.0.0.1:8002", None),
        ("10.0.0.1:8000", None),
        ("example.org:8000", None),
        ("unix//run/8000", None),
        ("{env.HOST}:8000", None),
        ("", None),
    ],
)
def test_a_slot_is_known_by_its_address_on_loopback(address: str, slot: Slot | None) -> None:
    assert slot_of(address, PORTS) is slot


def test_the_handler_is_found_below_subroutes() -> None:
    found = handler_path(config(proxy("10.0.0.1:8000"), proxy("127.0.0.1:8001")), PORTS)
    assert found == "/config/apps/http/servers/srv0/routes/1/handle/0/routes/1/handle/0"


def test_several_handlers_are_one_too_many() -> None:
    with pytest.raises(NotOurs, match="several Caddy handlers") as raised:
        handler_path(config(proxy("127.0.0.1:8001"), proxy("localhost:8000")), PORTS)
    assert "routes/0/handle/0, /config" in raised.value.found
    assert "route.id" in raised.value.expected


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"apps": {"tls": {}}},
        {"apps": {"http": {"servers": {}}}},
        config(proxy("10.0.0.1:8000")),
        config({"handler": "reverse_proxy", "upstreams": ["127.0.0.1:8000"]}),
        config({"handler": "reverse_proxy"}),
    ],
)
def test_no_handler_is_none(document: Any) -> None:
    with pytest.raises(NotOurs, match="no Caddy handler") as raised:
        handler_path(document, PORTS)
    assert raised.value.found == "no such handler"


def test_a_handler_is_live_at_its_only_upstream() -> None:
    assert live_slot(proxy("127.0.0.1:8001"), PORTS) is GREEN


@pytest.mark.parametrize(
    ("handler", "found"),
    [
        (None, "something else"),
        ({"handler": "file_server"}, "something else"),
        (proxy("127.0.0.1:8000", dynamic_upstreams={"source": "srv"}), "dynamic_upstreams"),
        (proxy("127.0.0.1:8000", "127.0.0.1:8001"), "127.0.0.1:8000, 127.0.0.1:8001"),
        (proxy("127.0.0.1:9000"), "127.0.0.1:9000"),
        (proxy(), "no upstream"),
    ],
)
def test_a_handler_for_anything_else_is_refused(handler: Any, found: str) -> None:
    with pytest.raises(NotOurs, match="all traffic to one slot") as raised:
        live_slot(handler, PORTS)
    assert found in raised.value.found


def test_a_switch_changes_the_port_and_two_headers_alone() -> None:
    before = proxy("localhost:8000", transport={"protocol": "http"})
    before["@id"] = "app"
    before["upstreams"][0]["max_requests"] = 7
    before["headers"] = {
        "request": {"set": {"Host": ["x"]}},
        "response": {"delete": ["Server"], "set": {"x-l9-slot": ["old"], "X-Own": ["1"]}},
    }
    untouched = copy.deepcopy(before)
    after = switched(before, GREEN, "v1.0.0-l9", PORTS)
    assert before == untouched
    assert after == {
        "@id": "app",
        "handler": "reverse_proxy",
        "transport": {"protocol": "http"},
        "upstreams": [{"dial": "localhost:8001", "max_requests": 7}],
        "headers": {
            "request": {"set": {"Host": ["x"]}},
            "response": {
                "delete": ["Server"],
                "set": {"X-Own": ["1"], "X-L9-Slot": ["green"], "X-L9-Release": ["v1.0.0-l9"]},
            },
        },
    }
    assert switched(after, GREEN, "v1.0.0-l9", PORTS) == after


def test_a_release_that_nobody_named_is_not_named() -> None:
    before = switched(proxy("127.0.0.1:8000"), GREEN, "v1.0.0-l9", PORTS)
    assert switched(before, BLUE, None, PORTS)["headers"] == {"response": {"set": {"X-L9-Slot": ["blue"]}}}


@pytest.mark.parametrize(
    ("listed", "count"),
    [
        ([{"address": "127.0.0.1:8000", "num_requests": 3}, {"address": "127.0.0.1:8001"}], 3),
        ([{"address": "127.0.0.1:8000", "num_requests": 3}, {"address": ":8000", "num_requests": 1}], 4),
        ([{"address": "127.0.0.1:9000", "num_requests": 3}], None),
        (None, None),
    ],
)
def test_open_requests_of_what_is_listed(listed: Any, count: int | None) -> None:
    assert open_requests(listed, BLUE, PORTS) == count


# ── the Caddyfile ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("reverse_proxy 127.0.0.1:8000", "reverse_proxy 127.0.0.1:8001"),
        ("\treverse_proxy /api/* localhost:8000 {", "\treverse_proxy /api/* localhost:8001 {"),
        ("reverse_proxy http://127.0.0.1:8000 # :8001", "reverse_proxy http://127.0.0.1:8001 # :8001"),
        ('reverse_proxy "[::1]:8000"', 'reverse_proxy "[::1]:8001"'),
        ("reverse_proxy /a#b :8000", "reverse_proxy /a#b :8001"),
        ("reverse_proxy :8001", "reverse_proxy :8001"),
    ],
)
def test_the_port_is_saved_in_place(line: str, after: str) -> None:
    around = "example.org {{\r\n{}\r\n}}\nrespond 127.0.0.1:8000\n\x0b"
    assert saved(around.format(line), GREEN, PORTS) == around.format(after)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# reverse_proxy 127.0.0.1:8000",
        "reverse_proxy # 127.0.0.1:8000",
        "reverse_proxy 127.0.0.1:8000 127.0.0.1:8001",
        "reverse_proxy 127.0.0.1:8000 127.0.0.1:8000",
        "reverse_proxy 10.0.0.1:8000",
        "reverse_proxy 127.0.0.1:80000",
        "reverse_proxy /x127.0.0.1:8000",
        "reverse_proxy {$UPSTREAM}",
        "reverse_proxyish 127.0.0.1:8000",
        "to 127.0.0.1:8000",
        "reverse_proxy 127.0.0.1:8000\nreverse_proxy /b 127.0.0.1:8000",
    ],
)
def test_a_line_that_may_be_anothers_is_left(text: str) -> None:
    assert saved(text, GREEN, PORTS) is None


# ── answers of the admin API ─────────────────────────────────────────────────────────────────────


def test_an_etag_in_the_headers() -> None:
    raw = b'HTTP/1.1 200 OK\r\nEtag: "/config/ 1f"\r\nContent-Length: 2\r\n\r\n{}'
    reply = parse_reply(raw)
    assert (reply.status, reply.etag, reply.body) == (200, '"/config/ 1f"', b"{}")


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTrailer: ETag\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'3;x=y\r\n{"a\r\nc\r\n":"\r\n\r\n0\r\n"}\r\n0\r\nEtag: "/config/ 1f"\r\n\r\n'
)


def test_an_etag_in_the_trailers() -> None:
    reply = parse_reply(CHUNKED)
    assert (reply.etag, reply.body) == ('"/config/ 1f"', b'{"a":"\r\n\r\n0\r\n"}')


def test_no_etag_and_no_length() -> None:
    assert parse_reply(b"HTTP/1.1 404 Not Found\r\n\r\ngone").etag == ""
    assert parse_reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").body == b""


@pytest.mark.parametrize("length", range(1, len(CHUNKED)))
def test_an_answer_cut_off_anywhere_is_none(length: int) -> None:
    with pytest.raises(ValueError):
        parse_reply(CHUNKED[:length])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"SSH 2 0\r\n\r\n",
        b"HTTP/1.1 fine\r\n\r\n",
    ],
)
def test_what_is_no_answer(raw: bytes) -> None:
    with pytest.raises(ValueError):
        parse_reply(raw)
