"""The derived documents, word for word: what compose is given is all that decides what runs."""

from __future__ import annotations

from typing import Any

import pytest

from l9.config.model import Config
from l9.configuration import parse
from l9.core.states import Slot
from l9.drivers.compose.slot_document import ReleaseDocument, ReleasePaths, job_document, slot_document
from l9.errors import ConfigError

TREE = "/opt/l9/.l9/releases/v1/tree"
TRACKED = {"", "conf/app.ini", "docker"}
PLACES = ReleasePaths("/opt/l9", TREE, lambda path: path in TRACKED)
RELEASE = ReleaseDocument("shop", "v1$0", "abc", "sha256:1")
LABELS = {"dev.l9.instance": "shop", "dev.l9.release": "v1$$0", "dev.l9.commit": "abc"}
TOP = {
    "networks": {"default": {"name": "shop_default", "ipam": {}}, "edge": {"name": "edge", "external": True}},
    "volumes": {"data": {"name": "shop_data"}, "unused": {"name": "shop_unused"}},
}


def config(more: str = "") -> Config:
    return parse(f'app = "shop"\n{more}\n[targets.production]\nhost = "local"\n')


def document(top: dict[str, Any] | None = None, **service: Any) -> dict[str, Any]:
    known = {"build": {"context": TREE}, "networks": {"default": None}, **service}
    return {"services": {"shop": known}, **TOP, **(top or {})}


def slot(found: dict[str, Any], which: Slot = Slot.GREEN, **how: Any) -> dict[str, Any]:
    return slot_document(found, how.pop("config", config()), which, RELEASE, PLACES, **how)


def service(found: dict[str, Any], which: Slot = Slot.GREEN, **how: Any) -> dict[str, Any]:
    (only,) = slot(found, which, **how)["services"].values()
    return dict(only)


def test_a_slot_derived_from_one_service() -> None:
    written = document(
        container_name="shop", profiles=["web"], depends_on={"db": {"condition": "service_started"}},
        scale=2, pull_policy="build", links=["db"], restart="no", mac_address="02:42:ac:11:00:02",
        deploy={"replicas": 2, "restart_policy": {"condition": "any"}, "resources": {"limits": {"cpus": "1"}}},
        environment={"A": "a$$b"}, labels={"mine": "1"}, command=["serve"],
        ports=[{"target": 8000, "published": "80"}, {"target": 9090, "published": "9090"}],
        networks={"default": {"aliases": ["web"], "ipv4_address": "10.0.0.2", "priority": 1}, "edge": None},
        healthcheck={"test": ["CMD", "true"]},
    )  # fmt: skip
    assert slot(written) == {
        "name": "shop-green-v1-0-bbba30",
        "services": {
            "shop-green": {
                "container_name": "shop-green",
                "image": "sha256:1",
                "restart": "always",
                "stop_grace_period": "30s",
                "command": ["serve"],
                "deploy": {"resources": {"limits": {"cpus": "1"}}},
                "environment": {
                    "A": "a$$b", "L9_SLOT": "green", "L9_RELEASE": "v1$$0", "L9_COMMIT": "abc",
                },
                "labels": {"mine": "1", **LABELS, "dev.l9.slot": "green"},
                "ports": [{"mode": "host", "host_ip": "127.0.0.1", "target": 8000, "published": "8001"}],
                "networks": {"default": {"priority": 1}, "edge": None},
                "healthcheck": {"test": ["CMD", "true"]},
            }
        },
        "networks": {
            "default": {"name": "shop_default", "external": True}, "edge": {"name": "edge", "external": True},
        },
    }  # fmt: skip


def test_the_user_settings_that_a_slot_follows() -> None:
    more = "[compose]\nport = 3000\n[drain]\ngrace = 2.5\n"
    found = service(document(), Slot.BLUE, config=config(more))
    assert found["ports"][0]["target"] == 3000
    assert found["ports"][0]["published"] == "8000"
    assert found["stop_grace_period"] == "2.5s"
    assert service(document(stop_grace_period="7s"))["stop_grace_period"] == "7s"


def test_two_services_keep_their_names_and_aliases() -> None:
    aliases = {"default": {"aliases": ["green.internal"]}}
    both = {"shop-blue": {"image": "x"}, "shop-green": {"image": "x", "networks": aliases}}
    found = slot({"services": both, **TOP})
    assert found["services"]["shop-green"]["networks"] == aliases
    assert list(found["services"]) == ["shop-green"]


def test_the_hosts_network_takes_a_variable_and_no_port() -> None:
    written = document(network_mode="host", ports=[{"target": 8000}])
    written["services"]["shop"].pop("networks")
    found = slot(written, config=config('[compose]\nport_variable = "LISTEN"'))
    only = found["services"]["shop-green"]
    assert only["environment"]["LISTEN"] == "8001"
    assert "ports" not in only
    assert "networks" not in found


def test_files_of_the_tag_come_from_the_tag_and_others_from_the_host() -> None:
    sources = (
        f"{TREE}/conf/app.ini",
        f"{TREE}/uploads",
        "/opt/l9/conf/app.ini",
        "/opt/l9/certs",
        "/etc/ssl",
        TREE,
    )
    named = [{"type": "volume", "source": "data", "target": "/data"}, {"type": "tmpfs", "target": "/tmp"}]
    anonymous = {"type": "volume", "target": "/cache"}
    binds = [{"type": "bind", "source": s, "target": f"/{i}"} for i, s in enumerate(sources)]
    found = slot(document(volumes=[*binds, *named, anonymous]))
    volumes = found["services"]["shop-green"]["volumes"]
    assert [v.get("source") for v in volumes] == [
        f"{TREE}/conf/app.ini", "/opt/l9/uploads", f"{TREE}/conf/app.ini", "/opt/l9/certs", "/etc/ssl", TREE,
        "data", None, None,
    ]  # fmt: skip
    assert found["volumes"] == {"data": {"name": "shop_data", "external": True}}


def test_secrets_and_configs_go_along() -> None:
    top = {
        "secrets": {"key": {"name": "shop_key", "file": "/opt/l9/key"}, "other": {"file": "/x"}},
        "configs": {"ini": {"file": f"{TREE}/conf/app.ini"}, "text": {"content": "x"}},
    }
    found = slot(document(top, secrets=[{"source": "key"}], configs=[{"source": "ini"}, {"source": "text"}]))
    assert found["secrets"] == {"key": {"name": "shop_key", "file": "/opt/l9/key"}}
    assert found["configs"] == top["configs"]


def test_health_is_asked_often_at_first_where_there_is_a_check() -> None:
    quick = {"start_period": "30s", "start_interval": "250ms"}
    assert service(document(), quick_health=True)["healthcheck"] == quick
    own = {"test": ["CMD", "x"], "start_period": "5s"}
    assert service(document(healthcheck=own), quick_health=True)["healthcheck"] == {**quick, **own}
    off = {"disable": True}
    assert service(document(healthcheck=off), quick_health=True)["healthcheck"] == off
    assert "healthcheck" not in service(document())


@pytest.mark.parametrize(
    ("tie", "found"),
    [
        ({"network_mode": "service:vpn"}, "network_mode: service:vpn"),
        ({"pid": "service:vpn"}, "pid: service:vpn"),
        ({"volumes_from": ["container:x", "data:ro"]}, "volumes_from: data:ro"),
        ({"links": ["db", "db:database"]}, "links: db:database"),
    ],
)
def test_a_service_tied_to_another_is_refused(tie: dict[str, Any], found: str) -> None:
    with pytest.raises(ConfigError) as refused:
        slot(document(**tie))
    assert refused.value.found == found


def test_a_one_shot_of_a_release() -> None:
    migrate = {
        "image": "me/migrate", "command": ["up"], "ports": [{"target": 1}], "healthcheck": {"test": ["CMD", "x"]},
        "restart": "on-failure", "networks": {"default": None}, "container_name": "migrate",
        "depends_on": {"db": {"condition": "service_healthy"}},
    }  # fmt: skip
    written = {"services": {"migrate": migrate}, **TOP}
    expected = {
        "name": "shop-migrate-v1-0-bbba30",
        "services": {
            "migrate": {
                "image": "sha256:1", "command": ["up"], "restart": "no", "networks": {"default": None},
                "container_name": "shop-migrate-v1-0-bbba30",
                "labels": {**LABELS, "dev.l9.job": "migrate"},
                "environment": {"L9_RELEASE": "v1$$0", "L9_COMMIT": "abc"},
            }
        },
        "networks": {"default": {"name": "shop_default", "external": True}},
    }  # fmt: skip
    assert job_document(written, "migrate", RELEASE, PLACES) == expected
    pulled = job_document(written, "migrate", ReleaseDocument("shop", "v1", "abc"), PLACES)
    assert pulled["services"]["migrate"]["image"] == "me/migrate"


def test_paths() -> None:
    assert PLACES.of_release("/opt/l9x/file") == "/opt/l9x/file"
    assert PLACES.of_release("/opt/l9") == TREE
    assert PLACES.of_host(TREE) == "/opt/l9"
    assert PLACES.of_host(f"{TREE}/a") == "/opt/l9/a"
    assert PLACES.of_host("/opt/l9/a") == "/opt/l9/a"
    assert PLACES.of_host(f"{TREE}x") == f"{TREE}x"
