"""The switch through the admin API on real Caddies, beside a site that is somebody else's.

Where both ways of switching promise the same, the same test runs on both. `L9_TEST_CADDY` names another
binary to run on; Debian's, where it is installed, is taken by itself.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import reduce
from operator import getitem
from pathlib import Path

import msgspec
import pytest

from contracts.caddy_scene import BLUE, GREEN, Scene, binaries
from l9.config.provisioned import in_directory
from l9.config.settings import server_settings
from l9.core.states import Slot
from l9.drivers.caddy.admin import CaddyAdmin
from l9.drivers.caddy.flag_file import CaddyFile
from l9.drivers.caddy.site import site
from l9.drivers.process.free_port import free_port
from l9.errors import ActionError
from l9.host.wiring import host_ports

pytestmark = pytest.mark.embedded
V1, V2 = "v1.0.0-l9", "v1.1.0-l9"


def in_time(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(params=binaries(), ids=lambda path: str(path.parent))
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path, request.param)
    yield scene
    scene.close()


@pytest.fixture
def router(scene: Scene) -> CaddyAdmin:
    scene.start(scene.foreign_site())
    return scene.router()


# ── what both ways of switching promise ──────────────────────────────────────────────────────────


@pytest.fixture(params=["caddy-admin", "caddy-file"])
def either(request: pytest.FixtureRequest, scene: Scene) -> CaddyAdmin | CaddyFile:
    if request.param == "caddy-admin":
        scene.start(scene.foreign_site())
        return scene.router()
    ours = site(
        address=f"http://127.0.0.1:{scene.public}",
        flags=str(scene.layout.route),
        blue=scene.ports[BLUE],
        green=scene.ports[GREEN],
        access_log=str(scene.access_log),
    )
    scene.start(ours)
    return scene.file_router()


def test_there_and_back_and_twice_is_as_once(scene: Scene, either: CaddyAdmin | CaddyFile) -> None:
    assert either.active() is BLUE
    either.label(BLUE, V1)
    either.label(GREEN, V2)
    for to, release in ((GREEN, V2), (GREEN, V2), (BLUE, V1), (BLUE, V1), (GREEN, V2)):
        either.switch(to)
        assert either.active() is to
        body, headers = scene.ask()
        assert body == to
        assert (headers["x-l9-slot"], headers["x-l9-release"]) == (to, release)
        assert either.problem() is None


def test_a_new_label_of_the_live_slot_is_told_at_once(scene: Scene, either: CaddyAdmin | CaddyFile) -> None:
    either.label(BLUE, V1)
    either.label(BLUE, V2)
    assert scene.ask()[1]["x-l9-release"] == V2


def test_the_colour_outlives_a_crash_of_caddy(scene: Scene, either: CaddyAdmin | CaddyFile) -> None:
    for to in (GREEN, BLUE, GREEN):
        either.switch(to)
        scene.caddy.kill()
        scene.caddy.start()
        assert either.active() is to
        assert scene.ask()[0] == to
        scene.caddy.reload()
        # For the server that ends: see tests/unit/demo/test_embedded_caddy.py.
        socket.create_connection(("127.0.0.1", scene.public)).close()
        assert scene.ask()[0] == to


def test_a_slow_request_ends_on_the_old_slot(scene: Scene, either: CaddyAdmin | CaddyFile) -> None:
    answers: list[str] = []
    slow = threading.Thread(target=lambda: answers.append(scene.ask("/slow")[0]))
    slow.start()
    assert in_time(lambda: either.in_flight(BLUE)[0] == 1)
    began = time.monotonic()
    either.switch(GREEN)
    assert time.monotonic() - began < 5
    open_now = either.in_flight(BLUE)
    # Debian's Caddy forgets a server that it no longer sends anything to.
    forgets = isinstance(either, CaddyAdmin) and scene.caddy.version < (2, 11, 2)
    assert open_now == ((None, 0) if forgets else (1, 0))
    scene.backends[BLUE].may_answer.set()  # type: ignore[attr-defined]
    slow.join(10)
    assert answers == ["blue"]
    assert in_time(lambda: either.in_flight(BLUE)[0] in {0, None})


def test_real_traffic_is_counted_by_slot(scene: Scene, either: CaddyAdmin | CaddyFile) -> None:
    since = time.time()
    either.switch(GREEN)
    either.traffic(GREEN, since)
    for _ in range(3):
        scene.ask(probe=False)
    scene.ask()
    assert in_time(lambda: either.traffic(GREEN, since).answers == 3)
    assert either.traffic(BLUE, since).answers == 0


def test_a_caddy_that_is_away_is_a_problem(scene: Scene, either: CaddyAdmin | CaddyFile) -> None:
    scene.caddy.kill()
    assert either.in_flight(BLUE) == (None, 0)
    what, remedy = either.problem() or ("", "")
    assert "does not answer" in what
    assert remedy == "systemctl status caddy"


# ── only by the admin API ────────────────────────────────────────────────────────────────────────


def test_the_handler_alone_is_changed(scene: Scene, router: CaddyAdmin) -> None:
    before = scene.routes()
    whole = json.loads(scene.admin("GET", "/config/"))
    router.label(GREEN, V1)
    router.switch(GREEN)
    assert [old == new for old, new in zip(before, scene.routes(), strict=True)].count(False) == 1
    for path in ("/own/x", "/"):
        assert scene.ask(path)[1].get("x-l9-slot") == (None if path == "/own/x" else "green")
    _, headers = scene.ask()
    assert (headers["x-theirs"], headers["x-down"]) == ("yes", "yes")
    [(method, path)] = scene.front.changes
    assert method == "PATCH"
    assert path.startswith("/config/apps/http/servers/srv0/routes/")
    router.label(GREEN, V1)
    router.switch(GREEN)
    assert len(scene.front.changes) == 1, "a change that changes nothing is a reload all the same"
    now = json.loads(scene.admin("GET", "/config/"))
    *parents, last = [int(step) if step.isdigit() else step for step in path.split("/")[2:]]
    holder, origin = reduce(getitem, parents, now), reduce(getitem, parents, whole)
    assert holder[last].pop("upstreams") == [{"dial": f"localhost:{scene.ports[GREEN]}"}]
    assert holder[last]["headers"]["response"].pop("set") == {
        "X-Down": ["yes"],
        "X-L9-Slot": ["green"],
        "X-L9-Release": [V1],
    }
    assert origin[last].pop("upstreams") == [{"dial": f"localhost:{scene.ports[BLUE]}"}]
    assert origin[last]["headers"]["response"].pop("set") == {"X-Down": ["yes"]}
    assert now == whole


def test_by_its_id_among_several(scene: Scene) -> None:
    scene.start(scene.foreign_site(more=f"\treverse_proxy /b/* localhost:{scene.ports[BLUE]}\n"))
    what, remedy = scene.router().problem() or ("", "")
    assert "several Caddy handlers" in what
    assert "route.id" in what
    assert remedy.startswith("curl -s http")
    with pytest.raises(ActionError, match="several"):
        scene.router().switch(GREEN)
    path = next(p for p in what.replace(";", ",").replace(": ", ", ").split(", ") if p.startswith("/config"))
    handler = json.loads(scene.admin("GET", path))
    scene.admin("PATCH", path, {"@id": "the app", **handler})
    router = scene.router(id="the app")
    router.switch(GREEN)
    assert router.active() is GREEN
    assert scene.front.changes == [("PATCH", "/id/the%20app")]
    assert json.loads(scene.admin("GET", path))["@id"] == "the app"
    assert scene.sites.read_text().count(f"localhost:{scene.ports[BLUE]}") == 2, "which is ours is not known"


def test_somebody_else_is_not_overwritten(scene: Scene, router: CaddyAdmin) -> None:
    saved = scene.sites.read_text()

    def meddle(method: str) -> None:
        if method == "PATCH":
            path = scene.front.changes[0][1]
            scene.admin("PUT", f"{path}/flush_interval", -1)

    scene.front.before = meddle
    with pytest.raises(ActionError, match="changed by another program") as raised:
        router.switch(GREEN)
    assert raised.value.remedy == "l9 resume"
    assert raised.value.expected
    assert "If-Match" in raised.value.found
    assert router.active() is BLUE
    assert scene.sites.read_text() == saved
    assert not list(scene.directory.glob(".*")), "no draft is left"
    scene.front.before = lambda _method: None
    router.switch(GREEN)
    assert json.loads(scene.admin("GET", scene.front.changes[0][1]))["flush_interval"] == -1


def test_what_is_no_handler_of_ours_is_never_changed(scene: Scene) -> None:
    scene.start(f"http://127.0.0.1:{scene.public} {{\n\treverse_proxy localhost:9\n}}\n")
    assert "no Caddy handler sends traffic to a slot" in (scene.router().problem() or ("",))[0]
    path = "/config/apps/http/servers/srv0/routes/0"
    scene.admin("PATCH", path, {"@id": "app", **json.loads(scene.admin("GET", path))})
    for given, why in (("app", "one slot: something else"), ("gone", "refused GET /id/gone: status 404")):
        router = scene.router(id=given)
        for act in (router.active, lambda r=router: r.switch(GREEN), lambda r=router: r.label(BLUE, V1)):
            with pytest.raises(ActionError):
                act()
        what, remedy = router.problem() or ("", "")
        assert why in what
        assert remedy.startswith("curl -s http")
    assert scene.front.changes == []


def test_without_an_answer_nothing_is_saved(scene: Scene, router: CaddyAdmin) -> None:
    saved = scene.sites.read_text()
    for answer in (b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", None):
        scene.front.answer = answer
        if answer is None:
            scene.front.close()
        for act in (router.active, lambda: router.switch(GREEN)):
            with pytest.raises(ActionError, match="does not answer") as raised:
                act()
            assert raised.value.remedy == "systemctl status caddy"
    assert scene.sites.read_text() == saved


def test_answers_that_say_nothing(scene: Scene, router: CaddyAdmin) -> None:
    for body in (b"no json", b"null", b"[1]", b'[{"address":"localhost:%d"}]' % scene.ports[BLUE]):
        scene.front.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        assert router.in_flight(BLUE) == (None, 0)
        with pytest.raises(ActionError) as raised:
            router.active()
        assert raised.value.remedy
    handler = json.dumps({"handler": "reverse_proxy", "upstreams": [{"dial": f":{scene.ports[BLUE]}"}]})
    scene.front.answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(handler)}\r\n\r\n{handler}".encode()
    with pytest.raises(ActionError, match="changed safely"):
        scene.router(id="app").switch(GREEN)


def test_a_change_that_does_not_show_is_no_switch(scene: Scene, router: CaddyAdmin) -> None:
    def swallow(method: str) -> None:
        scene.front.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" if method == "PATCH" else None

    scene.front.before = swallow
    with pytest.raises(ActionError, match="does not report it"):
        router.switch(GREEN)
    assert str(scene.ports[BLUE]) in scene.sites.read_text()


def test_another_site_at_the_url_is_a_problem(scene: Scene, router: CaddyAdmin) -> None:
    assert router.problem() == (
        f"http://127.0.0.1:{scene.public}/health: status 200 from forged with no release, "
        "and Caddy's handler dials blue",
        f"curl -s http://127.0.0.1:{scene.front.port}/config/",
    )
    router.label(BLUE, V1)
    assert router.problem() is None


def test_mode_and_owner_of_the_caddyfile_stay(scene: Scene, router: CaddyAdmin) -> None:
    link = scene.directory / "link"
    link.symlink_to(scene.sites)
    scene.sites.chmod(0o640)
    owner = 65534 if os.geteuid() == 0 else os.getuid()
    os.chown(scene.sites, owner, -1)
    before = scene.sites.read_bytes()
    scene.router(caddyfile=str(link)).switch(GREEN)
    blue, green = (f"localhost:{scene.ports[slot]}".encode() for slot in Slot)
    assert scene.sites.read_bytes() == before.replace(blue, green)
    assert (scene.sites.stat().st_mode & 0o777, scene.sites.stat().st_uid) == (0o640, owner)
    assert link.is_symlink()


def test_a_colour_that_cannot_be_saved_stops_the_switch(scene: Scene, router: CaddyAdmin) -> None:
    in_the_way = scene.directory / f".{scene.sites.name}.l9"
    in_the_way.mkdir()
    with pytest.raises(ActionError, match="cannot be saved") as raised:
        router.switch(GREEN)
    assert raised.value.remedy == f"ls -l {scene.sites}"
    assert router.active() is BLUE


def test_a_caddyfile_that_goes_away_meanwhile(scene: Scene, router: CaddyAdmin) -> None:
    def replace(method: str) -> None:
        if method == "PATCH":
            scene.sites.unlink()
            scene.sites.mkdir()

    scene.front.before = replace
    with pytest.raises(ActionError, match="cannot be saved"):
        router.switch(GREEN)
    assert not list(scene.directory.glob(".*"))


def test_nobody_at_the_url_is_a_problem(scene: Scene, router: CaddyAdmin) -> None:
    assert router.active() is BLUE
    scene.public = free_port()
    what, remedy = scene.router().problem() or ("", "")
    assert f"does not answer at http://127.0.0.1:{scene.public}/health" in what
    assert remedy == "systemctl status caddy"


def test_the_kind_of_route_chooses(scene: Scene) -> None:
    for kind, chosen in (("caddy-admin", CaddyAdmin), ("caddy-file", CaddyFile)):
        config = scene.config(kind)
        config = msgspec.structs.replace(
            config, target=msgspec.structs.replace(config.target, runtime="process")
        )
        signers = in_directory(scene.layout.root).allowed_signers
        ports = host_ports(
            config, layout=scene.layout, server=server_settings(config), allowed_signers=signers
        )
        assert type(ports.router) is chosen


@pytest.mark.parametrize(
    ("caddyfile", "why", "remedy"),
    [
        ("", "route.caddyfile is empty", "systemctl cat caddy"),
        ("/nowhere/Caddyfile", "No such file", "grep -n reverse_proxy /nowhere/Caddyfile"),
        ("/dev/null", "exactly one reverse_proxy line", "grep -n reverse_proxy /dev/null"),
    ],
)
def test_a_restart_that_would_undo_it_is_told_once(
    scene: Scene, router: CaddyAdmin, caddyfile: str, why: str, remedy: str
) -> None:
    unsaved = scene.router(caddyfile=caddyfile)
    unsaved.label(BLUE, V1)
    what, typed = unsaved.problem() or ("", "")
    assert "a restart of Caddy would change the live slot" in what
    assert why in what
    assert typed == remedy
    assert unsaved.problem() is None
    assert scene.router(caddyfile=caddyfile).problem() is None
    unsaved.switch(GREEN)
    assert router.active() is GREEN
