"""Creates the real adapters."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from l9.config.layout import Layout
from l9.config.model import Config
from l9.config.settings import ServerSettings
from l9.core.ports import Router, Runtime, Source
from l9.drivers.caddy.flag_file import CaddyFile
from l9.drivers.files.deployed import DeployedFiles
from l9.drivers.files.env_on_host import EnvOnHost
from l9.drivers.git.source import GitSource
from l9.drivers.http.client import HttpClient
from l9.drivers.process.clock import SystemClock
from l9.host.observe import HostPorts
from l9.host.release_settings import ReleaseSettingsStore


def host_ports(config: Config, *, layout: Layout, server: ServerSettings, allowed_signers: Path) -> HostPorts:
    """Return the ports of this host for one configuration."""
    source = GitSource(layout, config.release.main, allowed_signers)
    return HostPorts(
        clock=SystemClock(),
        runtime=_runtime(config, layout, source),
        router=_router(config, layout),
        source=source,
        http=HttpClient(),
        record=DeployedFiles(layout),
        env=EnvOnHost(layout.root / config.env.file, layout.env),
        settings=ReleaseSettingsStore(layout, source, server),
    )


def _runtime(config: Config, layout: Layout, source: Source) -> Runtime:
    if config.target.runtime == "process":
        from l9.drivers.process.runtime import ProcessRuntime

        return ProcessRuntime(config, layout, source)
    from l9.drivers.docker.runtime import ComposeRuntime

    return ComposeRuntime(config, layout, source)


def _router(config: Config, layout: Layout) -> Router:
    host = urlsplit(config.target.public_url).netloc
    headers = {"Host": host} if host else {}
    if config.route.kind == "caddy-admin":
        from l9.drivers.caddy.admin import CaddyAdmin

        return CaddyAdmin(layout, config, HttpClient(), access_log(config), headers)
    return CaddyFile(layout, config, HttpClient(), access_log(config), headers)


def access_log(config: Config) -> Path:
    """Return the path of the access log of this app's Caddy site."""
    return Path(config.route.access_log or f"/var/log/caddy/{config.instance}.log")
