"""Adds one import line to the host's Caddyfile, and leaves the rest unchanged, byte for byte."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from l9.config.model import Config, Route

WELCOME = [":80", "{", "root", "*", "/usr/share/caddy", "file_server", "}"]
_ANYWHERE_80 = {":80", "http://", "http://:80"}


def address(config: Config) -> str:
    """Return the site address for Caddy: `route.site`, or else the address of the public URL."""
    site, url = config.route.site, urlsplit(config.target.public_url)
    if site != Route().site or not url.hostname:
        return site
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    port = f":{url.port}" if url.port else ""
    return f"http://{host}{port}" if url.scheme == "http" else f"{host}{port}"


def is_tls(site: str) -> bool:
    """True if Caddy serves an address over TLS, and redirects plain HTTP to it."""
    return not (site.startswith(("http://", ":")) or site.endswith(":80")) or site.endswith(":443")


def with_import(text: str | None, sites: str, site: str) -> str:
    """Return the Caddyfile with `import SITES` at its end, unless it is already in it.

    Comments out the package's welcome page if it uses the address that the app's site needs.
    """
    lines = (text or "").splitlines(keepends=True)
    others = "".join(line for line in lines if _words(line) != ["import", sites])
    if site in _ANYWHERE_80 and _words(others) == WELCOME:
        lines = [line if _words(line) == ["import", sites] else _commented(line) for line in lines]
    text = "".join(lines)
    if any(_words(line) == ["import", sites] for line in lines):
        return text
    if text and not text.endswith("\n"):
        text += "\n"
    return f"{text}\nimport {sites}\n" if text.strip() else f"import {sites}\n"


def _words(text: str) -> list[str]:
    """Split a Caddyfile into tokens; a comment starts at a `#` at the start of a word."""
    return [word for line in text.splitlines() for word in re.sub(r"(^|\s)#.*", "", line).split()]


def _commented(line: str) -> str:
    return line if not line.strip() or line.lstrip().startswith("#") else f"# {line}"
