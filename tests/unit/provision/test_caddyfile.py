"""The one line in the Caddyfile, and the address of the site."""

from __future__ import annotations

import pytest

from l9.configuration import parse
from l9.provision.caddyfile import address, is_tls, with_import

SITES = "/etc/caddy/l9/*.caddy"
WELCOME = "# hello\n:80 {\n\t# why\n\troot * /usr/share/caddy\n\n\tfile_server\n}\n# bye\n"


@pytest.mark.parametrize(
    "text",
    ["shop.example {\n\trespond hello\n}\n", "{\n\tadmin off\n}\n\na.example {\r\n}\r\n", "# only words\n"],
)
def test_what_is_there_stays_byte_for_byte(text: str) -> None:
    assert with_import(text, SITES, ":80") == f"{text}\nimport {SITES}\n"


def test_a_last_line_without_an_end_gets_one() -> None:
    assert with_import("a {\n}", SITES, "b") == f"a {{\n}}\n\nimport {SITES}\n"


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_an_empty_file_holds_the_import_alone(text: str | None) -> None:
    assert with_import(text, SITES, ":80") == f"import {SITES}\n"


def test_the_import_is_added_once() -> None:
    once = with_import("a.example {\n}\n", SITES, ":80")
    assert with_import(once, SITES, ":80") == once
    own = f"import   {SITES}   # mine\na.example {{\n}}\n"
    assert with_import(own, SITES, ":80") == own


def test_an_import_in_a_comment_is_none() -> None:
    assert with_import(f"# import {SITES}\n", SITES, ":80").endswith(f"\nimport {SITES}\n")


def test_the_welcome_page_makes_room_for_a_site_at_its_address() -> None:
    made = with_import(WELCOME, SITES, ":80")
    lines = [line for line in made.splitlines() if line and not line.startswith("#")]
    assert [line.strip() for line in lines] == ["# why", f"import {SITES}"]
    assert with_import(made, SITES, ":80") == made
    assert with_import(WELCOME, SITES, "http://a.example").startswith(WELCOME)


def test_the_welcome_page_makes_room_later_as_well() -> None:
    first = with_import(WELCOME, SITES, "http://a.example")
    second = with_import(first, SITES, ":80")
    assert "# :80 {" in second
    assert second.endswith(f"\nimport {SITES}\n")


def test_another_page_at_the_address_is_not_touched() -> None:
    other = WELCOME.replace("/usr/share/caddy", "/srv/shop")
    assert with_import(other, SITES, ":80").startswith(other)


@pytest.mark.parametrize(
    ("url", "site", "expected", "tls"),
    [
        ("", "", ":80", False),
        ("https://api.example", "", "api.example", True),
        ("https://api.example:8443/x", "", "api.example:8443", True),
        ("http://10.0.0.2", "", "http://10.0.0.2", False),
        ("http://[2001:db8::1]:8080", "", "http://[2001:db8::1]:8080", False),
        ("https://api.example", "http://other", "http://other", False),
        ("", ":443", ":443", True),
        ("", "a.example:80", "a.example:80", False),
    ],
)
def test_the_address_comes_from_the_site_or_the_public_url(
    url: str, site: str, expected: str, tls: bool
) -> None:
    route = f'[route]\nsite = "{site}"\n' if site else ""
    config = parse(f'app = "a"\n{route}[targets.t]\nhost = "h"\npublic_url = "{url}"\n')
    assert address(config) == expected
    assert is_tls(expected) is tls
