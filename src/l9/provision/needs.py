"""Requirements that the host does not meet and l9 does not fix itself, each with the command that does. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from l9.checks.environment.env_file import parse_env
from l9.config.model import Target
from l9.drivers.ssh import client as ssh
from l9.provision import packages
from l9.provision.caddyfile import is_tls
from l9.provision.errors import HostUnfit
from l9.provision.neighbours import (
    free_pair,
    new_ports,
    owner_of_path,
    path_of_instance,
    ports_of_live,
    ports_taken,
    site_port,
)
from l9.provision.plan import misplaced, unreadable
from l9.provision.snapshot import HostSnapshot
from l9.provision.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Need:
    """An unmet requirement. `blocking`: no release can go live until it is met; else a next step, or advice.

    `stops`: no change is made while it stands, since the changes would cut somebody else off.
    """

    what: str
    expected: str
    found: str
    remedy: str
    blocking: bool = True
    stops: bool = False


def refuse_old_python(snapshot: HostSnapshot, host: Target) -> None:
    """Raise HostUnfit if the host's Python is too old for the agent."""
    version = ".".join(map(str, snapshot.python.version))
    if snapshot.python.version < (3, 11):
        raise HostUnfit(
            f"the Python on {host.host} is too old for the agent",
            expected="python3, version 3.11 or newer (Debian 12, Ubuntu 24.04), or an additional python3.11",
            found=f"{version} on {snapshot.system.name}",
            remedy=ssh.by_hand(host, packages.command(("python3.11-venv",), root=snapshot.is_root)),
        )


def needs(wanted: Wanted, snapshot: HostSnapshot, example: str | None) -> tuple[Need, ...]:
    """Return all unmet requirements. `example` is the text of the operator's `.env.example`, for its keys."""
    host = wanted.config.target
    return (
        *_root(wanted, snapshot, host),
        *_neighbours(wanted, snapshot),
        *_ports(wanted, snapshot, host),
        *_programs(wanted, snapshot, host),
        *_caddy(wanted, snapshot, host),
        *_origin(wanted, snapshot, host),
        *_room(wanted, snapshot, host),
        *_env(wanted, snapshot, host, example),
    )


def _sudo(snapshot: HostSnapshot) -> str:
    return "" if snapshot.is_root else "sudo "


def _root(wanted: Wanted, snapshot: HostSnapshot, host: Target) -> Iterator[Need]:
    path, owner = shlex.quote(wanted.path), snapshot.path.owner
    if snapshot.path.kind == "other":
        yield Need(
            f"{wanted.path} is in use",
            "an empty directory, a git clone, or no directory",
            ", ".join(snapshot.path.strangers),
            ssh.by_hand(host, f"mv {path} {path}.before-l9"),
        )
    for place, kind in misplaced(wanted, snapshot):
        yield Need(
            f"{place} cannot be used for root's files",
            "a plain file or directory owned by root, or none",
            f"a {kind}",
            ssh.by_hand(host, f"{_sudo(snapshot)}rm -r {shlex.quote(place)}"),
        )
    if wanted.by_root and not snapshot.may_root:
        yield Need(
            f"{wanted.instance} was provisioned by root",
            f"root login, or passwordless sudo for {snapshot.me.user}, to change its settings or agent",
            "neither",
            ssh.by_hand(host, "sudo -n true"),
            blocking=False,
        )
    if snapshot.path.kind == "clone" and owner != snapshot.me.user:
        yield Need(
            f"{wanted.path} has another owner",
            f"owned by {snapshot.me.user}",
            f"owned by {owner}",
            ssh.by_hand(
                host,
                f"{_sudo(snapshot)}chown -R {shlex.quote(f'{snapshot.me.user}:{snapshot.me.group}')} {path}",
            ),
        )


def _neighbours(wanted: Wanted, snapshot: HostSnapshot) -> Iterator[Need]:
    name, edit = wanted.config.name, "$EDITOR l9.toml"
    if owner := owner_of_path(wanted, snapshot):
        yield Need(
            f"{wanted.path} belongs to another target",
            f"a separate directory for {wanted.instance} in targets.{name}.path",
            f"prepared for {owner}",
            edit,
            stops=True,
        )
    if path := path_of_instance(wanted, snapshot):
        yield Need(
            f"the name {wanted.instance} is used by another target on this host",
            f"a unique name in targets.{name}.instance",
            f"{path[0]} belongs to {path[1]}",
            edit,
            stops=True,
        )
    for port, site in ports_taken(wanted, snapshot):
        yield Need(
            f"port {port} is used by another target",
            f"unused ports for {wanted.instance} in targets.{name}.ports",
            f"used in {site}",
            edit,
            stops=True,
        )


def _ports(wanted: Wanted, snapshot: HostSnapshot, host: Target) -> Iterator[Need]:
    """Ports that another program listens on: the slots' new ones, and the site's if it is not Caddy.

    The ports of a live release stay: its process listens on them, and the site would lead elsewhere.
    """
    if (old := ports_of_live(wanted, snapshot)) and snapshot.live:
        yield Need(
            "the ports cannot move while a release is live",
            f"ports = {{ blue = {old[0]}, green = {old[1]} }} in targets.{wanted.config.name}, as on the host",
            f"{snapshot.live.release} answers on its old port",
            "$EDITOR l9.toml",
            stops=True,
        )
    for port in new_ports(wanted, snapshot):
        if (holder := snapshot.listening.get(str(port))) is not None:
            free = " and ".join(map(str, free_pair(snapshot)))
            yield Need(
                f"port {port} is in use on the host",
                f"two free ports in targets.{wanted.config.name}.ports, such as {free}",
                f"held by {holder or 'a program that l9 may not see'}",
                "$EDITOR l9.toml",
                stops=True,
            )
    port = site_port(wanted.site_address) if wanted.has_site else 0
    holder = snapshot.listening.get(str(port))
    if holder is None:
        return
    # A Caddy that was built with modules often has a longer name.
    named = not holder or holder.startswith("caddy")
    if not (named and snapshot.caddy is not None and snapshot.caddy.running):
        yield Need(
            f"port {port} of the site is in use on the host",
            "Caddy on it, or nobody",
            f"held by {holder or 'a program that l9 may not see'}",
            ssh.by_hand(host, f"{_sudo(snapshot)}ss -ltnp 'sport = :{port}'"),
            stops=True,
        )


def _programs(wanted: Wanted, snapshot: HostSnapshot, host: Target) -> Iterator[Need]:
    def apt(*names: str) -> str:
        return ssh.by_hand(host, packages.command(names, root=snapshot.is_root))

    if not snapshot.programs.get("git"):
        yield Need("git is not installed on the host", "git", "not found", apt("git"))
    if wanted.signers is not None and not snapshot.programs.get("ssh-keygen"):
        required = wanted.config.release.require_attestation
        yield Need(
            "ssh-keygen is not installed on the host",
            "ssh-keygen",
            "not found",
            apt("openssh-client"),
            blocking=required,
        )
    if wanted.has_site and snapshot.caddy is None:
        yield Need("Caddy is not installed on the host", "caddy", "not found", apt("caddy"))
    if wanted.config.target.runtime == "compose":
        names = packages.docker(snapshot.system)
        docker = snapshot.docker
        if packages.lacks_docker(snapshot):
            found = f"Docker {docker.engine}, no Compose v2" if docker and docker.engine else "not found"
            fix = apt(*names) if names else packages.DOCKER_OWN
            yield Need("Docker with Compose v2 is not installed on the host", "docker compose", found, fix)
        elif docker is not None and not docker.engine:
            group = ssh.by_hand(host, f"{_sudo(snapshot)}usermod -aG docker {shlex.quote(snapshot.me.user)}")
            start = ssh.by_hand(host, f"{_sudo(snapshot)}systemctl enable --now docker")
            yield Need(
                f"{snapshot.me.user} cannot use Docker",
                "an engine that answers `docker version`",
                docker.problem,
                group if "permission denied" in docker.problem.lower() else start,
            )
    if not snapshot.systemd and not snapshot.cron:
        yield Need(
            "the host has no systemd and no cron",
            "systemd or cron, to resume an interrupted run after a reboot",
            "neither",
            apt("cron"),
            blocking=False,
        )


def _caddy(wanted: Wanted, snapshot: HostSnapshot, host: Target) -> Iterator[Need]:
    caddy, route = snapshot.caddy, wanted.config.route
    if caddy is None or not wanted.has_site:
        return
    if not caddy.user:
        yield Need(
            "cannot determine Caddy's user", "a running Caddy, or a user `caddy`", "neither",
            ssh.by_hand(host, f"{_sudo(snapshot)}systemctl enable --now caddy"),
        )  # fmt: skip
    elif not caddy.running:
        run = (
            f"{_sudo(snapshot)}systemctl enable --now caddy"
            if snapshot.systemd
            else f"caddy start --config {wanted.caddyfile}"
        )
        yield Need(
            "Caddy is not running",
            f"a Caddy process with the configuration {wanted.caddyfile}",
            "none",
            ssh.by_hand(host, run),
        )
    for path in unreadable(wanted, snapshot):
        look = f"ls -l {shlex.quote(path)}"
        yield Need(
            f"{path} cannot be read",
            f"a text file that {snapshot.me.user} may read",
            "no readable text",
            ssh.by_hand(host, look),
        )
    for directory in snapshot.closed:
        yield Need(
            "Caddy cannot read the flag file that switches traffic",
            f"execute permission on {directory} for {caddy.user}",
            "permission denied",
            ssh.by_hand(host, f"chmod o+x {shlex.quote(directory)}"),
        )
    if wanted.path.startswith(("/tmp/", "/var/tmp/")) and snapshot.systemd:  # noqa: S108  # not opened, only judged
        yield Need(
            "Caddy cannot see the target's directory",
            "a path outside of /tmp: Caddy's unit has a private /tmp",
            wanted.path,
            "$EDITOR l9.toml",
        )
    if is_tls(wanted.site_address) and route.url.startswith("http://"):
        yield Need(
            "the host would check its own site over plain HTTP and get a redirect",
            'route.url = "https://127.0.0.1"',
            f"{route.url} for {wanted.site_address}",
            "$EDITOR l9.toml",
        )


def _origin(wanted: Wanted, snapshot: HostSnapshot, host: Target) -> Iterator[Need]:
    if snapshot.path.kind == "clone" and not snapshot.origin.url:
        remedy = f"git -C {shlex.quote(wanted.path)} remote add origin {shlex.quote(wanted.repository)}"
        yield Need("the clone has no origin", "a remote `origin`", "none", ssh.by_hand(host, remedy))
    elif snapshot.path.kind in ("missing", "free") and snapshot.origin.reachable is False:
        look = ssh.by_hand(host, f"git ls-remote {shlex.quote(wanted.repository)}")
        yield Need(
            "the host cannot read the repository",
            f"{wanted.repository} readable by {snapshot.me.user} on the host: add a deploy key for it"
            " (or pass another address with --repository)",
            snapshot.origin.said or "no answer",
            look,
        )


def _room(wanted: Wanted, snapshot: HostSnapshot, host: Target) -> Iterator[Need]:
    least = wanted.config.needs.disk
    if snapshot.free < least:
        yield Need(
            "not enough disk space on the host",
            f"{least / 1e6:.0f} MB free for {wanted.path}",
            f"{snapshot.free / 1e6:.0f} MB",
            ssh.by_hand(host, f"df -h {shlex.quote(wanted.path)}"),
        )


def _env(wanted: Wanted, snapshot: HostSnapshot, host: Target, example: str | None) -> Iterator[Need]:
    path = shlex.quote(wanted.env_file)
    found = snapshot.entries.get(wanted.env_file)
    keys = [e.key for e in parse_env(example or "").entries if not e.optional]
    if found is None:
        yield Need(
            f"no {wanted.config.env.file} on the host yet",
            f"{wanted.env_file}, mode 0600" + (f", with {', '.join(keys)}" if keys else ""),
            "no such file",
            ssh.by_hand(host, f"install -m 600 /dev/null {path}"),
            blocking=False,
        )
    elif found.mode & 0o077:
        yield Need(
            f"{wanted.env_file} is accessible to other users",
            "mode 0600",
            f"mode {found.mode:04o}",
            ssh.by_hand(host, f"chmod 600 {path}"),
            blocking=False,
        )
