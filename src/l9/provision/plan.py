"""Plans the changes from the observed to the wanted state of a host, in order. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from l9.provision import changes as ch
from l9.provision.caddyfile import with_import
from l9.provision.host.caddy import UNIT_FILE
from l9.provision.neighbours import owner_of_path, path_of_instance
from l9.provision.snapshot import Agent, HostSnapshot
from l9.provision.units import cron
from l9.provision.wanted import EXCLUDED, Wanted

KEPT = 2  # versions of the agent: the current one, and the one that an earlier run may still use


@dataclass(frozen=True, slots=True)
class AgentVersion:
    """The version of the agent that the host should have; `python` is the host's interpreter."""

    digest: str
    version: str
    python: str


def plan(wanted: Wanted, snapshot: HostSnapshot, agent: AgentVersion) -> tuple[ch.Change, ...]:
    """Return all changes in order; none if the host is as wanted.

    Unmet requirements (`needs.py`) are not changes: changes that depend on them are left out until they are met.
    """
    if snapshot.path.kind == "other" or (
        snapshot.path.kind == "clone" and snapshot.path.owner != snapshot.me.user
    ):
        return ()
    if (
        owner_of_path(wanted, snapshot)
        or path_of_instance(wanted, snapshot)
        or any(misplaced(wanted, snapshot))
    ):
        return ()
    return (
        *_directories(wanted, snapshot),
        *_clone(wanted, snapshot),
        *(guarded := tuple(_guarded(wanted, snapshot))),
        *_settings(wanted, snapshot),
        *_agent(wanted, snapshot, agent, trusted=not guarded),
        *_caddy(wanted, snapshot),
        *(_timers(wanted, snapshot) if snapshot.systemd else _cron(wanted, snapshot)),
        *_unused(wanted, snapshot),
    )


def split(
    changes: tuple[ch.Change, ...], snapshot: HostSnapshot
) -> tuple[tuple[ch.Change, ...], tuple[ch.Change, ...]]:
    """Split into the changes to make now, and those left to root if we are not root and have no sudo."""
    if snapshot.may_root:
        return changes, ()
    left = tuple(c for c in changes if c.root)
    doable = tuple(c for c in changes if not c.root)
    first = left[0] if left else None
    if (
        isinstance(first, ch.MakeDirectory) and first.owner == snapshot.me.user
    ):  # the target's directory, which contains everything else
        return (), changes
    return doable, left


def unreadable(wanted: Wanted, snapshot: HostSnapshot) -> tuple[str, ...]:
    """Return Caddy's files that exist and cannot be read: they are not overwritten."""
    found = ((path, snapshot.entries.get(path)) for path in (wanted.caddyfile, wanted.site))
    return tuple(path for path, entry in found if entry is not None and entry.text is None)


def misplaced(wanted: Wanted, snapshot: HostSnapshot) -> Iterator[tuple[str, str]]:
    """Yield paths of root's files that have another kind, with that kind: root never writes through a link."""
    files = (wanted.settings, wanted.allowed_signers) if wanted.by_root else ()
    for path, kind in {**dict.fromkeys(wanted.guarded, "directory"), **dict.fromkeys(files, "file")}.items():
        found = snapshot.entries.get(path)
        if found is not None and found.kind not in (kind, "hidden"):
            yield path, found.kind


def _directories(wanted: Wanted, snapshot: HostSnapshot) -> Iterator[ch.Change]:
    me, root = snapshot.me, snapshot.path
    mode = 0o755 if root.kind == "missing" else root.mode | 0o011
    if root.kind == "missing" or root.owner != me.user or root.mode != mode:
        yield ch.MakeDirectory(
            path=wanted.path,
            mode=mode,
            owner=me.user,
            group=me.group,
            root=not root.makeable or root.owner not in ("", me.user),
        )
    # Caddy's user traverses the first and reads the second.
    for path, mode in ((wanted.layout.state, 0o711), (wanted.layout.route, 0o755)):
        found = snapshot.entries.get(str(path))
        if found is None or found.kind != "directory" or found.mode != mode:
            yield ch.MakeDirectory(path=str(path), mode=mode, owner=me.user, group=me.group)


def _clone(wanted: Wanted, snapshot: HostSnapshot) -> Iterator[ch.Change]:
    is_clone = snapshot.path.kind == "clone"
    if not is_clone and not snapshot.origin.reachable:
        return
    if not is_clone:
        yield ch.Clone(path=wanted.path, url=wanted.repository)
    elif wanted.moved and snapshot.origin.url != wanted.repository:
        yield ch.SetOrigin(path=wanted.path, url=wanted.repository, old=snapshot.origin.url)
    if lines := tuple(line for line in EXCLUDED if line not in snapshot.exclude):
        yield ch.AddLines(path=f"{wanted.path}/.git/info/exclude", lines=lines)


def _guarded(wanted: Wanted, snapshot: HostSnapshot) -> Iterator[ch.Change]:
    for path in wanted.guarded:
        found = snapshot.entries.get(path)
        if found is None or (found.owner, found.group, found.mode) != ("root", "root", 0o755):
            yield ch.MakeDirectory(path=path, mode=0o755, owner="root", group="root", root=True)


def _settings(wanted: Wanted, snapshot: HostSnapshot) -> Iterator[ch.Change]:
    owner = ("root", "root") if wanted.by_root else (snapshot.me.user, snapshot.me.group)
    yield from _file(wanted.settings, wanted.settings_text, snapshot, *owner, root=wanted.by_root)
    if wanted.signers is not None:
        yield from _file(wanted.allowed_signers, wanted.signers, snapshot, *owner, root=wanted.by_root)


def _agent(
    wanted: Wanted, snapshot: HostSnapshot, agent: AgentVersion, *, trusted: bool
) -> Iterator[ch.Change]:
    """Plan the agent. `trusted`: only root could write to the agents' directory; else its content is replaced."""
    directory, root = wanted.agents, wanted.by_root
    there = snapshot.agents.get(directory, Agent()) if trusted else Agent()
    if agent.digest not in there.installed:
        yield ch.InstallAgent(
            directory=directory, digest=agent.digest, version=agent.version, python=agent.python, root=root
        )
    if agent.digest != there.current:
        yield ch.SwitchAgent(directory=directory, digest=agent.digest, old=there.current, root=root)
    newest = [d for d in (there.current, *there.installed) if d and d != agent.digest]
    keep = {agent.digest, *newest[: KEPT - 1]}
    if old := tuple(d for d in there.installed if d not in keep):
        yield ch.PruneAgents(directory=directory, digests=old, root=root)


def _caddy(wanted: Wanted, snapshot: HostSnapshot) -> Iterator[ch.Change]:
    caddy = snapshot.caddy
    if not wanted.has_site or caddy is None or not caddy.user or unreadable(wanted, snapshot):
        return
    log = snapshot.entries.get(wanted.access_log)
    owned = log is not None and (log.owner, log.group) == (caddy.user, caddy.group)
    # If Caddy runs as root, nobody joins its group.
    mode = 0o644 if caddy.group == "root" and not snapshot.is_root else 0o640
    needed = 0o600 if snapshot.is_root else mode
    if log is None or not owned or log.mode & needed != needed:
        yield ch.MakeLog(path=wanted.access_log, mode=mode, owner=caddy.user, group=caddy.group, root=True)
    if not snapshot.is_root and snapshot.me.user not in caddy.members and caddy.group != "root":
        yield ch.JoinGroup(user=snapshot.me.user, group=caddy.group, root=True)
    site, caddyfile = snapshot.file(wanted.site), snapshot.file(wanted.caddyfile)
    old = caddyfile.text if caddyfile else None
    text = with_import(old, wanted.sites, wanted.site_address)
    site_old = site.text if site else None
    if site_old != wanted.site_text or old != text or (caddy.running and caddy.loaded is False):
        yield ch.CaddySite(
            root=True,
            program=caddy.program,
            user=caddy.user,
            admin=wanted.config.route.admin,
            site=wanted.site,
            site_text=wanted.site_text,
            site_old=site_old,
            caddyfile=wanted.caddyfile,
            caddyfile_text=text,
            caddyfile_old=old,
            sites=wanted.sites,
            access_log=wanted.access_log,
            before={
                wanted.site: site.digest if site else None,
                wanted.caddyfile: caddyfile.digest if caddyfile else None,
            },
            systemd=snapshot.systemd and wanted.caddyfile == UNIT_FILE,
        )


def _timers(wanted: Wanted, snapshot: HostSnapshot) -> Iterator[ch.Change]:
    writes = [
        change
        for path, text in wanted.units(snapshot.me.user).items()
        for change in _file(path, text, snapshot, "root", "root", root=True)
    ]
    yield from writes
    if writes or set(wanted.timers) - set(snapshot.timers):
        yield ch.StartTimers(names=wanted.timers, root=True)


def _cron(wanted: Wanted, snapshot: HostSnapshot) -> Iterator[ch.Change]:
    text = cron(instance=wanted.instance, agent=wanted.agent, named=wanted.named, user=snapshot.me.user)
    yield from _file(wanted.cron, text, snapshot, "root", "root", root=True)


def _unused(wanted: Wanted, snapshot: HostSnapshot) -> Iterator[ch.Change]:
    if paths := tuple(path for path in wanted.unused if snapshot.entries.get(path) is not None):
        yield ch.Remove(paths=paths)


def _file(
    path: str, text: str, snapshot: HostSnapshot, owner: str, group: str, *, root: bool = False
) -> Iterator[ch.Change]:
    found = snapshot.file(path)
    if found is None or found.text != text or found.mode != 0o644 or found.owner != owner:
        yield ch.WriteFile(
            path=path,
            text=text,
            mode=0o644,
            owner=owner,
            group=group,
            old=found.text if found else None,
            before=found.digest if found else None,
            root=root,
        )
