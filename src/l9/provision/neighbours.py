"""What other targets on the same host have, so that none takes a directory, a name or a port of another. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from l9.config.settings import ServerSettings
from l9.drivers.caddy import site as caddy
from l9.provision.snapshot import HostSnapshot
from l9.provision.wanted import Wanted


def owner_of_path(wanted: Wanted, seen: HostSnapshot) -> str | None:
    """The other instance that the directory was prepared for; None where it is nobody's, or this one's."""
    settings = seen.file(wanted.settings)
    if settings is None or settings.text is None:
        return None
    try:
        owner = msgspec.json.decode(settings.text, type=ServerSettings).instance
    except msgspec.MsgspecError:
        return None  # of another version, or edited: it is written anew
    return owner if owner != wanted.instance else None


def path_of_instance(wanted: Wanted, seen: HostSnapshot) -> str | None:
    """The other directory that has this instance's site; None where there is no site yet, or this one's."""
    site = seen.file(wanted.site)
    flags = caddy.flags_of(site.text or "") if site else None
    return flags.removesuffix("/.l9/route") if flags not in (None, str(wanted.layout.route)) else None


def ports_taken(wanted: Wanted, seen: HostSnapshot) -> Iterator[tuple[int, str]]:
    """Our ports that another target's site names, and that site's file."""
    ports = wanted.config.target.ports
    for path, text in sorted(seen.sites.items()):
        for port in sorted({ports.blue, ports.green} & caddy.ports_of(text)):
            yield port, path
