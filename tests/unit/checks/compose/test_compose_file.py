"""The user's compose file, as production reads it."""

from __future__ import annotations

from typing import Any

import pytest

from l9.checks.compose.production import (
    Build,
    Mount,
    ProductionPaths,
    Published,
    Service,
    build_of,
    production,
    resolved,
    seconds,
)
from l9.checks.compose.services import Chosen

FILES = ("app/main.py", "app/data/.gitkeep", "settings.yml", "docker/compose.yml")
TOP = ProductionPaths("", "/opt/l9", FILES)
BELOW = ProductionPaths("docker", "/opt/l9", FILES)


def of(service: dict[str, Any], places: ProductionPaths = TOP, **others: Any) -> Service:
    document = resolved({"services": {"web": service, **others}})
    (slot,) = production(document, Chosen("web", "web"), tuple(others), places).slots
    return slot


def build(given: object, places: ProductionPaths = TOP) -> Build | None:
    return build_of(resolved({"services": {"web": {"build": given}}}), Chosen("web", "web"), places)


# ── the document ─────────────────────────────────────────────────────────────────────────────────


def test_defaults_are_filled_in_and_the_rest_stays() -> None:
    found = resolved(
        {"services": {"web": {"image": "app:${TAG:-1}", "command": ["$$X", "$Y", 1, True, None]}}}
    )
    assert found["services"]["web"]["image"] == "app:1"
    assert found["services"]["web"]["command"] == ["$X", "$Y", 1, True, None]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, {}),
        ("db", {}),
        (["db", "redis"], {"db": {}, "redis": {}}),
        ({"db": {"condition": "service_healthy"}}, {"db": {"condition": "service_healthy"}}),
        ({"db": None}, {"db": {}}),
    ],
)
def test_dependencies_in_the_long_form(given: object, found: object) -> None:
    assert resolved({"services": {"web": {"depends_on": given}}})["services"]["web"]["depends_on"] == found


def test_a_service_extends_another() -> None:
    base = {
        "image": "a",
        "environment": {"A": "1", "B": "1"},
        "ports": ["1"],
        "depends_on": ["db"],
        "command": ["x"],
    }
    own = {
        "extends": {"service": "base"},
        "environment": {"B": "2"},
        "ports": ["2"],
        "command": ["y"],
        "user": "1",
    }
    for extends in ("base", {"service": "base"}):
        found = resolved({"services": {"base": base, "web": {**own, "extends": extends}}})["services"]["web"]
        assert found == {
            "image": "a",
            "environment": {"A": "1", "B": "2"},
            "ports": ["1", "2"],
            "command": ["y"],
            "user": "1",
            "depends_on": {},
        }


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (None, "not a mapping"),
        ([], "not a mapping"),
        ("services", "not a mapping"),
        ({"services": ["web"]}, "not a mapping"),
        ({"services": {"web": "nginx"}}, "service web is not a mapping"),
        ({"include": ["other.yml"]}, "includes other files"),
        (
            {"services": {"web": {"extends": {"file": "x.yml", "service": "y"}}}},
            "extends a service of another file",
        ),
        ({"services": {"web": {"extends": "none"}}}, "extends none, which does not exist"),
        ({"services": {"web": {"extends": "web"}}}, "service web extends itself"),
    ],
)
def test_what_only_compose_resolves_or_nobody(document: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        resolved(document)


def test_a_document_whose_aliases_unfold_without_end() -> None:
    node: list[Any] = ["x"]
    for _ in range(40):
        node = [node] * 9
    with pytest.raises(ValueError, match="more than 100000 entries"):
        resolved({"services": {}, "x-laughs": node})


def test_a_service_without_a_word_and_a_file_without_services() -> None:
    assert resolved({"services": {"web": None}}) == {"services": {"web": {"depends_on": {}}}}
    assert resolved({"services": None})["services"] == {}


# ── what is built ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "places", "found"),
    [
        (".", TOP, Build(".", "Dockerfile")),
        ("./app", TOP, Build("app", "app/Dockerfile")),
        ({"context": "..", "dockerfile": "docker/Dockerfile", "target": "release"}, BELOW,
         Build(".", "docker/Dockerfile", target="release")),
        ({"context": "/opt/l9", "dockerfile": "docker/Dockerfile"}, BELOW, Build(".", "docker/Dockerfile")),
        ({"context": "/opt/l9/app/", "dockerfile": "/opt/l9/x"}, TOP, Build("app", "x")),
        ({"dockerfile": "../Dockerfile", "context": "app"}, TOP, Build("app", "Dockerfile")),
        ({"args": ["A=1", "B=${X:-2}", "C"], "dockerfile_inline": "FROM a"}, TOP,
         Build(".", "Dockerfile", "FROM a", args={"A": "1", "B": "2"})),
        ({"args": {"A": 1, "B": None}, "additional_contexts": ["shared=../x"]}, TOP,
         Build(".", "Dockerfile", args={"A": "1"}, contexts=("shared",))),
        (None, TOP, None),
    ],
)  # fmt: skip
def test_build_sections(given: object, places: ProductionPaths, found: Build | None) -> None:
    assert build(given, places) == found


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("https://example.com/app.git#main", "in another repository"),
        ("git@example.com:app", "in another repository"),
        ("..", "is outside the repository"),
        ("/srv/app", "is outside the repository"),
        ("/opt", "is outside the repository"),
        ("~/app", "is outside the repository"),
        ("${WHERE}", "is outside the repository"),
        ({"context": ".", "dockerfile": "../Dockerfile"}, "is outside the repository"),
        ({"context": ".", "dockerfile": "/etc/Dockerfile"}, "is outside the repository"),
    ],
)
def test_what_the_tag_does_not_have(given: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        build(given)


# ── mounts ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("entry", "places", "found"),
    [
        (".:/app", TOP, (".", True)),
        ("./:/app:ro", TOP, (".", True)),
        ("..:/app", BELOW, (".", True)),
        ("..:/app", TOP, ("..", True)),
        ("/opt/l9:/app", TOP, (".", True)),
        ("/opt:/app", TOP, ("..", True)),
        ("/:/app", TOP, ("..", True)),
        ("${PWD}:/app", BELOW, (".", True)),
        ("$PWD/app:/app", BELOW, ("app", False)),
        ("${SRC:-.}:/app", TOP, (".", True)),
        ({"type": "bind", "source": ".", "target": "/app"}, TOP, (".", True)),
        ({"type": "bind", "source": "${PWD}/settings.yml", "target": "/app"}, TOP, ("settings.yml", False)),
        ({"source": "./app", "target": "/app"}, TOP, ("app", False)),
        ("./settings.yml:/app", TOP, ("settings.yml", False)),
        ("./app/data:/app", TOP, None),
        ("./uploads:/app", TOP, None),
        ("../beside:/app", TOP, None),
        ("/var/run/docker.sock:/app", TOP, None),
        ("/opt/l9-other:/app", TOP, None),
        ("~/x:/app", TOP, None),
        ("${DATA}:/app", TOP, None),
        ("data:/app", TOP, None),
        ("/app", TOP, None),
        ({"type": "volume", "source": "data", "target": "/app"}, TOP, None),
        ({"type": "tmpfs", "target": "/app"}, TOP, None),
    ],
)  # fmt: skip
def test_mounts_of_the_repository(
    entry: object, places: ProductionPaths, found: tuple[str, bool] | None
) -> None:
    mounts = of({"image": "x", "volumes": [entry]}, places).mounts
    assert mounts == (() if found is None else (Mount(found[0], "/app", found[1]),))


@pytest.mark.parametrize(
    ("context", "source", "code"),
    [
        ("app", "./app", True),
        ("app/inner", "./app", True),
        ("app", "./settings.yml", False),
        (".", "./app", False),
    ],
)
def test_what_is_built_from_is_code(context: str, source: str, code: bool) -> None:
    (mount,) = of({"build": context, "volumes": [f"{source}:/app"]}).mounts
    assert mount.code is code


# ── ports, health, restart ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("entry", "found", "loopback"),
    [
        ("5432", Published("", "", "5432"), False),
        (5432, Published("", "", "5432"), False),
        ("5432:5432", Published("", "5432", "5432"), False),
        ("127.0.0.1:5432:5432/tcp", Published("127.0.0.1", "5432", "5432"), True),
        ("[::1]:5432:5432", Published("::1", "5432", "5432"), True),
        ("0.0.0.0:6000-6003:6000-6003/udp", Published("0.0.0.0", "6000-6003", "6000-6003"), False),
        ({"target": 5432, "published": "5433", "host_ip": "127.0.0.1"}, Published("127.0.0.1", "5433", "5432"), True),
        ({"target": 5432}, Published("", "", "5432"), False),
    ],
)  # fmt: skip
def test_ports(entry: object, found: Published, loopback: bool) -> None:
    (port,) = of({"image": "x", "ports": [entry]}).ports
    assert (port, port.loopback) == (found, loopback)


def test_a_port_in_one_word() -> None:
    assert str(Published("", "", "5432")) == "5432"
    assert str(Published("127.0.0.1", "1", "2")) == "127.0.0.1:1:2"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, ""),
        ("yes", ""),
        ({}, ""),
        ({"interval": "5s"}, ""),
        ({"test": "curl"}, "on"),
        ({"test": ["CMD", "x"]}, "on"),
        ({"test": []}, ""),
        ({"test": ["NONE"]}, "off"),
        ({"test": "NONE"}, "off"),
        ({"test": ["CMD", "x"], "disable": True}, "off"),
        ({"disable": "true"}, "off"),
    ],
)
def test_healthchecks(given: object, found: str) -> None:
    assert of({"image": "x", "healthcheck": given}).healthcheck == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, ""),
        ({"restart": "no"}, "no"),
        ({"restart": False}, "no"),
        ({"restart": "on-failure:3"}, "on-failure:3"),
        ({"deploy": {"restart_policy": {}}}, "always"),
        ({"deploy": {"restart_policy": {"condition": "any"}}}, "always"),
        ({"deploy": {"restart_policy": {"condition": "none"}}}, "no"),
        ({"deploy": {"restart_policy": {"condition": "on-failure"}}}, "on-failure"),
        ({"deploy": {"replicas": 2}}, ""),
        ({"deploy": "x"}, ""),
    ],
)
def test_restart_policies(given: dict[str, Any], found: str) -> None:
    assert of({"image": "x", **given}).restart == found


def test_a_service_with_all_that_is_asked_of_it() -> None:
    service = {
        "image": "app:1",
        "build": ".",
        "network_mode": "host",
        "user": 1000,
        "stop_grace_period": "30s",
        "stop_signal": "SIGTERM",
        "restart": "always",
    }
    assert of(service) == Service(
        "web",
        "app:1",
        built=True,
        host_network=True,
        user="1000",
        stop_grace_period="30s",
        stop_signal="SIGTERM",
        restart="always",
    )


def test_both_slots_and_the_others() -> None:
    document = resolved(
        {
            "services": {
                "blue": {"build": "."},
                "green": {"build": "."},
                "db": {"image": "postgres:16"},
                "job": None,
            }
        }
    )
    found = production(document, Chosen("blue", "green"), ("db", "job"), TOP)
    assert [one.name for one in found.slots] == ["blue", "green"]
    assert [(one.name, one.database, one.once) for one in found.others] == [
        ("db", True, False),
        ("job", False, True),
    ]


@pytest.mark.parametrize("key", ["ports", "volumes"])
def test_a_list_that_is_none(key: str) -> None:
    with pytest.raises(ValueError, match=f"service web: {key} is not a list"):
        of({"image": "x", key: "8000"})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("30s", 30),
        ("1m30s", 90),
        ("500ms", 0.5),
        ("1h", 3600),
        ("1.5s", 1.5),
        ("", None),
        ("30", None),
        ("s", None),
    ],
)
def test_durations(text: str, found: float | None) -> None:
    assert seconds(text) == found
