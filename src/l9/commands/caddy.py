"""The Caddy site that l9 provisions: a flag file decides the colour of each request.

A file named `green` in the flag directory sends traffic to green; without it, traffic goes to blue. No reload is
ever needed, so that no connection is cut, and neither a restart of Caddy nor a reboot changes the colour.
"""

from __future__ import annotations

from l9.core.states import Slot

FLAG = "green"


def label_directory(slot: Slot) -> str:
    """Below the flag directory: the directory whose one file names the slot's release."""
    return f"{slot}.release"


def site(*, address: str, flags: str, blue: int, green: int, access_log: str) -> str:
    """The site block. `address` is what Caddy listens on; `flags` the flag directory; ports are the slots'.

    Probes (requests with X-L9-Probe) are told the release; every answer names its slot.
    """
    handlers = "\n".join(
        _handler(slot, port, flags) for slot, port in ((Slot.GREEN, green), (Slot.BLUE, blue))
    )
    return f"""{address} {{
\tlog {{
\t\toutput file {access_log} {{
\t\t\troll_size 20MiB
\t\t\troll_keep 3
\t\t}}
\t\tformat json
\t}}
\t@l9_green file {{
\t\troot {flags}
\t\ttry_files /{FLAG}
\t}}
{handlers}
}}
"""


def _handler(slot: Slot, port: int, flags: str) -> str:
    matcher = "@l9_green " if slot is Slot.GREEN else ""
    return f"""\thandle {matcher}{{
\t\theader X-L9-Slot {slot}
\t\t@l9_probe_{slot} {{
\t\t\theader X-L9-Probe *
\t\t\tfile {{
\t\t\t\troot {flags}/{label_directory(slot)}
\t\t\t\ttry_files *
\t\t\t}}
\t\t}}
\t\theader @l9_probe_{slot} X-L9-Release {{http.matchers.file.relative}}
\t\treverse_proxy 127.0.0.1:{port} {{
\t\t\tflush_interval -1
\t\t\ttransport http {{
\t\t\t\tkeepalive 2s
\t\t\t}}
\t\t}}
\t}}"""
