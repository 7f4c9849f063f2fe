"""Detects directories, names and ports that belong to other targets on the same host. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

import msgspec

from l9.config.provisioned import for_instance
from l9.config.settings import ServerSettings
from l9.drivers.caddy import site as caddy
from l9.provision.snapshot import HostSnapshot
from l9.provision.wanted import Wanted


def owner_of_path(wanted: Wanted, snapshot: HostSnapshot) -> str | None:
    """Return the other instance that the directory was prepared for; None if there is none."""
    own = snapshot.file(str(wanted.in_directory.settings))
    known = [*_by_root(snapshot), *_readable(own.text if own else None)]
    here = (one.instance for one in known if one.path == str(PurePosixPath(wanted.path)))
    return next((instance for instance in here if instance != wanted.instance), None)


def path_of_instance(wanted: Wanted, snapshot: HostSnapshot) -> tuple[str, str] | None:
    """Return the file that assigns this instance to another directory, and that directory; None if there is none."""
    for one in _by_root(snapshot):
        if one.instance == wanted.instance and one.path != str(PurePosixPath(wanted.path)):
            return str(for_instance(one.instance).settings), one.path
    site = snapshot.file(wanted.site)
    flags = caddy.flags_of(site.text or "") if site else None
    if flags is None or flags == str(wanted.layout.route):
        return None
    return wanted.site, flags.removesuffix("/.l9/route")


def is_by_root(wanted: Wanted, snapshot: HostSnapshot) -> bool:
    """True if root provisioned this instance, or does it now."""
    return snapshot.may_root or any(one.instance == wanted.instance for one in _by_root(snapshot))


def _by_root(snapshot: HostSnapshot) -> Iterator[ServerSettings]:
    for path, text in sorted(snapshot.instances.items()):
        # The agent refuses settings that name another instance.
        yield from (one for one in _readable(text) if one.instance == PurePosixPath(path).parent.name)


def _readable(text: str | None) -> tuple[ServerSettings, ...]:
    """Parse the settings in a text; empty if another version wrote them, or a person edited them."""
    try:
        return (msgspec.json.decode(text or "", type=ServerSettings),)
    except msgspec.MsgspecError:
        return ()


def ports_taken(wanted: Wanted, snapshot: HostSnapshot) -> Iterator[tuple[int, str]]:
    """Yield each of our ports that another target's site uses, and that site's file."""
    ports = wanted.config.target.ports
    for path, text in sorted(snapshot.sites.items()):
        for port in sorted({ports.blue, ports.green} & caddy.ports_of(text)):
            yield port, path


def ports_of_live(wanted: Wanted, snapshot: HostSnapshot) -> tuple[int, int] | None:
    """Return the host's ports (blue, green) if the configuration moves them while a release is live; else None."""
    wants, files = wanted.config.target.ports, wanted.known_settings
    known = [one for path in files if (own := snapshot.file(path)) for one in _readable(own.text)]
    for one in [one for one in known if one.instance == wanted.instance and snapshot.live][:1]:
        if one.ports != wants:
            return one.ports.blue, one.ports.green
    return None


def new_ports(wanted: Wanted, snapshot: HostSnapshot) -> tuple[int, ...]:
    """Return our slots' ports that the host's settings do not name yet; any listener on them is another program."""
    own = snapshot.file(str(wanted.in_directory.settings))
    known = [*_by_root(snapshot), *_readable(own.text if own else None)]
    ours = {
        port for one in known if one.instance == wanted.instance for port in (one.ports.blue, one.ports.green)
    }
    ports = wanted.config.target.ports
    return tuple(port for port in (ports.blue, ports.green) if port not in ours)


def free_pair(snapshot: HostSnapshot) -> tuple[int, int]:
    """Return two neighbouring ports, from 8000 on, that nothing listens on and no other target's site uses."""
    used = set(map(int, snapshot.listening)).union(*map(caddy.ports_of, snapshot.sites.values()))
    return next((port, port + 1) for port in range(8000, 65000, 10) if not {port, port + 1} & used)


def site_port(address: str) -> int:
    """Return the port that Caddy listens on for a site's address.

    >>> [site_port(one) for one in ("api.example.com", "http://api.example.com", "http://[::1]:81", ":8080")]
    [443, 80, 81, 8080]
    """
    scheme, _, rest = address.rpartition("://")
    port = rest.rpartition("]")[2].rpartition(":")[2]
    return int(port) if ":" in rest.rpartition("]")[2] and port.isdigit() else 80 if scheme == "http" else 443
