"""`l9 provision` on a host where a release is live: users go on to get it, whatever is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.host_place import ORIGIN, HostPlace
from e2e.kept import Kept, keeping
from e2e.place import deploy, l9, l9_json, live_release, load, next_release, unexcused
from hosts.host import Host
from l9.core.states import State

pytestmark = [pytest.mark.timeout(420), pytest.mark.host]
WELCOME = ":80 {\n\troot * /usr/share/caddy\n\tfile_server\n}\n"
PLACES = ("/etc/l9", "/usr/lib/l9", "/etc/caddy", "/etc/cron.d", "/opt/l9/.l9/route")


@pytest.fixture(scope="module")
def kept(host: Host) -> Iterator[Kept]:
    with keeping(lambda root: HostPlace(root, host)) as found:
        yield found


@pytest.fixture
def live(kept: Kept) -> Iterator[HostPlace]:
    """A host where a good release is live; its l9.toml is as before afterwards."""
    place = kept.place()
    assert isinstance(place, HostPlace)
    if live_release(place) is None:
        assert deploy(place, next_release(place))["outcome"] == State.SUCCESS
    file = place.work / "l9.toml"
    text = file.read_text(encoding="utf-8")
    yield place
    file.write_text(text, encoding="utf-8")
    assert provision(place)["exit"] == 0


def configure(place: HostPlace, old: str, new: str) -> None:
    """Edit l9.toml, as a person does."""
    file = place.work / "l9.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def provision(place: HostPlace) -> dict[str, Any]:
    """The document, and the exit code as `exit`."""
    done = l9(place, "provision", "--yes", "--json", "--repository", ORIGIN)
    return {**json.loads(done.stdout), "exit": done.returncode}


def listing(place: HostPlace) -> str:
    """What provisioning may change, but for times: a file that was put back is another one."""
    script = """
        find "$@" -name '*.making-*' -prune -o -printf "%p %m %u:%g %l\\n" | grep -v "^/usr/lib/l9/[^ ]*/" | sort
        find "$@" -type f -exec sha256sum {} + | grep -v " /usr/lib/l9/" | sort
    """
    return place.host.run(("sh", "-c", script, "-", *PLACES)).stdout


def asked(place: HostPlace, name: str) -> str:
    """Who answers on the host to that name."""
    out = "%header{x-l9-slot} %header{x-l9-release} %{http_code}"
    argv = ("curl", "-s", "-o", "/dev/null", "-w", out, "-H", "X-L9-Probe: 1", "-H", f"Host: {name}")
    return place.host.run((*argv, "http://127.0.0.1/health")).stdout


def test_a_site_that_leads_elsewhere_is_taken_back(live: HostPlace, tmp_path: Path) -> None:
    release, before = live_release(live), listing(live)
    configure(live, "[health]", '[route]\nsite = "http://:81"\n\n[standby]\nseconds = 7\n\n[health]')
    with load(live, tmp_path) as generator:
        error = provision(live)
        middle = l9_json(live, "status")
    assert (error["exit"], error["code"], error["changed"]) == (4, "CHANGE_UNDONE", False), error
    assert f"with {release}" in error["evidence"][0]["expected"]
    assert "127.0.0.1/health" in error["evidence"][0]["observed"]
    assert error["remedy"][0]["command"] == "$EDITOR l9.toml"
    assert listing(live) == before
    assert (middle["live"]["release"], middle["public"]) == (release, None), middle
    assert l9(live, "drift").returncode == 0
    report = generator.stop()
    # For the moment until it was seen, the distribution's page answered on port 80.
    assert {f.status for f in report.total().failures} <= {404, 0, None}, unexcused(report)
    assert report.total().ok > 50


def test_settings_that_no_site_answers_to_are_taken_back(live: HostPlace) -> None:
    release, before = live_release(live), listing(live)
    address = live.host.address
    configure(live, "[health]", f'[route]\nsite = "http://{address}"\n\n[health]')
    configure(live, f'public_url = "{live.url}"', 'public_url = "http://shop.test"')
    error = provision(live)
    assert (error["exit"], error["code"]) == (4, "CHANGE_UNDONE"), error
    assert "no slot" in error["evidence"][0]["observed"]
    assert "shop.test" in error["evidence"][0]["observed"]
    assert listing(live) == before
    assert live_release(live) == release


def test_a_domain_that_moves_takes_the_live_release_with_it(live: HostPlace, tmp_path: Path) -> None:
    release, address = live_release(live), live.host.address
    slot = l9_json(live, "status")["live"]["slot"]
    configure(live, "[health]", f'[route]\nsite = "http://{address}, http://shop.test"\n\n[health]')
    configure(live, f'public_url = "{live.url}"', 'public_url = "http://shop.test"')
    with load(live, tmp_path) as generator:
        done = provision(live)
    assert (done["exit"], [one["kind"] for one in done["made"]]) == (0, ["file", "caddy"]), done
    for name in (address, "shop.test"):
        assert asked(live, name) == f"{slot} {release} 200"
    assert l9_json(live, "status")["public"] is None
    assert l9(live, "drift").returncode == 0
    assert generator.stop().total().ok > 50
    assert deploy(live, next_release(live))["exit_code"] == 0


def test_ports_of_a_live_release_stay(live: HostPlace, tmp_path: Path) -> None:
    before = listing(live)
    configure(live, "[targets.production]", "[targets.production]\nports = { blue = 9000, green = 9001 }")
    with load(live, tmp_path) as generator:
        done = provision(live)
    assert (done["exit"], done["changed"], done["made"]) == (5, False, []), done
    (need,) = [need for need in done["needs"] if need["blocking"]]
    assert need["what"] == "the ports cannot move while a release is live"
    assert "blue = 8000, green = 8001" in need["expected"]
    assert unexcused(generator.stop()) == []
    assert listing(live) == before


@pytest.mark.parametrize("caddyfile", [WELCOME, None])
def test_a_site_that_somebody_replaced_is_seen_and_mended(live: HostPlace, caddyfile: str | None) -> None:
    """The distribution's own Caddyfile again, or the site's file edited by hand."""
    release = live_release(live)
    if caddyfile is not None:
        live.host.path("/etc/caddy/Caddyfile").write_text(caddyfile, encoding="utf-8")
    else:
        live.host.run(("sed", "-i", "s/800[01]/9999/", "/etc/caddy/l9/l9-api.caddy"))
    live.host.reload_caddy()
    public = l9_json(live, "status")["public"]
    assert public["remedy"] == "l9 provision", public
    drift = l9_json(live, "drift")
    assert "l9 provision" in json.dumps(drift), drift
    done = provision(live)
    assert (done["exit"], [one["kind"] for one in done["made"]]) == (0, ["caddy"]), done
    assert l9_json(live, "status")["public"] is None
    assert l9(live, "drift").returncode == 0
    assert live_release(live) == release
