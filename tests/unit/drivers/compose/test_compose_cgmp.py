"""The document of the stages: the tests, the release and what they need, and nothing of the user's own project."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from l9.config.model import Config
from l9.configuration import parse
from l9.drivers.compose.pipeline_document import LABEL, Attempt, cgmp_document, closure, databases, image_name
from l9.errors import ConfigError

KEY = "0123456789abcdef"
ATTEMPT = Attempt("l9-cgmp-shop-1", "me 1-2", KEY, "test", "/tmp/evidence", 12345)
MARK = {"labels": {LABEL: "me 1-2"}}


def config(more: str = "") -> Config:
    return parse(
        f'app = "shop"\n{more}\n[compose]\nbuild_args = {{ BASE = "a$b" }}\n[targets.production]\nhost = "local"\n'
    )


DOCUMENT: dict[str, Any] = {
    "name": "shop",
    "services": {
        "shop": {
            "build": {"context": "/t", "args": {"A": "1"}, "tags": ["mine"], "labels": {"own": "1"}},
            "image": "shop:dev",
            "container_name": "shop",
            "restart": "always",
            "ports": [{"target": 8000, "published": "80"}],
            "depends_on": {"migrate": {"condition": "service_completed_successfully"}},
            "environment": {"A": "a$$b"},
            "networks": {"default": None, "edge": {"ipv4_address": "10.0.0.2", "aliases": ["web"]}},
            "volumes": [
                {"type": "volume", "source": "data", "target": "/data", "volume": {"nocopy": True}},
                {"type": "bind", "source": "/t/conf", "target": "/conf"},
            ],
        },
        "migrate": {"image": "shop:dev", "depends_on": {"db": {}}, "profiles": ["tools"]},
        "db": {"image": "postgres:16", "restart": "always", "ports": [{"target": 5432}]},
        "cache": {"image": "redis:7"},
        "worker": {"image": "shop:dev"},
        "test": {
            "build": {"context": "/t", "target": "test"},
            "profiles": ["test"],
            "depends_on": {"gone": {}},
        },
    },
    "networks": {
        "default": {"name": "shop_default", "ipam": {}},
        "edge": {"external": True, "internal": True},
    },
    "volumes": {"data": {"name": "production-data", "driver_opts": {"device": "/srv"}}},
    "secrets": {"key": {"file": "/t/key"}},
}


def made(attempt: Attempt = ATTEMPT, more: str = "", **changed: Any) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    for name, what in changed.items():
        document["services"][name].update(what)
    return cgmp_document(document, config(more), attempt)


def test_what_runs_is_what_the_tests_and_the_release_need() -> None:
    found = made()
    assert found["name"] == "l9-cgmp-shop-1"
    assert list(found["services"]) == ["test", "db", "migrate", "shop", "cache"]
    assert found["services"]["test"]["depends_on"] == {}
    assert found["secrets"] == DOCUMENT["secrets"]
    assert "configs" not in found


def test_nothing_is_shared_with_the_users_project() -> None:
    found = made()
    assert found["networks"] == {"default": MARK, "edge": {**MARK, "internal": True}}
    assert found["volumes"] == {"data": MARK}
    for service in found["services"].values():
        assert service["restart"] == "no"
        assert service["labels"][LABEL] == "me 1-2"
        assert {"container_name", "profiles"}.isdisjoint(service)
    shop = found["services"]["shop"]
    assert shop["ports"] == [{"mode": "host", "host_ip": "127.0.0.1", "target": 8000}]
    assert shop["networks"] == {"default": None, "edge": {"aliases": ["web"]}}
    assert shop["volumes"] == [
        {"type": "volume", "source": "data", "target": "/data"},
        {"type": "bind", "source": "/t/conf", "target": "/conf"},
    ]
    assert "ports" not in found["services"]["db"]


def test_what_is_built_has_a_name_of_its_own_and_who_only_names_it_gets_it_too() -> None:
    known = made()["services"]
    name = image_name(config(), "shop", KEY)
    assert name == "l9-cgmp/shop:shop-0123456789ab"
    assert known["shop"]["image"] == known["migrate"]["image"] == name
    assert known["shop"]["build"] == {
        "context": "/t", "args": {"A": "1", "BASE": "a$$b"}, "labels": {"own": "1", LABEL: KEY},
    }  # fmt: skip
    assert known["test"]["image"] == "l9-cgmp/shop:test-0123456789ab"
    assert known["db"]["image"] == "postgres:16"


def test_the_tests_write_their_evidence_outside_of_the_tree() -> None:
    tests = made(test={"environment": {"B": "1"}, "volumes": [{"type": "tmpfs", "target": "/x"}]})[
        "services"
    ]["test"]
    assert tests["volumes"][-1] == {"type": "bind", "source": "/tmp/evidence", "target": "/l9-evidence"}
    assert tests["environment"]["B"] == "1"
    assert tests["environment"]["COVERAGE_FILE"] == "/l9-evidence/.coverage"


def test_the_settings_environment_reaches_the_release() -> None:
    shop = made(more='[cgmp]\nenv = { ENV = "a$b" }')["services"]["shop"]
    assert shop["environment"] == {"A": "a$$b", "ENV": "a$$b"}


def test_a_release_in_the_hosts_network_is_told_its_port() -> None:
    shop = made(shop={"network_mode": "host"})["services"]["shop"]
    assert shop["environment"]["PORT"] == "12345"
    assert "ports" not in shop


def test_the_tests_may_run_in_the_releases_own_service() -> None:
    found = made(Attempt("p", "o", KEY, "shop", "/e", 1))
    assert list(found["services"]) == ["db", "migrate", "shop", "cache"]


def test_a_service_that_there_is_not() -> None:
    with pytest.raises(ConfigError) as refused:
        made(Attempt("p", "o", KEY, "checks", "/e", 1))
    assert (refused.value.expected, refused.value.found) == (
        "service checks", "services cache, db, migrate, shop, test, worker",
    )  # fmt: skip


def test_services_that_wait_for_each_other() -> None:
    known = {"a": {"depends_on": {"b": {}}}, "b": {"depends_on": {"a": {}}}}
    assert list(closure({"services": known}, "a")) == ["b", "a"]
    assert databases(DOCUMENT) == ("cache", "db")


def test_a_document_without_networks_and_volumes() -> None:
    plain = {"services": {"shop": {"image": "a"}, "test": {"image": "b"}}}
    assert list(cgmp_document(plain, config(), ATTEMPT)) == ["name", "services"]
