"""The Caddy site that l9 provisions: a flag file selects the slot of each request.

A file named `green` in the flag directory sends traffic to green; without it, traffic goes to blue. No reload is
needed, so no connection is cut, and neither a restart of Caddy nor a reboot changes the live slot.
All of it works on Caddy 2.6.2 and on 2.11.7 (measured).
"""

from __future__ import annotations

import re

from l9.core.states import Slot
from l9.errors import ConfigError

FLAG = "green"
# The same server under another name, so that Caddy counts streams apart from requests.
_STREAMS = "[::ffff:127.0.0.1]"


def label_directory(slot: Slot) -> str:
    """Return the directory, below the flag directory, whose one file is named after the slot's release."""
    return f"{slot}.release"


def request_upstream(port: int) -> str:
    """Return the upstream address of plain requests, as the admin API names it."""
    return f"127.0.0.1:{port}"


def stream_upstream(port: int) -> str:
    """Return the upstream address of WebSockets and event streams."""
    return f"{_STREAMS}:{port}"


def quoted(text: str) -> str:
    """Quote a Caddyfile token. Raises ConfigError for text that Caddy would read as a pattern or a placeholder."""
    if bad := [c for c in '[{}\\"`\n' if c in text]:
        raise ConfigError(
            f"Caddy cannot use the path {text}",
            expected="a path without [ { } \\ and quotes",
            found=bad[0],
            remedy="$EDITOR l9.toml",
        )
    return f'"{text}"'


def site(*, address: str, flags: str, blue: int, green: int, access_log: str) -> str:
    """Return the site block. `address`: Caddy's listen address; `flags`: the flag directory; `blue`, `green`: ports.

    Every response names its slot; responses to probes (X-L9-Probe) also name the release. Raises ConfigError.
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
    """Return the flag directory that a site of l9's checks, or None for any other site."""
    found = re.search(r'@l9_green file \{\s*root "([^"]+)"', text)
    return found[1] if found else None


def ports_of(text: str) -> frozenset[int]:
    """Return the ports of both slots in a site of l9's."""
    return frozenset(map(int, re.findall(r"reverse_proxy 127\.0\.0\.1:(\d+) \{", text)))


def _handler(slot: Slot, port: int, flags: str) -> str:
    matcher = "@l9_green " if slot is Slot.GREEN else ""
    # Plain requests are not flushed at once: Caddy 2.6 then answers a POST before it has seen the end of its body,
    # and about one in 25,000 loses its response. Responses without a length (streams) are flushed anyway.
    # X-L9 headers of the backend are removed: a release must not forge its own proof.
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
