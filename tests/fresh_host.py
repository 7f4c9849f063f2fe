"""A wanted host and hosts in several states, for the planner's tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from l9.configuration import parse
from l9.provision.caddyfile import with_import
from l9.provision.plan import AgentVersion
from l9.provision.snapshot import Agent, Caddy, Docker, Entry, HostSnapshot, Me, Origin, Python, Root, System
from l9.provision.units import cron
from l9.provision.wanted import EXCLUDED, Wanted, want

WELCOME = ":80 {\n\troot * /usr/share/caddy\n\tfile_server\n}\n"
ROOT = Me(user="root", uid=0, group="root")
DEPLOY = Me(user="deploy", uid=1000, group="deploy")
PYTHON = Python(
    version=(3, 11, 2),
    executable="/usr/bin/python3.11",
    tag="cp311",
    machine="x86_64",
    libc=("glibc", "2.36"),
)
CADDY = Caddy(
    program="/usr/bin/caddy",
    version="2.6.2",
    running=True,
    user="caddy",
    group="caddy",
    members=("caddy",),
    loaded=False,
)
AGENT = AgentVersion("a" * 16, "0.1.0", "/usr/bin/python3.11")
ORIGIN = "git@example.net:app.git"


def wanted(
    more: str = "",
    *,
    moved: bool = False,
    target: str = "",
    signers: str | None = None,
    by_root: bool = True,
) -> Wanted:
    text = f'app = "l9-api"\n{more}\n[targets.production]\nhost = "vps"\n{target}'
    return replace(want(parse(text), ORIGIN, moved=moved, signers=signers), by_root=by_root)


def fresh(**more: Any) -> HostSnapshot:
    """A new server with Docker and Caddy, and nothing of l9's."""
    base: dict[str, Any] = {
        "me": ROOT,
        "python": PYTHON,
        "sudo": True,
        "system": System(id="debian", version="13", name="Debian GNU/Linux 13"),
        "programs": {name: f"/usr/bin/{name}" for name in ("git", "docker", "caddy", "ssh-keygen")},
        "docker": Docker(engine="26.1.5", compose="2.26.1"),
        "systemd": True,
        "caddy": CADDY,
        "origin": Origin(reachable=True),
        "entries": {"/etc/caddy/Caddyfile": Entry(kind="file", text=WELCOME)},
    }
    return HostSnapshot(**{**base, **more})


def ready(want: Wanted, **more: Any) -> HostSnapshot:
    """A server that is exactly as wanted."""
    me: Me = more.get("me", ROOT)

    def ours(text: str, **how: Any) -> Entry:
        return Entry(kind="file", text=text, owner=me.user, group=me.group, **how)

    def provisioned(text: str) -> Entry:
        return Entry(kind="file", text=text) if want.by_root else ours(text)

    entries = {
        **{path: Entry(kind="directory", mode=0o755) for path in want.guarded},
        str(want.layout.state): Entry(kind="directory", mode=0o711),
        str(want.layout.route): Entry(kind="directory", mode=0o755),
        want.settings: provisioned(want.settings_text),
        want.allowed_signers: provisioned(want.signers or ""),
        want.env_file: ours("A=1\n", mode=0o600),
        want.caddyfile: Entry(kind="file", text=with_import(WELCOME, want.sites, want.site_address)),
        want.site: Entry(kind="file", text=want.site_text),
        want.access_log: Entry(kind="file", mode=0o640, owner="caddy", group="caddy", text=""),
        **{path: Entry(kind="file", text=text) for path, text in want.units(me.user).items()},
        want.cron: Entry(
            kind="file",
            text=cron(instance=want.instance, agent=want.agent, named=want.named, user=me.user),
        ),
    }
    base: dict[str, Any] = {
        "caddy": msgspec.structs.replace(CADDY, loaded=True, members=("caddy", me.user)),
        "path": Root(kind="clone", owner=me.user, group=me.group),
        "origin": Origin(url=ORIGIN),
        "exclude": ("# git's own", *EXCLUDED),
        "entries": entries,
        "agents": {want.agents: Agent(current=AGENT.digest, installed=(AGENT.digest,))},
        "instances": {want.settings: want.settings_text} if want.by_root else {},
        "timers": want.timers,
    }
    return fresh(**{**base, **more})
