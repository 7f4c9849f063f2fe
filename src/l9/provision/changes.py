"""The changes that provisioning can make on a host, each with its title, its diff and its commands by hand."""

from __future__ import annotations

import difflib
import shlex
from typing import ClassVar

import msgspec

Diff = tuple[str, ...]  # lines without line ends


class Change(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base. `root`: requires root on this host. The fields are sent to `host/steps.py`.

    UNDO: how the change is taken back if the live release does not answer after it; empty if it is left, since
    nothing that is live uses it.
    """

    UNDO: ClassVar[str] = ""

    root: bool = False

    def title(self) -> str:
        """Return one line: the state after the change."""
        raise NotImplementedError

    def diff(self) -> Diff:
        """Return the changes to files as lines of a unified diff."""
        return ()

    def commands(self) -> tuple[str, ...]:
        """Return the commands that make the same change by hand, on the host."""
        return ()


class MakeDirectory(Change, frozen=True, tag="directory"):
    """A directory with exactly this mode."""

    UNDO: ClassVar[str] = "its former mode and owner, or no directory"

    path: str
    mode: int
    owner: str
    group: str

    def title(self) -> str:
        return f"directory {self.path} {self.mode:04o} {self.owner}:{self.group}"

    def commands(self) -> tuple[str, ...]:
        mode = f"-m {self.mode:04o} -o {shlex.quote(self.owner)} -g {shlex.quote(self.group)}"
        return (f"sudo install -d {mode} {shlex.quote(self.path)}",)


class WriteFile(Change, frozen=True, tag="file"):
    """A whole file. `old` is its observed text, `before` the SHA-256 of that; None if there is no file."""

    UNDO: ClassVar[str] = "its former text, mode and owner, or no file"

    path: str
    text: str
    mode: int
    owner: str
    group: str
    old: str | None = None
    before: str | None = None

    def title(self) -> str:
        return f"file {self.path}"

    def diff(self) -> Diff:
        return _unified(self.path, self.old, self.text)

    def commands(self) -> tuple[str, ...]:
        return (_write_by_hand(self.path, self.text), f"sudo chmod {self.mode:04o} {shlex.quote(self.path)}")


class AddLines(Change, frozen=True, tag="lines"):
    """Lines to add to a file that git created."""

    UNDO: ClassVar[str] = "the file as it was"

    path: str
    lines: tuple[str, ...]

    def title(self) -> str:
        return f"lines in {self.path}"

    def diff(self) -> Diff:
        return (f"+++ {self.path}", *(f"+{line}" for line in self.lines))


class Clone(Change, frozen=True, tag="clone"):
    """A clone of the repository in the directory. It stays: where a release is live, there was one before."""

    path: str
    url: str

    def title(self) -> str:
        return f"clone of {self.url} in {self.path}"


class SetOrigin(Change, frozen=True, tag="origin"):
    """A new origin URL of the clone."""

    UNDO: ClassVar[str] = "the former URL"

    path: str
    url: str
    old: str

    def title(self) -> str:
        return f"origin of {self.path}"

    def diff(self) -> Diff:
        return (f"-origin {self.old}", f"+origin {self.url}")


class InstallAgent(Change, frozen=True, tag="install-agent"):
    """A version of the agent to install beside the others."""

    directory: str
    digest: str
    version: str
    python: str

    def title(self) -> str:
        return f"agent {self.version} ({self.digest}) on {self.python}"


class SwitchAgent(Change, frozen=True, tag="switch-agent"):
    """The version of the agent to use from now on."""

    UNDO: ClassVar[str] = "the link to the former version, or no link"

    directory: str
    digest: str
    old: str | None

    def title(self) -> str:
        return f"link {self.directory}/bin to {self.digest}" + (f" (was {self.old})" if self.old else "")


class PruneAgents(Change, frozen=True, tag="prune-agents"):
    """Unused versions of the agent to remove."""

    directory: str
    digests: tuple[str, ...]

    def title(self) -> str:
        return f"remove unused agent {', '.join(self.digests)}"


class Remove(Change, frozen=True, tag="remove"):
    """Unused files and directories of l9's own."""

    paths: tuple[str, ...]

    def title(self) -> str:
        return f"remove unused {', '.join(self.paths)}"


class MakeLog(Change, frozen=True, tag="log"):
    """The site's access log: owned by Caddy, which rotates it, and readable by Caddy's group."""

    UNDO: ClassVar[str] = "its former mode and owner, or no file"

    path: str
    mode: int
    owner: str
    group: str

    def title(self) -> str:
        return f"access log {self.path} {self.mode:04o} {self.owner}:{self.group}"

    def commands(self) -> tuple[str, ...]:
        path = shlex.quote(self.path)
        return (
            f"sudo touch {path}",
            f"sudo chown {shlex.quote(f'{self.owner}:{self.group}')} {path}",
            f"sudo chmod {self.mode:04o} {path}",
        )


class JoinGroup(Change, frozen=True, tag="join"):
    """The membership of a user in a group, in effect after the next login."""

    UNDO: ClassVar[str] = "the user leaves the group"

    user: str
    group: str

    def title(self) -> str:
        return f"user {self.user} in group {self.group}, to read Caddy's access log"

    def commands(self) -> tuple[str, ...]:
        return (f"sudo usermod -aG {shlex.quote(self.group)} {shlex.quote(self.user)}",)


class CaddySite(Change, frozen=True, tag="caddy"):
    """The site and its import, validated by Caddy before they are written, then loaded; restored on failure."""

    UNDO: ClassVar[str] = "both files as they were, loaded again"

    program: str
    user: str
    admin: str
    site: str
    site_text: str
    site_old: str | None
    caddyfile: str
    caddyfile_text: str
    caddyfile_old: str | None
    sites: str
    access_log: str
    before: dict[str, str | None]
    systemd: bool

    def title(self) -> str:
        changed = [
            path
            for path, old, new in (
                (self.site, self.site_old, self.site_text),
                (self.caddyfile, self.caddyfile_old, self.caddyfile_text),
            )
            if old != new
        ]
        return f"Caddy: {' and '.join(changed)}, validated and loaded" if changed else "Caddy: load the site"

    def diff(self) -> Diff:
        return (
            *_unified(self.site, self.site_old, self.site_text),
            *_unified(self.caddyfile, self.caddyfile_old, self.caddyfile_text),
        )

    def commands(self) -> tuple[str, ...]:
        caddyfile, as_caddy = shlex.quote(self.caddyfile), f"sudo -u {shlex.quote(self.user or 'root')} "
        reload = f"caddy reload --config {caddyfile} --address {shlex.quote(self.admin.split('://')[-1])}"
        texts = [] if self.site_old == self.site_text else [_write_by_hand(self.site, self.site_text)]
        if self.caddyfile_old != self.caddyfile_text:
            texts.append(_write_by_hand(self.caddyfile, self.caddyfile_text))
        return (
            f"sudo install -d {shlex.quote(self.site.rpartition('/')[0])}",
            *texts,
            f"{as_caddy}caddy validate --config {caddyfile}",
            "sudo systemctl reload caddy" if self.systemd else as_caddy + reload,
        )


class StartTimers(Change, frozen=True, tag="timers"):
    """Timers to enable and start, after systemd has reloaded its units."""

    UNDO: ClassVar[str] = "those that were off are off, the others start again with their former units"

    names: tuple[str, ...]

    def title(self) -> str:
        return f"timers {', '.join(self.names)} enabled and started"

    def commands(self) -> tuple[str, ...]:
        return ("sudo systemctl daemon-reload", f"sudo systemctl enable --now {shlex.join(self.names)}")


class InstallPackages(Change, frozen=True, tag="packages"):
    """Packages of the distribution to install. They stay: what a package brings may be in use already."""

    names: tuple[str, ...]

    def title(self) -> str:
        return f"packages {', '.join(self.names)}"

    def commands(self) -> tuple[str, ...]:
        return (f"sudo apt-get update && sudo apt-get install -y {shlex.join(self.names)}",)


def _unified(path: str, old: str | None, new: str) -> tuple[str, ...]:
    """Return the lines of a unified diff without line ends; none if nothing changes."""
    if old == new:
        return ()
    name = "/dev/null" if old is None else path
    lines = difflib.unified_diff((old or "").splitlines(), new.splitlines(), name, path, lineterm="")
    return tuple(line.encode("utf-8", "replace").decode() for line in lines)


def _write_by_hand(path: str, text: str) -> str:
    """Return a shell command that writes a file as root."""
    end = "L9"
    while end in text.splitlines():
        end += "_"
    return f"sudo tee {shlex.quote(path)} >/dev/null <<'{end}'\n{text.removesuffix(chr(10))}\n{end}"
