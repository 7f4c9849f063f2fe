"""Several targets on one host: none is prepared over another's directory, name or port."""

from __future__ import annotations

import json

import msgspec
import pytest

from fresh_host import AGENT, DEPLOY, ROOT, fresh, ready, wanted
from l9.provision.needs import Need, needs
from l9.provision.neighbours import is_by_root, site_port
from l9.provision.plan import plan
from l9.provision.snapshot import Entry, HostSnapshot
from l9.provision.wanted import Wanted

OTHER = 'instance = "shop"\n'


def needed(want: Wanted, seen: HostSnapshot) -> list[Need]:
    return [need for need in needs(want, seen, None) if need.blocking]


def test_two_targets_that_have_nothing_in_common() -> None:
    mine = wanted(target=OTHER + 'path = "/opt/shop"\nports = { blue = 8100, green = 8101 }\n')
    theirs = wanted()
    seen = fresh(sites={theirs.site: theirs.site_text})
    assert needed(mine, seen) == []
    assert plan(mine, seen, AGENT)


def test_a_directory_that_was_prepared_for_another() -> None:
    theirs = wanted()
    mine = wanted(target=OTHER)
    seen = ready(theirs)
    assert plan(mine, seen, AGENT) == ()
    (need,) = needed(mine, seen)
    assert (need.what, need.found) == ("/opt/l9 belongs to another target", "prepared for l9-api")


def test_settings_of_another_version_are_nobodys() -> None:
    want = wanted()
    seen = ready(want)
    own = str(want.in_directory.settings)
    for text in ("", "{", json.dumps({"app": "other"}), None):
        known = {**seen.entries, own: Entry(kind="file", text=text)}
        instances = {"/etc/l9/other/settings.json": text or ""}
        assert needed(want, msgspec.structs.replace(seen, entries=known, instances=instances)) == []


def test_settings_in_another_instances_place_are_nobodys() -> None:
    theirs, mine = wanted(), wanted(target=OTHER)
    assert needed(mine, fresh(instances={"/etc/l9/lost/settings.json": theirs.settings_text})) == []


@pytest.mark.parametrize("mine_by_root", [True, False])
@pytest.mark.parametrize("theirs_by_root", [True, False])
def test_a_directory_is_anothers_whoever_provisioned_it(mine_by_root: bool, theirs_by_root: bool) -> None:
    theirs = wanted(by_root=theirs_by_root)
    mine = wanted(target=OTHER + 'path = "/opt/l9/"\n', by_root=mine_by_root)
    seen = ready(theirs, me=ROOT if mine_by_root else DEPLOY, sudo=mine_by_root)
    assert plan(mine, seen, AGENT) == ()
    assert [need.found for need in needed(mine, seen)][:1] == ["prepared for l9-api"]


def test_a_name_that_root_gave_to_another_directory() -> None:
    theirs, mine = wanted(), wanted('[route]\nkind = "caddy-admin"', target='path = "/opt/l9-again"\n')
    seen = fresh(instances={theirs.settings: theirs.settings_text})
    assert plan(mine, seen, AGENT) == ()
    (need,) = needed(mine, seen)
    assert need.found == "/etc/l9/l9-api/settings.json belongs to /opt/l9"


def test_what_root_provisioned_stays_roots() -> None:
    want = wanted(by_root=False)
    nobody = fresh(me=DEPLOY, sudo=False)
    assert not is_by_root(want, nobody)
    assert is_by_root(want, fresh(me=DEPLOY, sudo=True))
    assert is_by_root(want, fresh(sudo=False))
    known = {wanted().settings: wanted().settings_text}
    assert is_by_root(want, msgspec.structs.replace(nobody, instances=known))
    assert not is_by_root(wanted(target=OTHER), msgspec.structs.replace(nobody, instances=known))


def test_a_name_that_another_directory_has() -> None:
    theirs = wanted()
    mine = wanted(target='path = "/opt/l9-again"\n')
    seen = fresh(entries={mine.site: Entry(kind="file", text=theirs.site_text)})
    assert plan(mine, seen, AGENT) == ()
    (need,) = needed(mine, seen)
    assert need.what == "the name l9-api is used by another target on this host"
    assert need.found == "/etc/caddy/l9/l9-api.caddy belongs to /opt/l9"


def test_a_file_of_somebody_elses_at_the_sites_place_is_no_targets() -> None:
    want = wanted()
    assert needed(want, fresh(entries={want.site: Entry(kind="file", text=":80 {\n}\n")})) == []


def test_ports_that_another_has() -> None:
    theirs = wanted()
    mine = wanted(target=OTHER + 'path = "/opt/shop"\nports = { blue = 8001, green = 8002 }\n')
    (need,) = needed(mine, fresh(sites={theirs.site: theirs.site_text}))
    assert (need.what, need.found) == (
        "port 8001 is used by another target",
        "used in /etc/caddy/l9/l9-api.caddy",
    )


# ── ports ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("holder", ["nginx", ""])
@pytest.mark.parametrize("port", ["8000", "8001"])
def test_a_slots_port_that_somebody_listens_on_stops_before_the_first_change(port: str, holder: str) -> None:
    (need,) = needed(wanted(), fresh(listening={port: holder, "8010": "node"}))
    assert need.stops
    assert need.what == f"port {port} is in use on the host"
    assert (holder or "may not see") in need.found
    assert "such as 8020 and 8021" in need.expected


def test_the_slots_of_the_target_itself_may_listen() -> None:
    want = wanted()
    assert needed(want, ready(want, listening={"8000": "docker-proxy", "8001": ""})) == []
    moved = wanted(target="ports = { blue = 8000, green = 8005 }\n")
    (need,) = needed(moved, ready(want, listening={"8000": "docker-proxy", "8005": "node"}))
    assert need.what == "port 8005 is in use on the host"


@pytest.mark.parametrize(
    ("holder", "stops"), [("nginx", True), ("caddy", False), ("caddy-dns", False), ("", False)]
)
def test_the_sites_port_is_caddys_or_nobodys(holder: str, stops: bool) -> None:
    want = wanted()
    port = str(site_port(want.site_address))
    assert [need.stops for need in needed(want, fresh(listening={port: holder}))] == [True] * stops


@pytest.mark.parametrize(
    ("address", "port"),
    [
        ("api.example.com", 443), ("https://api.example.com", 443), ("http://api.example.com", 80),
        ("http://10.0.0.1", 80), ("http://[::1]:81", 81), ("[2001:db8::1]", 443), (":8080", 8080),
        ("https://api.example.com:8443", 8443),
    ],
)  # fmt: skip
def test_port_of_a_sites_address(address: str, port: int) -> None:
    assert site_port(address) == port
