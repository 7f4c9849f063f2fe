"""The Caddy site that l9 provisions: a flag file decides the colour of each request.

A file named `green` in the flag directory sends traffic to green; without it, traffic goes to blue. No reload is
ever needed, so that no connection is cut, and neither a restart of Caddy nor a reboot changes the colour.
All of it works on Caddy 2.6.2 and on 2.11.7 (measured).
"""

from __future__ import annotations

import re

from l9.core.states import Slot
from l9.errors import ConfigError

FLAG = "green"
# The same server under another name: streams are counted apart from requests, which end by themselves.
_STREAMS = "[::ffff:127.0.0.1]"


def label_directory(slot: Slot) -> str:
    """Below the flag directory: the directory whose one file names the slot's release."""
    return f"{slot}.release"


def request_upstream(port: int) -> str:
    """The upstream address that plain requests are dialled at, as the admin API names it."""
    return f"127.0.0.1:{port}"


def stream_upstream(port: int) -> str:
    """The upstream address that WebSockets and event streams are dialled at."""
    return f"{_STREAMS}:{port}"


def quoted(text: str) -> str:
    """A Caddyfile token. Raises ConfigError for what Caddy would read as a pattern or a placeholder."""
    if bad := [c for c in '[{}\\"`\n' if c in text]:
        raise ConfigError(
            f"Caddy cannot use the path {text}",
            expected="a path without [ { } \\ and quotes",
            found=bad[0],
            remedy="$EDITOR l9.toml",
        )
    return f'"{text}"'


def site(*, address: str, flags: str, blue: int, green: int, access_log: str) -> str:
    """The site block. `address` is what Caddy listens on; `flags` the flag directory; ports are the slots'.

    Probes (requests with X-L9-Probe) are told the release; every answer names its slot. Raises ConfigError.
    """
    handlers = "\n".join(
        _handler(slot, port, flags) for slot, port in ((Slot.GREEN, green), (Slot.BLUE, blue))
    )
    return f"""{address} {{
\tlog {{
\t\toutput file {quoted(access_log)} {{
\t\t\troll_size 20MiB
\t\t\troll_keep 3
\t\t}}
\t\tformat json
\t}}
\t@l9_green file {{
\t\troot {quoted(flags)}
\t\ttry_files /{FLAG}
\t}}
{handlers}
}}
"""


def flags_of(text: str) -> str | None:
    """The flag directory that a site of l9's looks at; None for a site of somebody else's."""
    found = re.search(r'@l9_green file \{\s*root "([^"]+)"', text)
    return found[1] if found else None


def ports_of(text: str) -> frozenset[int]:
    """The ports of both slots in a site of l9's."""
    return frozenset(map(int, re.findall(r"reverse_proxy 127\.0\.0\.1:(\d+) \{", text)))


def _handler(slot: Slot, port: int, flags: str) -> str:
    matcher = "@l9_green " if slot is Slot.GREEN else ""
    # Plain requests are not flushed at once: Caddy 2.6 then answers a POST before it has seen the end of its body,
    # and one in some 25,000 loses its answer to that. What has no length (a stream) it flushes by itself.
    # A backend's own X-L9 headers would stand beside ours, and a proof must not be forged by what it proves.
    own = "header_down -X-L9-Slot\n\t\t\theader_down -X-L9-Release"
    return f"""\thandle {matcher}{{
\t\theader X-L9-Slot {slot}
\t\t@l9_probe_{slot} {{
\t\t\theader X-L9-Probe *
\t\t\tfile {{
\t\t\t\troot {quoted(f"{flags}/{label_directory(slot)}")}
\t\t\t\ttry_files *
\t\t\t}}
\t\t}}
\t\theader @l9_probe_{slot} X-L9-Release {{http.matchers.file.relative}}
\t\theader @l9_probe_{slot} X-L9-Release ^/(.*)$ $1
\t\t@l9_upgrade_{slot} header_regexp Connection (?i)upgrade
\t\t@l9_events_{slot} header Accept *text/event-stream*
\t\treverse_proxy @l9_upgrade_{slot} {stream_upstream(port)} {{
\t\t\t{own}
\t\t}}
\t\treverse_proxy @l9_events_{slot} {stream_upstream(port)} {{
\t\t\tflush_interval -1
\t\t\t{own}
\t\t}}
\t\treverse_proxy {request_upstream(port)} {{
\t\t\t{own}
\t\t\ttransport http {{
\t\t\t\tkeepalive 1s
\t\t\t}}
\t\t}}
\t}}"""
