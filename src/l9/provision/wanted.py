"""The wanted state of a host for one target, from its configuration. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from l9.config import provisioned
from l9.config.layout import Layout
from l9.config.model import Config
from l9.config.provisioned import Provisioned, for_instance, in_directory
from l9.config.settings import ServerSettings, server_settings
from l9.configuration import FILE
from l9.drivers.caddy import site as caddy
from l9.errors import ConfigError
from l9.host.wiring import access_log
from l9.provision.caddyfile import address
from l9.provision.host import route
from l9.provision.units import cron_name, systemd

EXCLUDED = (".l9/", ".env", ".deployed-tag", ".deployed-metadata.json")
LONGEST_SIGNERS = 100_000  # characters
UNITS = "/etc/systemd/system"
CRON = "/etc/cron.d"
OLDER = "config.json"  # the settings' name in an l9 from before the first release
_INSTANCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,80}")
_PATH = re.compile(r"/[^\[{}\\\"`]+")  # without the characters of Caddy's patterns and placeholders
_PLAIN_PATH = re.compile(r"/[\w./-]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One target on one host. `repository`: the URL that the host clones; `moved`: it was passed as an option.

    `signers` is the text of the operator's allowed signers file; None if none is configured. `config_file` is the
    path of `l9.toml` in the repository. `by_root`: provisioning may act as root there, so that settings, signers and
    the agent's code are writable by root only.
    """

    config: Config
    repository: str = ""
    moved: bool = False
    signers: str | None = None
    config_file: str = FILE
    by_root: bool = True

    @property
    def instance(self) -> str:
        return self.config.instance

    @property
    def path(self) -> str:
        return self.config.target.path.rstrip("/")

    @property
    def layout(self) -> Layout:
        return Layout(Path(self.path))

    @property
    def env_file(self) -> str:
        return str(self.layout.root / self.config.env.file)

    @property
    def files(self) -> Provisioned:
        """The paths of settings, signers and agent."""
        return for_instance(self.instance) if self.by_root else self.in_directory

    @property
    def in_directory(self) -> Provisioned:
        """The same paths for a target without root, in its own directory."""
        return in_directory(self.layout.root)

    @property
    def guarded(self) -> tuple[str, ...]:
        """The directories that only root may write to, each after its parent."""
        return tuple(map(str, self.files.guarded))

    @property
    def unused(self) -> tuple[str, ...]:
        """Unused paths in the target's directory: of an older l9, or from before root provisioned it."""
        own = self.in_directory
        of_before_root = (own.settings, own.allowed_signers, own.agents) if self.by_root else ()
        return tuple(map(str, (own.settings.with_name(OLDER), *of_before_root)))

    @property
    def agents(self) -> str:
        """The directory of the agent's versions and the link to the one in use."""
        return str(self.files.agents)

    @property
    def agent(self) -> str:
        """The path of the agent's program."""
        return str(self.files.agent)

    @property
    def named(self) -> tuple[str, ...]:
        """The agent's arguments that select this target."""
        return ("--instance", self.instance) if self.by_root else ("--path", self.path)

    @property
    def settings(self) -> str:
        """The path of the server's settings, which contain no secret."""
        return str(self.files.settings)

    @property
    def allowed_signers(self) -> str:
        """The path of the host's allowed signers file."""
        return str(self.files.allowed_signers)

    @property
    def settings_text(self) -> str:
        """The server's part of the configuration, one section a line, for readable diffs."""
        return settings_text(server_settings(self.config, self.config_file))

    # ── Caddy ────────────────────────────────────────────────────────────────────────────────────

    @property
    def has_site(self) -> bool:
        """True if l9 writes Caddy's files; with `caddy-admin` it does not."""
        return self.config.route.kind == "caddy-file"

    @property
    def caddyfile(self) -> str:
        return self.config.route.caddyfile

    @property
    def sites(self) -> str:
        """The glob that the Caddyfile imports."""
        return str(Path(self.caddyfile).parent / "l9" / "*.caddy")

    @property
    def site(self) -> str:
        return str(Path(self.caddyfile).parent / "l9" / f"{self.instance}.caddy")

    @property
    def site_address(self) -> str:
        return address(self.config)

    @property
    def site_text(self) -> str:
        return caddy.site(
            address=self.site_address,
            flags=str(self.layout.route),
            blue=self.config.target.ports.blue,
            green=self.config.target.ports.green,
            access_log=self.access_log,
        )

    @property
    def access_log(self) -> str:
        return str(access_log(self.config))

    @property
    def marks(self) -> list[str]:
        """Strings in the JSON configuration of a running Caddy that has loaded the site."""
        ports = self.config.target.ports
        return [f'"{self.layout.route}"', f'"127.0.0.1:{ports.blue}"', f'"127.0.0.1:{ports.green}"']

    @property
    def asked(self) -> route.Question | None:
        """What the host asks its public route, to see which release is live; None where the site is not l9's."""
        config = self.config
        if not self.has_site:
            return None
        return route.question(
            config.route.url, config.target.public_url, config.health.path, config.health.timeout
        )

    @property
    def known_settings(self) -> list[str]:
        """The files that may hold the settings of the host by which the live release was deployed."""
        return [str(for_instance(self.instance).settings), str(self.in_directory.settings)]

    # ── the timer ────────────────────────────────────────────────────────────────────────────────

    @property
    def cron(self) -> str:
        return f"{CRON}/{cron_name(self.instance)}"

    def units(self, user: str) -> dict[str, str]:
        """Unit files by path."""
        texts = systemd(
            instance=self.instance,
            agent=self.agent,
            named=self.named,
            user=user,
            runtime=self.config.target.runtime,
        )
        return {f"{UNITS}/{name}": text for name, text in texts.items()}

    @property
    def timers(self) -> tuple[str, ...]:
        return (f"l9-{self.instance}.timer", f"l9-{self.instance}-drift.timer")

    # ── what to inspect ──────────────────────────────────────────────────────────────────────────

    def question(self) -> dict[str, Any]:
        """Return the request to inspect the host (`host/look.py`)."""
        state = (str(self.layout.state), str(self.layout.route), self.env_file)
        # With and without root: the result of the inspection decides between the two.
        root, own = (replace(self, by_root=by_root) for by_root in (True, False))
        of_root = [*root.guarded, root.settings, root.allowed_signers]
        files = [own.settings, own.allowed_signers, *root.unused]
        caddys = (self.caddyfile, self.site, self.access_log) if self.has_site else ()
        return {
            "path": self.path,
            "paths": [*state, *of_root, *dict.fromkeys(files), *caddys, *self.units("root"), self.cron],
            "unlinked": of_root,
            "agents": [root.agents, own.agents],
            "caddyfile": self.caddyfile if self.has_site else "",
            "admin": self.config.route.admin,
            "marks": self.marks,
            "sites": self.sites if self.has_site else "",
            "instances": str(provisioned.ETC / "*" / "settings.json"),
            "timers": list(self.timers),
            "repository": self.repository,
            "docker": self.config.target.runtime == "compose",
            "settings": self.known_settings,
            "wanted": self.asked,
        }


def settings_text(settings: ServerSettings) -> str:
    """Format a server's settings file, one section a line; scripts search for the line with its path."""
    sections = msgspec.to_builtins(settings)
    lines = (f'  "{key}": {json.dumps(sections[key], ensure_ascii=False)}' for key in sorted(sections))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def want(
    config: Config,
    repository: str = "",
    *,
    moved: bool = False,
    signers: str | None = None,
    config_file: str = FILE,
) -> Wanted:
    """Check the values that become file names or lines of files. Raises ConfigError."""
    target, route = config.target, config.route
    if not _INSTANCE.fullmatch(config.instance):
        raise _refused("targets.NAME.instance", "letters a-z, digits, `.`, `_` and `-`", config.instance)
    for key, value, allowed in (
        ("path", target.path, _PATH),
        ("route.caddyfile", route.caddyfile, _PLAIN_PATH),
        ("route.access_log", str(access_log(config)), _PATH),
    ):
        if not allowed.fullmatch(value) or not value.isprintable() or ".." in value.split("/"):
            raise _refused(key, "an absolute path without quotes and brackets", value)
    for key, value in (("route.site", address(config)), ("repository", repository)):
        if any((c.isspace() and c != " ") or c in '{}"`' or not c.isprintable() for c in value):
            raise _refused(key, "one line without braces and quotes", value)
    if signers is not None and (
        "PRIVATE KEY" in signers or "\0" in signers or len(signers) > LONGEST_SIGNERS
    ):
        raise _refused(
            "release.allowed_signers", "a file of names and public keys", config.release.allowed_signers
        )
    return Wanted(config, repository, moved, signers, config_file)


def _refused(key: str, expected: str, found: str) -> ConfigError:
    return ConfigError(f"{FILE}: {key}", expected=expected, found=repr(found), remedy=f"$EDITOR {FILE}")
