"""Test cases for the build of a release, and for the other services as compose gets them."""

from __future__ import annotations

from typing import Any

import pytest

from l9.checks.compose.services import Chosen
from l9.config.model import Config
from l9.configuration import parse
from l9.drivers.compose.project_document import (
    base_document,
    build_document,
    needed,
    slot_build,
    slot_image_runs,
)
from l9.drivers.compose.slot_document import ReleaseDocument, ReleasePaths
from l9.errors import ConfigError

TREE = "/opt/l9/.l9/releases/v1/tree"
PLACES = ReleasePaths("/opt/l9", TREE, lambda path: path in ("", "api", "libs"))
RELEASE = ReleaseDocument("shop", "v1", "abc")
LABELS = {"dev.l9.instance": "shop", "dev.l9.release": "v1", "dev.l9.commit": "abc"}
ARGS = {"L9_RELEASE": "v1", "L9_COMMIT": "abc"}
DONE = {"condition": "service_completed_successfully"}


def config(more: str = "") -> Config:
    return parse(f'app = "shop"\n{more}\n[targets.production]\nhost = "local"\n')


def test_the_build_of_a_release() -> None:
    build = {
        "context": "/opt/l9", "dockerfile": "docker/Dockerfile", "args": {"A": "$$x"}, "tags": ["shop:latest"],
        "labels": {"mine": "1"}, "additional_contexts": {"libs": f"{TREE}/libs", "base": "docker-image://x"},
    }  # fmt: skip
    document = {
        "services": {"shop": {"build": build, "image": "shop:latest", "ports": []}},
        "secrets": {"npm": {"file": "/opt/l9/npmrc"}, "env": {"environment": "TOKEN"}},
    }
    found = build_document(document, config('[compose]\nbuild_args = {B = "$y"}'), RELEASE, PLACES)
    assert found == {
        "name": "shop",
        "services": {
            "shop": {
                "image": "l9/shop:v1",
                "build": {
                    "context": TREE,
                    "dockerfile": "docker/Dockerfile",
                    "args": {"A": "$$x", "B": "$$y", **ARGS},
                    "labels": {"mine": "1", **LABELS},
                    "additional_contexts": {"libs": f"{TREE}/libs", "base": "docker-image://x"},
                },
            }
        },
        "secrets": {"npm": {"file": "/opt/l9/npmrc"}, "env": {"environment": "TOKEN"}},
    }


def test_a_context_elsewhere_stays_where_it_is() -> None:
    document = {"services": {"shop": {"build": {"context": "https://example.org/x.git"}}}}
    found = build_document(document, config(), RELEASE, PLACES)
    assert found["services"]["shop"]["build"]["context"] == "https://example.org/x.git"


def test_a_pulled_image_gets_a_label_of_its_own() -> None:
    document = {"services": {"shop": {"image": "vendor/shop:1"}}}
    assert build_document(document, config(), RELEASE, PLACES)["services"]["shop"] == {
        "image": "l9/shop:v1",
        "build": {
            "context": TREE, "dockerfile_inline": "FROM vendor/shop:1\n", "args": ARGS, "labels": LABELS,
        },
    }  # fmt: skip


def test_one_shots_are_built_by_themselves_unless_the_slots_build_is_theirs() -> None:
    own, same = {"context": f"{TREE}/api"}, {"context": TREE}
    waits = {"migrate": DONE, "seed": DONE, "pulled": DONE}
    document = {
        "services": {
            "shop": {"build": same, "depends_on": waits},
            "migrate": {"build": same},
            "seed": {"build": own},
            "pulled": {"image": "x"},
        }
    }
    found = build_document(document, config(), RELEASE, PLACES)
    assert {n: s["image"] for n, s in found["services"].items()} == {
        "shop": "l9/shop:v1",
        "seed": "l9/shop:v1_seed",
    }


@pytest.mark.parametrize(
    ("blue", "green", "found"),
    [
        ({"build": {"context": "a"}}, {"build": {"context": "a"}}, "b"),
        ({"image": "x"}, {"build": {"context": "a"}}, "g"),
        ({"image": "x"}, {"image": "x"}, "b"),
    ],
)
def test_the_one_image_of_two_services(blue: Any, green: Any, found: str) -> None:
    assert slot_build({"services": {"b": blue, "g": green}}, Chosen("b", "g")) == found


@pytest.mark.parametrize(
    ("blue", "green", "found"),
    [
        ({"build": {"context": "a"}}, {"build": {"context": "b"}}, "two build sections"),
        ({"image": "x:1"}, {"image": "x:2"}, "x:1 and x:2"),
        ({}, {}, "none"),
    ],
)
def test_no_one_image(blue: Any, green: Any, found: str) -> None:
    with pytest.raises(ConfigError) as refused:
        slot_build({"services": {"b": blue, "g": green}}, Chosen("b", "g"))
    assert refused.value.found == found


def test_who_runs_the_slots_image() -> None:
    build = {"context": TREE}
    services = {
        "shop": {"build": build, "image": "shop:latest"},
        "same": {"build": build},
        "other": {"build": {"context": "/x"}},
        "named": {"image": "shop:latest"},
        "else": {"image": "redis"},
        "none": {},
    }
    runs = {n for n in services if slot_image_runs({"services": services}, config(), n)}
    assert runs == {"shop", "same", "named"}


def base(document: dict[str, Any], image: str = "") -> dict[str, Any]:
    return base_document(document, config(), "shop", PLACES, image)


def test_the_other_services_stay_as_they_were_written() -> None:
    document = {
        "services": {
            "shop": {"build": {"context": TREE}, "depends_on": {"db": {}, "migrate": DONE}},
            "migrate": {"image": "x", "depends_on": {"db": {}}},
            "db": {
                "image": "postgres:15", "container_name": "db", "restart": "always", "profiles": [],
                "volumes": [
                    {"type": "bind", "source": f"{TREE}/conf", "target": "/conf"},
                    {"type": "volume", "source": "data", "target": "/data"},
                ],
            },
            "proxy": {"image": "nginx", "depends_on": {"shop": {}, "db": {"condition": "service_healthy"}}},
        },
        "networks": {"default": {"name": "shop_default"}},
        "volumes": {"data": {"name": "shop_data"}},
        "secrets": {"key": {"file": f"{TREE}/key"}, "env": {"environment": "X"}},
        "configs": {},
    }  # fmt: skip
    found = base(document)
    assert found == {
        "name": "shop",
        "services": {
            "db": {
                "image": "postgres:15", "container_name": "db", "restart": "always", "profiles": [],
                "volumes": [
                    {"type": "bind", "source": "/opt/l9/conf", "target": "/conf"},
                    {"type": "volume", "source": "data", "target": "/data"},
                ],
            },
            "proxy": {"image": "nginx", "depends_on": {"db": {"condition": "service_healthy"}}},
        },
        "networks": {"default": {"name": "shop_default"}},
        "volumes": {"data": {"name": "shop_data"}},
        "secrets": {"key": {"file": "/opt/l9/key"}, "env": {"environment": "X"}},
    }  # fmt: skip


def test_the_ground_that_slots_stand_on() -> None:
    document: dict[str, Any] = {
        "services": {
            "shop-blue": {
                "image": "x",
                "networks": {"default": None},
                "volumes": [{"type": "volume", "source": "b", "target": "/b"}],
            },
            "shop-green": {
                "image": "x",
                "networks": {"default": {"aliases": ["g"]}, "edge": None},
                "volumes": [
                    {"type": "volume", "source": "a", "target": "/a"},
                    {"type": "tmpfs", "target": "/t"},
                ],
            },
        },
        "networks": {"default": {"name": "shop_default"}, "edge": {"name": "edge", "external": True}},
        "volumes": {"a": {"name": "shop_a"}, "b": {"name": "shop_b"}},
    }
    assert base(document, "sha256:1")["services"] == {
        "l9-ground": {
            "image": "sha256:1",
            "scale": 0,
            "networks": {"default": None, "edge": None},
            "volumes": [
                {"type": "volume", "source": "a", "target": "/0"},
                {"type": "volume", "source": "b", "target": "/1"},
            ],
        }
    }
    chosen = Chosen("shop-blue", "shop-green")
    assert needed(document, chosen, "networks") == {"shop_default": False, "edge": True}
    assert needed(document, chosen, "volumes") == {"shop_a": False, "shop_b": False}


def test_the_ground_of_a_slot_on_the_hosts_network() -> None:
    document = {"services": {"shop": {"image": "x", "network_mode": "host"}}}
    assert base(document, "i")["services"]["l9-ground"] == {"image": "i", "scale": 0, "network_mode": "none"}
    assert needed(document, Chosen("shop", "shop"), "networks") == {}
    assert needed(document, Chosen("shop", "shop"), "volumes") == {}
