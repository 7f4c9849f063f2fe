"""The documents that l9 gives to compose for one container: a slot, or a one-shot of a release. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from l9.checks.compose.services import Document, choose, services
from l9.config.model import Config
from l9.core.states import Slot
from l9.drivers.compose import names
from l9.errors import ConfigError

_DROPPED = ("attach", "build", "depends_on", "develop", "links", "profiles", "pull_policy", "scale")
_KEPT_OF_DEPLOY = ("labels", "resources")
_OWN_ADDRESS = ("aliases", "ipv4_address", "ipv6_address", "link_local_ips", "mac_address")


class ReleasePaths(msgspec.Struct, frozen=True):
    """The live checkout and the release's tree. `tracked` returns True for a relative path that is in the tag.

    Files in the tag come from the tag; others (uploads, certificates) are the host's own.
    """

    root: str
    tree: str
    tracked: Callable[[str], bool]

    def of_release(self, path: str) -> str:
        """Return the path for a slot or its build."""
        for base in (self.tree, self.root):  # the tree is below the root
            if path == base or path.startswith(f"{base}/"):
                inside = path[len(base) :]
                return (self.tree if self.tracked(inside.lstrip("/")) else self.root) + inside
        return path

    def of_host(self, path: str) -> str:
        """Return the path for a service that outlives the release."""
        inside = path == self.tree or path.startswith(f"{self.tree}/")
        return self.root + path[len(self.tree) :] if inside else path


class ReleaseDocument(msgspec.Struct, frozen=True):
    """An instance's release and the digest of its image, which documents are derived for."""

    instance: str
    tag: str
    commit: str
    image: str = ""


def slot_document(
    document: Mapping[str, Any],
    config: Config,
    slot: Slot,
    release: ReleaseDocument,
    places: ReleasePaths,
    *,
    quick_health: bool = False,
) -> Document:
    """Return the document with the one service of a slot. Its networks and volumes are the base project's own.

    quick_health: probe often until the first success; needs a healthcheck and an engine with `start_interval`.
    """
    chosen = choose(document, config)
    name = chosen.of(slot)
    service = _service(document, name, places)
    port = config.target.ports.blue if slot is Slot.BLUE else config.target.ports.green
    service["container_name"] = names.container(release.instance, slot)
    service["image"] = release.image
    service["restart"] = names.RESTARTS
    service.setdefault("stop_grace_period", f"{config.drain.grace:g}s")
    service["labels"] = {**(service.get("labels") or {}), **labels(release, {names.SLOT: str(slot)})}
    own = {"L9_SLOT": str(slot), "L9_RELEASE": release.tag, "L9_COMMIT": release.commit}
    service.pop("ports", None)
    if service.get("network_mode") == "host":
        own[config.compose.port_variable] = str(port)
    else:
        service["ports"] = [
            {"mode": "host", "host_ip": "127.0.0.1", "target": config.compose.port, "published": str(port)}
        ]
    service["environment"] = {**(service.get("environment") or {}), **escaped(own)}
    if chosen.derived:
        # With the service's alias both slots would get its requests, even an unproven or paused one.
        _own_address_only(service)
        name = f"{name}-{slot}"
    if quick_health and not (service.get("healthcheck") or {}).get("disable"):
        check = {"start_period": "30s", "start_interval": "250ms"}
        service["healthcheck"] = {**check, **(service.get("healthcheck") or {})}
    return _alone(document, names.project(release.instance, str(slot), release.tag), name, service, places)


def job_document(
    document: Mapping[str, Any], name: str, release: ReleaseDocument, places: ReleasePaths
) -> Document:
    """Return the document with a one-shot of this release. Without an image it runs the service's own."""
    service = _service(document, name, places)
    for key in ("ports", "healthcheck"):
        service.pop(key, None)
    service["container_name"] = names.job(release.instance, name, release.tag)
    service["restart"] = "no"
    service["image"] = release.image or service["image"]
    service["labels"] = {**(service.get("labels") or {}), **labels(release, {names.JOB: name})}
    own = {"L9_RELEASE": release.tag, "L9_COMMIT": release.commit}
    service["environment"] = {**(service.get("environment") or {}), **escaped(own)}
    _own_address_only(service)
    return _alone(document, names.project(release.instance, name, release.tag), name, service, places)


def labels(release: ReleaseDocument, more: Mapping[str, str]) -> dict[str, str]:
    """Return the labels by which l9 finds its own objects."""
    found = {names.INSTANCE: release.instance, names.RELEASE: release.tag, names.COMMIT: release.commit}
    return escaped({**found, **more})


def files(entries: Mapping[str, Any] | None, places: ReleasePaths) -> Document:
    return {
        n: {**v, "file": places.of_release(v["file"])} if "file" in v else v
        for n, v in (entries or {}).items()
    }


def mount(entry: Mapping[str, Any], path: Callable[[str], str]) -> Document:
    return {**entry, "source": path(entry["source"])} if entry.get("type") == "bind" else dict(entry)


def is_named(entry: Mapping[str, Any]) -> bool:
    return entry.get("type") == "volume" and bool(entry.get("source"))


def escaped(values: Mapping[str, str]) -> dict[str, str]:
    """Escape `$`, which compose reads as the start of a variable."""
    return {k: v.replace("$", "$$") for k, v in values.items()}


def _service(document: Mapping[str, Any], name: str, places: ReleasePaths) -> Document:
    """Return a service without its ties to a project, its files taken from the release."""
    original = services(document)[name]
    _refuse_ties(name, original)
    service = {k: v for k, v in original.items() if k not in _DROPPED}
    if deploy := {k: v for k, v in (service.pop("deploy", None) or {}).items() if k in _KEPT_OF_DEPLOY}:
        service["deploy"] = deploy
    if "volumes" in service:
        service["volumes"] = [mount(v, places.of_release) for v in service["volumes"]]
    return service


def _refuse_ties(name: str, service: Mapping[str, Any]) -> None:
    """Refuse a service that needs another one in its project: a slot's project has only the slot."""
    ties = [f"{k}: {service[k]}" for k in ("network_mode", "ipc", "pid") if "service:" in str(service.get(k))]
    ties += [f"volumes_from: {v}" for v in service.get("volumes_from", ()) if not v.startswith("container:")]
    ties += [f"links: {v}" for v in service.get("links", ()) if ":" in v]
    if ties:
        raise ConfigError(
            f"service {name} is tied to another service",
            expected="a service that reaches the others over a network only",
            found=ties[0],
            remedy="$EDITOR docker-compose.yml",
        )


def _alone(
    document: Mapping[str, Any], project: str, name: str, service: Document, places: ReleasePaths
) -> Document:
    """Return a document of one service, with the top-level entries that it refers to."""
    found: Document = {"name": project, "services": {name: service}}
    uses = {
        "networks": list(service.get("networks") or ()),
        "volumes": [v["source"] for v in service.get("volumes", ()) if is_named(v)],
    }
    for kind, keys in uses.items():
        if keys:
            found[kind] = {k: {"name": document[kind][k]["name"], "external": True} for k in keys}
    for kind in ("secrets", "configs"):
        if keys := [r["source"] for r in service.get(kind, ())]:
            found[kind] = files({k: document[kind][k] for k in keys}, places)
    return found


def _own_address_only(service: Document) -> None:
    service.pop("mac_address", None)
    if service.get("networks"):
        service["networks"] = {
            k: {a: b for a, b in (v or {}).items() if a not in _OWN_ADDRESS} or None
            for k, v in service["networks"].items()
        }
