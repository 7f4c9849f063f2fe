"""The three owners of configuration keys, and the two parts of the configuration that a host uses.

Every key has one owner:

- *server*: provisioning writes these where only root can write. No client and no tag can change them; a
  tag may only ask for more.
- *release*: read once from the tag's own `l9.toml`, resolved, and kept with the release.
- *operator*: used on the operator's side only; never sent.

>>> owner_of("health.soak"), owner_of("targets.ports"), owner_of("release.signing_key")
(<Owner.RELEASE: 'release'>, <Owner.SERVER: 'server'>, <Owner.OPERATOR: 'operator'>)
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from l9.config import model

SCHEMA: Literal["l9.settings/1"] = "l9.settings/1"
_RELEASE, _ENV = model.Release(), model.Env()


class Owner(StrEnum):
    """The owner of a key."""

    SERVER = "server"
    RELEASE = "release"
    OPERATOR = "operator"


_OF_SECTION = {
    "app": Owner.SERVER,
    "targets": Owner.SERVER,
    "release": Owner.SERVER,
    "check": Owner.OPERATOR,
    "hooks": Owner.OPERATOR,
    "cgmp": Owner.OPERATOR,
    "compose": Owner.RELEASE,
    "process": Owner.RELEASE,
    "env": Owner.RELEASE,
    "health": Owner.RELEASE,
    "smoke": Owner.RELEASE,
    "route": Owner.SERVER,
    "bake": Owner.RELEASE,
    "drain": Owner.RELEASE,
    "standby": Owner.SERVER,
    "retention": Owner.SERVER,
    "needs": Owner.SERVER,
}
_OF_KEY = {
    "targets.host": Owner.OPERATOR,
    "targets.ssh_options": Owner.OPERATOR,
    "release.branches": Owner.OPERATOR,
    "release.other_tags": Owner.OPERATOR,
    "release.review": Owner.OPERATOR,
    "release.signing_key": Owner.OPERATOR,
    "env.source": Owner.OPERATOR,
    "env.ignore": Owner.OPERATOR,
}


def owner_of(key: str) -> Owner:
    """Return the owner of a key such as `health.soak`; a target's keys begin with `targets.`. Raises KeyError."""
    return _OF_KEY.get(key) or _OF_SECTION[key.partition(".")[0]]


# ── the server's part ────────────────────────────────────────────────────────────────────────────


class Acceptance(model.Section, frozen=True):
    """The releases that a server accepts: names, main branch, and required signatures and attestations."""

    tag: str = _RELEASE.tag
    main: str = _RELEASE.main
    signatures: Literal["optional", "required"] = "optional"
    require_attestation: bool = False


class ServerSettings(model.Section, frozen=True):
    """One target's settings on its server, as provisioning writes them. They contain no secret.

    `config_file` is the path of `l9.toml` in the repository.
    """

    app: model.Name
    name: model.Name
    instance: str
    path: str
    runtime: Literal["compose", "process"] = "compose"
    public_url: str = ""
    ports: model.Ports = model.Ports()
    config_file: model.InsidePath = "l9.toml"
    release: Acceptance = Acceptance()
    route: model.Route = model.Route()
    standby: model.Standby = model.Standby()
    retention: model.Retention = model.Retention()
    needs: model.Needs = model.Needs()
    schema: Literal["l9.settings/1"] = SCHEMA


def server_settings(config: model.Config, config_file: str = "l9.toml") -> ServerSettings:
    """Return the server's part of a configuration."""
    target, release = config.target, config.release
    return ServerSettings(
        app=config.app,
        name=config.name,
        instance=config.instance,
        path=str(PurePosixPath(target.path)),
        runtime=target.runtime,
        public_url=target.public_url,
        ports=target.ports,
        config_file=config_file,
        release=Acceptance(
            tag=release.tag,
            main=release.main,
            signatures=release.signatures,
            require_attestation=release.require_attestation,
        ),
        route=config.route,
        standby=config.standby,
        retention=config.retention,
        needs=config.needs,
    )


def differences(mine: ServerSettings, theirs: ServerSettings) -> tuple[str, ...]:
    """Return the keys in which two settings differ, each with both values.

    >>> one = ServerSettings(app="a", name="p", instance="a", path="/opt/a")
    >>> differences(one, replace(one, standby=model.Standby(seconds=5)))
    ('standby.seconds: 600 here, 5 on the host',)
    """
    return tuple(
        f"{key}: {here} here, {there} on the host"
        for (key, here), (_, there) in zip(_flat(mine), _flat(theirs), strict=True)
        if here != there
    )


def _flat(settings: ServerSettings) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in msgspec.to_builtins(settings).items():
        if isinstance(value, dict) and name != "schema":
            found += [(f"{name}.{key}", _short(inner)) for key, inner in value.items()]
        else:
            found.append((name, _short(value)))
    return found


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, str | int) else msgspec.json.encode(value).decode()


# ── the release's part ───────────────────────────────────────────────────────────────────────────


class ReleaseEnv(model.Section, frozen=True):
    """The environment file on the host, and the example in the release."""

    file: model.InsidePath = _ENV.file
    example: model.InsidePath = _ENV.example


class ReleaseSettings(model.Section, frozen=True):
    """A release's own part of the configuration, resolved for one target.

    `asks` tightens the server's own settings (`tightened`).
    """

    compose: model.Compose = model.Compose()
    process: model.Process = model.Process()
    env: ReleaseEnv = ReleaseEnv()
    health: model.Health = model.Health()
    smoke: tuple[model.Smoke, ...] = ()
    bake: model.Bake = model.Bake()
    drain: model.Drain = model.Drain()
    asks: Acceptance = Acceptance()


def release_settings(config: model.Config) -> ReleaseSettings:
    """Return the release's part of a configuration."""
    return ReleaseSettings(
        compose=config.compose,
        process=config.process,
        env=ReleaseEnv(file=config.env.file, example=config.env.example),
        health=config.health,
        smoke=config.smoke,
        bake=config.bake,
        drain=config.drain,
        asks=Acceptance(
            tag=config.release.tag,
            main=config.release.main,
            signatures=config.release.signatures,
            require_attestation=config.release.require_attestation,
        ),
    )


def tightened(server: ServerSettings, release: ReleaseSettings) -> ServerSettings:
    """Return the server's settings, tightened by the release's. Nothing is ever loosened."""
    mine, more = server.release, release.asks
    signatures: Literal["optional", "required"] = (
        "required" if "required" in (mine.signatures, more.signatures) else "optional"
    )
    asked = replace(
        mine,
        signatures=signatures,
        require_attestation=mine.require_attestation or more.require_attestation,
    )
    return replace(server, release=asked)


def host_config(server: ServerSettings, release: ReleaseSettings | None = None) -> model.Config:
    """Return the configuration that a host uses. Without a release's part its sections have their defaults."""
    asked = server.release
    config = model.Config(
        app=server.app,
        name=server.name,
        target=model.Target(
            host="local",
            path=server.path,
            runtime=server.runtime,
            instance=server.instance,
            public_url=server.public_url,
            ports=server.ports,
        ),
        release=model.Release(
            tag=asked.tag,
            main=asked.main,
            signatures=asked.signatures,
            require_attestation=asked.require_attestation,
        ),
        route=server.route,
        standby=server.standby,
        retention=server.retention,
        needs=server.needs,
    )
    if release is None:
        return config
    return replace(
        config,
        compose=release.compose,
        process=release.process,
        env=model.Env(file=release.env.file, example=release.env.example),
        health=release.health,
        smoke=release.smoke,
        bake=release.bake,
        drain=release.drain,
    )
