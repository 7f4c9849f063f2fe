"""The one line that l9 adds to the host's Caddyfile; all else in it stays byte for byte."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from l9.config.model import Config, Route

WELCOME = [":80", "{", "root", "*", "/usr/share/caddy", "file_server", "}"]
_ANYWHERE_80 = {":80", "http://", "http://:80"}


def address(config: Config) -> str:
    """What Caddy listens on for the public: `route.site`, or else what the public URL says."""
    site, url = config.route.site, urlsplit(config.target.public_url)
    if site != Route().site or not url.hostname:
        return site
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    port = f":{url.port}" if url.port else ""
    return f"http://{host}{port}" if url.scheme == "http" else f"{host}{port}"


def is_tls(site: str) -> bool:
    """Whether Caddy serves an address over TLS, and sends plain requests there."""
    return not (site.startswith(("http://", ":")) or site.endswith(":80")) or site.endswith(":443")


def with_import(text: str | None, sites: str, site: str) -> str:
    """The Caddyfile with `import SITES` at its end, where it is not in it yet.

    The package's own welcome page is commented out where it holds the address that the app's site needs.
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
    """Caddyfile tokens; a comment begins at a `#` that begins a word."""
    return [word for line in text.splitlines() for word in re.sub(r"(^|\s)#.*", "", line).split()]


def _commented(line: str) -> str:
    return line if not line.strip() or line.lstrip().startswith("#") else f"# {line}"
