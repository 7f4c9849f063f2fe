"""Test cases for telling the slots' services from the others, in any compose file that people write."""

from __future__ import annotations

from typing import Any

import pytest

from l9.checks.compose import services as compose
from l9.checks.compose.services import Chosen
from l9.config.model import Config
from l9.configuration import parse
from l9.core.states import Slot
from l9.errors import ConfigError

BUILD = {"build": {"context": "/opt/l9"}}
POSTGRES = {"image": "postgres:15"}


def config(more: str = "", app: str = "shop") -> Config:
    return parse(f'app = "{app}"\n{more}\n[targets.production]\nhost = "local"\n')


def doc(**services: Any) -> compose.Document:
    return {"services": {name.replace("_", "-"): service for name, service in services.items()}}


@pytest.mark.parametrize(
    ("document", "more", "blue", "green"),
    [
        (doc(shop_blue=BUILD, shop_green=BUILD, shop=BUILD), "", "shop-blue", "shop-green"),
        (doc(shop_blue=BUILD, shop=BUILD), "", "shop", "shop"),
        (doc(web=BUILD, db=POSTGRES, proxy={"image": "nginx"}), "", "web", "web"),
        (doc(web={"image": "me/web"}, db=POSTGRES, cache={"image": "docker.io/x/redis@sha256:0"}), "", "web", "web"),
        (doc(web=BUILD, test={**BUILD, "profiles": ["test"]}), "", "web", "web"),
        (doc(shop=BUILD, web=BUILD), '[compose]\nservice = "web"', "web", "web"),
        (doc(shop=BUILD, a=BUILD, b=BUILD), '[compose]\nblue = "a"\ngreen = "b"', "a", "b"),
        (doc(a={**BUILD, "profiles": ["x"]}, b=BUILD), '[compose]\nservice = "a"', "a", "a"),
        (doc(web={"image": "me/postgres-web"}, db=BUILD), "", "db", "db"),
    ],
)  # fmt: skip
def test_the_service_of_each_slot(document: compose.Document, more: str, blue: str, green: str) -> None:
    chosen = compose.choose(document, config(more))
    assert (chosen.of(Slot.BLUE), chosen.of(Slot.GREEN)) == (blue, green)
    assert chosen.derived == (blue == green)


@pytest.mark.parametrize(
    ("document", "more", "expected", "found"),
    [
        ({}, "", "a service shop, or shop-blue and shop-green", "no service at all"),
        (doc(a=BUILD, b=BUILD), "", "a service shop, or shop-blue and shop-green", "services a, b"),
        (doc(a=BUILD), '[compose]\nservice = "b"', "service b", "services a"),
        (doc(a=BUILD), '[compose]\nblue = "a"\ngreen = "b"', "service b", "services a"),
        (doc(db=POSTGRES), "", "a service shop, or shop-blue and shop-green", "services db"),
    ],
)
def test_no_service_for_the_slots(document: compose.Document, more: str, expected: str, found: str) -> None:
    with pytest.raises(ConfigError) as refused:
        compose.choose(document, config(more))
    assert (refused.value.expected, refused.value.found) == (expected, found)


def test_active_services_are_those_that_compose_named() -> None:
    document = doc(web=BUILD, debug={**BUILD, "profiles": ["debug"]})
    assert compose.active(document) == ("web",)
    assert compose.active(compose.noted(document, {"web": "1", "debug": "2"})) == ("debug", "web")
    assert compose.active(compose.noted(document, {})) == ()


def test_other_services_leave_out_slots_inactive_profiles_and_the_gates_own() -> None:
    debug, worker = {**BUILD, "profiles": ["debug"]}, {"image": "me/worker"}
    document = doc(shop_blue=BUILD, shop_green=BUILD, db=POSTGRES, test=BUILD, debug=debug, worker=worker)
    assert compose.other_services(document, config()) == ("db", "worker")
    assert compose.other_services(document, config("[check]\ntest = []")) == ("db", "test", "worker")


def test_the_gates_own_service() -> None:
    assert compose.gate_service(("docker", "compose", "run", "--rm", "test", "pytest")) == "test"
    assert compose.gate_service(("docker", "compose", "run", "--rm")) == ""
    assert compose.gate_service(("pytest",)) == ""
    assert compose.gate_service(("npm", "run", "test")) == ""


def test_jobs_come_in_the_order_in_which_they_must_complete() -> None:
    done, up = {"condition": "service_completed_successfully"}, {"condition": "service_started"}
    document = doc(
        shop={**BUILD, "depends_on": {"migrate": done, "seed": done, "db": up, "gone": done}},
        seed={**BUILD, "depends_on": {"migrate": done}},
        migrate={**BUILD, "depends_on": {"db": up}},
        db=POSTGRES,
    )
    assert compose.jobs(document, config()) == ("migrate", "seed")
    assert compose.jobs(doc(shop=BUILD), config()) == ()


@pytest.mark.parametrize(
    ("service", "one_shot"),
    [
        ({"image": "me/setup"}, True),
        ({"image": "me/setup", "restart": "on-failure"}, True),
        ({"image": "me/setup", "restart": "unless-stopped"}, False),
        ({"image": "me/setup", "ports": [{"target": 1}]}, False),
        ({"image": "me/setup", "healthcheck": {"test": ["CMD", "x"]}}, False),
        (POSTGRES, False),
    ],
)
def test_what_has_done_its_work_when_it_ends(service: Any, one_shot: bool) -> None:
    assert compose.is_one_shot(doc(it=service, web=BUILD), "it") is one_shot
    waiting = {**BUILD, "depends_on": {"it": {"condition": "service_completed_successfully"}}}
    assert compose.is_one_shot(doc(it=service, web=waiting), "it")


@pytest.mark.parametrize(
    ("image", "database"),
    [
        ("postgres", True),
        ("registry:5000/library/postgres:15-alpine", True),
        ("timescale/timescaledb-ha:pg16", True),
        ("redis/redis-stack@sha256:0", True),
        ("me/api", False),
        ("postgres/api:1", False),
        ("", False),
    ],
)
def test_well_known_databases(image: str, database: bool) -> None:
    assert compose.is_database({"image": image}) is database
    assert not compose.is_database({"image": image, **BUILD})


def test_changed_services_are_running_ones_that_no_wanted_definition_explains() -> None:
    wanted = {"a": {"1", "2"}, "b": {"3"}, "c": {"4"}}
    assert compose.changed_services(wanted, {"a": "2", "b": "9", "other": "7"}) == ("b",)


def test_fixed_names() -> None:
    document = doc(
        db={**POSTGRES, "container_name": "db"}, cache={"image": "redis"}, x={"container_name": "x"}
    )
    assert compose.fixed_names(document, ("db", "cache")) == {"db": "db"}


def test_a_choice_is_plain_data() -> None:
    assert Chosen("a", "a").derived
