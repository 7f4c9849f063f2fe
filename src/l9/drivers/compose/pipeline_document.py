"""The document that the stages of CGMP run in: the tests' service, the release, and their dependencies.

It is isolated from the user's own project: networks and volumes are its own, and no name or port is fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from l9.checks.compose.services import Document, active, choose, is_database, services
from l9.config.model import Config
from l9.drivers.compose import names
from l9.drivers.compose.slot_document import escaped, is_named
from l9.errors import ConfigError

LABEL = "dev.l9.cgmp"  # its value is the process that created the object
EVIDENCE = "/l9-evidence"
# The code in an image may belong to another user: caches and coverage data go elsewhere, or nowhere.
_NOWHERE_TO_WRITE = {
    "COVERAGE_FILE": f"{EVIDENCE}/.coverage",
    "MYPY_CACHE_DIR": "/dev/null",
    "PYTHONDONTWRITEBYTECODE": "1",
    "RUFF_NO_CACHE": "true",
}
_DROPPED = ("attach", "container_name", "develop", "mac_address", "ports", "profiles", "pull_policy", "scale")
_FIXED_ADDRESS = ("ipv4_address", "ipv6_address", "link_local_ips", "mac_address")


class Attempt(msgspec.Struct, frozen=True):
    """One run of the stages. `evidence` is the folder for reports on this machine; `port` is for a service that
    uses the host's network.
    """

    project: str
    owner: str
    key: str
    tests: str
    evidence: str
    port: int


def cgmp_document(document: Document, config: Config, attempt: Attempt) -> Document:
    """Derive the stages' document from the user's resolved one. Raises ConfigError for an unknown service."""
    known = services(document)
    app = choose(document, config).blue
    if attempt.tests not in known:
        raise ConfigError(
            "the compose file has no service for the tests",
            expected=f"service {attempt.tests}",
            found=f"services {', '.join(sorted(known))}",
            remedy="$EDITOR docker-compose.yml",
        )
    wanted = dict.fromkeys((*closure(document, attempt.tests), *closure(document, app), *databases(document)))
    found = {name: _service(document, name, tuple(wanted), config, attempt) for name in wanted}
    tests, release = found[attempt.tests], found[app]
    mount = {"type": "bind", "source": attempt.evidence, "target": EVIDENCE}
    tests["volumes"] = [*tests.get("volumes", ()), mount]
    tests["environment"] = {**(tests.get("environment") or {}), **_NOWHERE_TO_WRITE}
    more = dict(config.cgmp.env)
    if release.get("network_mode") == "host":
        more[config.compose.port_variable] = str(attempt.port)
    else:
        release["ports"] = [{"mode": "host", "host_ip": "127.0.0.1", "target": config.compose.port}]
    release["environment"] = {**(release.get("environment") or {}), **escaped(more)}
    mark = {"labels": {LABEL: attempt.owner}}
    top = {
        "networks": {
            n: {**mark, **_only(v, ("internal",))} for n, v in (document.get("networks") or {}).items()
        },
        "volumes": dict.fromkeys(document.get("volumes") or (), mark),
        "secrets": document.get("secrets"),
        "configs": document.get("configs"),
    }
    return {"name": attempt.project, "services": found, **{k: v for k, v in top.items() if v}}


def databases(document: Mapping[str, object]) -> tuple[str, ...]:
    """Return the project's databases and brokers; a release needs them even without a declared dependency."""
    return tuple(n for n in active(document) if is_database(services(document)[n]))


def image_name(config: Config, service: str, key: str) -> str:
    """Return the name of a service's image that is built for the content with that key."""
    return f"{repository(config)}:{names.slug(service)}-{key[:12]}"


def repository(config: Config) -> str:
    """Return the image repository that only the stages use."""
    return f"l9-cgmp/{names.slug(config.app)}"


def closure(document: Document, name: str) -> Iterator[str]:
    """Yield a service's dependencies, then the service."""
    seen: set[str] = set()

    def visit(one: str) -> Iterator[str]:
        if one in seen or one not in services(document):
            return
        seen.add(one)
        for other in sorted(services(document)[one].get("depends_on") or {}):
            yield from visit(other)
        yield one

    return visit(name)


def _service(
    document: Document, name: str, wanted: tuple[str, ...], config: Config, attempt: Attempt
) -> Document:
    known = services(document)
    service = {k: v for k, v in known[name].items() if k not in _DROPPED}
    service["restart"] = "no"
    mark = {LABEL: attempt.owner}
    service["labels"] = {**(service.get("labels") or {}), **mark}
    if "depends_on" in service:
        service["depends_on"] = {k: v for k, v in service["depends_on"].items() if k in wanted}
    if service.get("networks"):
        service["networks"] = {
            k: {a: b for a, b in (v or {}).items() if a not in _FIXED_ADDRESS} or None
            for k, v in service["networks"].items()
        }
    if "volumes" in service:
        service["volumes"] = [
            v if not is_named(v) else _only(v, ("type", "source", "target")) for v in service["volumes"]
        ]
    if build := service.get("build"):
        args = {**(build.get("args") or {}), **escaped(config.compose.build_args)}
        labels = {**(build.get("labels") or {}), LABEL: attempt.key}
        plain = {k: v for k, v in build.items() if k != "tags"}
        service["build"] = {**plain, "args": args, "labels": labels}
        service["image"] = image_name(config, name, attempt.key)
    elif (builder := _built_as(document, str(service.get("image")), wanted)) is not None:
        service["image"] = image_name(config, builder, attempt.key)
    return service


def _built_as(document: Document, image: str, wanted: tuple[str, ...]) -> str | None:
    """Return the service that builds an image which another service (a migration, a worker) only names."""
    known = services(document)
    return next((n for n in wanted if known[n].get("build") and known[n].get("image") == image), None)


def _only(entry: Mapping[str, object] | None, keys: tuple[str, ...]) -> Document:
    return {k: v for k, v in (entry or {}).items() if k in keys}
