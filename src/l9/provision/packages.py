"""The packages that provide the required programs, by distribution, and the command that installs them."""

from __future__ import annotations

import shlex

from l9.provision.snapshot import HostSnapshot, System

DOCKER_OWN = "https://docs.docker.com/engine/install/"


def docker(system: System) -> tuple[str, ...]:
    """Return the packages of Docker Engine with Compose v2; none if the distribution has no Compose v2."""
    if system.id == "ubuntu":
        return ("docker.io", "docker-compose-v2")
    if system.id == "debian" and _major(system) >= 13:
        return ("docker.io", "docker-cli", "docker-compose")
    return ()


def missing(snapshot: HostSnapshot, *, site: bool, compose: bool, signers: bool = False) -> tuple[str, ...]:
    """Return the required packages that are not installed and that the distribution has."""
    names: list[str] = []
    if not snapshot.programs.get("git"):
        names.append("git")
    if signers and not snapshot.programs.get("ssh-keygen"):
        names.append("openssh-client")
    if site and snapshot.caddy is None:
        names.append("caddy")
    if compose and lacks_docker(snapshot):
        names.extend(docker(snapshot.system))
    if not snapshot.systemd and not snapshot.cron:
        names.append("cron")
    return tuple(names)


def lacks_docker(snapshot: HostSnapshot) -> bool:
    """True if Docker or Compose v2 is not installed, regardless of whether the engine answers."""
    return not snapshot.programs.get("docker") or snapshot.docker is None or not snapshot.docker.compose


def command(names: tuple[str, ...], *, root: bool) -> str:
    """Return the command that installs packages, for the host's prompt."""
    sudo = "" if root else "sudo "
    return f"{sudo}apt-get update && {sudo}apt-get install -y {shlex.join(names)}"


def _major(system: System) -> int:
    first = system.version.partition(".")[0]
    return int(first) if first.isdigit() else 0
