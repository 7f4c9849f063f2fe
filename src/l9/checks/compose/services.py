"""The services of the user's compose file that are the slots, and the others. The file is not changed.

A document is what `docker compose config --format json` prints: resolved, normalized, `$` written as `$$`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec

from l9.config.model import Compose, Config
from l9.core.states import Slot
from l9.errors import ConfigError

Document = dict[str, Any]

EXTENSION = "x-l9"  # ignored by compose; l9 adds there what the resolved document lacks
COMPLETED = "service_completed_successfully"
USUAL_FILES = (
    "docker/docker-compose.yml",
    "docker-compose.yml",
    "compose.yaml",
    "compose.yml",
    "docker/compose.yml",
)
_DATABASES = re.compile(
    r"(?:^|[-_.])(cassandra|clickhouse|cockroach|couchdb|elasticsearch|etcd|influxdb|kafka|keydb|mariadb"
    r"|meilisearch|memcached|minio|mongo|mongodb|mysql|nats|neo4j|opensearch|pgvector|postgis|postgres"
    r"|postgresql|qdrant|rabbitmq|redis|redpanda|timescaledb|typesense|valkey|weaviate|zookeeper)(?:[-_.]|$)"
)


class Chosen(msgspec.Struct, frozen=True):
    """The service of each slot; the same one if both slots are derived from it."""

    blue: str
    green: str

    @property
    def derived(self) -> bool:
        return self.blue == self.green

    def of(self, slot: Slot) -> str:
        return self.blue if slot is Slot.BLUE else self.green


def services(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """All services, including those of inactive profiles."""
    found: Mapping[str, Any] = document.get("services") or {}
    return found


def active(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The sorted services without a profile or with an active one."""
    noted = document.get(EXTENSION, {}).get("hashes")
    if noted is not None:
        return tuple(sorted(noted))
    return tuple(sorted(n for n, s in services(document).items() if not s.get("profiles")))


def noted(document: Mapping[str, Any], hashes: Mapping[str, str]) -> Document:
    """The document with the hashes of its active services, as `docker compose config --hash` gave them."""
    return {**document, EXTENSION: {"hashes": dict(hashes)}}


def choose(document: Mapping[str, Any], config: Config) -> Chosen:
    """The slots' services: the configured ones, else the spec's two, else the only possible one.

    Raises ConfigError, naming the services that there are.
    """
    known, wanted = services(document), config.compose
    if wanted.blue or wanted.service:
        chosen = Chosen(wanted.blue or wanted.service, wanted.green or wanted.service)
        for name in (chosen.blue, chosen.green):
            if name not in known:
                raise _no_service(f"service {name}", document, wanted)
        return chosen
    spec = Chosen(f"{config.app}-blue", f"{config.app}-green")
    if spec.blue in known and spec.green in known:
        return spec
    candidates = _candidates(document, config.app)
    only = next((names[0] for names in candidates if len(names) == 1), None)
    if only is None:
        raise _no_service(f"a service {config.app}, or {spec.blue} and {spec.green}", document, wanted)
    return Chosen(only, only)


def _candidates(document: Mapping[str, Any], app: str) -> Iterator[tuple[str, ...]]:
    """Candidates, best first; a guess counts if it leaves one service."""
    known, names = services(document), active(document)
    yield (app,) if app in known else ()
    yield tuple(n for n in names if known[n].get("build"))
    yield tuple(n for n in names if not is_database(known[n]))


def _no_service(wanted: str, document: Mapping[str, Any], compose: Compose) -> ConfigError:
    return ConfigError(
        "the compose file has no service for the slots",
        expected=wanted,
        found=f"services {', '.join(sorted(services(document)))}"
        if services(document)
        else "no service at all",
        remedy="$EDITOR l9.toml  # [compose] service = ...",
    )


def is_database(service: Mapping[str, Any]) -> bool:
    """True if a service runs a well-known database or broker, by its image's name."""
    name = re.split(r"[:@]", str(service.get("image", "")).rpartition("/")[2])[0]
    return not service.get("build") and _DATABASES.search(name) is not None


def other_services(document: Mapping[str, Any], config: Config) -> tuple[str, ...]:
    """The active services that are neither a slot's nor used for the local gates."""
    chosen = choose(document, config)
    left_out = {chosen.blue, chosen.green, gate_service(config.check.test)}
    return tuple(n for n in active(document) if n not in left_out)


def gate_service(test: tuple[str, ...]) -> str:
    """The service of `docker compose run … SERVICE …` in the local gates, or an empty name."""
    if "compose" not in test or "run" not in test:
        return ""
    return next((a for a in test[test.index("run") + 1 :] if not a.startswith("-")), "")


def jobs(document: Mapping[str, Any], config: Config) -> tuple[str, ...]:
    """The one-shot services (migrations) that must complete before a slot may start, in their order."""
    chosen, known = choose(document, config), services(document)
    found: list[str] = []

    def visit(name: str) -> None:
        for other, how in sorted((known[name].get("depends_on") or {}).items()):
            if how.get("condition") == COMPLETED and other in known and other not in found:
                visit(other)
                found.append(other)

    visit(chosen.blue)
    visit(chosen.green)
    return tuple(found)


def is_one_shot(document: Mapping[str, Any], name: str) -> bool:
    """True if a service has finished its work, rather than failed, when it exits with 0."""
    service = services(document)[name]
    if any(
        (other.get("depends_on") or {}).get(name, {}).get("condition") == COMPLETED
        for other in services(document).values()
    ):
        return True
    stays = service.get("restart", "no") not in ("no", "on-failure") or service.get("ports")
    return not (stays or service.get("healthcheck") or is_database(service))


def changed_services(wanted: Mapping[str, Collection[str]], running: Mapping[str, str]) -> tuple[str, ...]:
    """The sorted running services whose definition matches none of the wanted hashes."""
    return tuple(sorted(n for n, known in running.items() if n in wanted and known not in wanted[n]))


def fixed_names(document: Mapping[str, Any], names: Collection[str]) -> dict[str, str]:
    """Services with a fixed container name, which a second instance on the same host cannot share."""
    known = services(document)
    return {n: str(known[n]["container_name"]) for n in sorted(names) if known[n].get("container_name")}
