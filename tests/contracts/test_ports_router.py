"""The switch: the same promises of the simulated proxy and of a real Caddy with the site that l9 provisions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.caddy_scene import Scene
from l9.core.ports import Http, Router
from l9.core.states import Slot
from l9.demo.caddy import caddy_binary
from l9.drivers.caddy.site import FLAG, label_directory, site
from l9.drivers.http.client import HttpClient
from l9.errors import NoAnswer
from world.host import CONFIG, World

BLUE, GREEN = Slot.BLUE, Slot.GREEN
V1, V2 = "v1.0.0-l9", "v1.1.0-l9"


@dataclass
class Proxy:
    """A router with two slots that answer behind it. `hold` sends a request that stays open, and gives its end.

    `deafen`: from now on the proxy goes to blue, whatever the flag says.
    """

    router: Router
    http: Http
    url: str
    kill: Callable[[Slot], None]
    stop: Callable[[], None]
    hold: Callable[[], Callable[[], None]]
    deafen: Callable[[], None]

    def ask(self, *, probe: bool = True) -> tuple[int, str | None, str | None]:
        """The status, and which slot and release say that they answered."""
        headers = {"X-L9-Probe": "1"} if probe else {}
        reply = self.http.request("GET", f"{self.url}/health", headers=headers)
        return reply.status, reply.headers.get("x-l9-slot"), reply.headers.get("x-l9-release")

    def settled(self, what: Callable[[], bool]) -> bool:
        """True if the condition becomes true within 5 seconds: a real proxy does not count to the instant."""
        until = time.monotonic() + 5
        while not what() and time.monotonic() < until:
            time.sleep(0.02)
        return what()


@pytest.fixture
def simulated() -> Proxy:
    world = World()
    machine = world.machine
    for slot in Slot:
        machine.begin(slot, V1)
    world.wait(1)

    def hold() -> Callable[[], None]:
        machine.slow = 3600.0
        return lambda: setattr(machine, "slow", 0.0)

    return Proxy(
        world.router,
        world.http,
        CONFIG.route.url,
        machine.kill,
        lambda: setattr(machine, "front", "nothing"),
        hold,
        lambda: machine.stick(BLUE),
    )


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Proxy]:
    scene = Scene(tmp_path, caddy_binary())
    try:

        def reading(flags: Path) -> str:
            return site(
                address=f"http://127.0.0.1:{scene.public}",
                flags=str(flags),
                blue=scene.ports[BLUE],
                green=scene.ports[GREEN],
                access_log=str(scene.access_log),
            )

        scene.start(reading(scene.layout.route))

        def kill(slot: Slot) -> None:
            scene.backends[slot].shutdown()
            scene.backends[slot].server_close()

        def hold() -> Callable[[], None]:
            asking = threading.Thread(target=scene.ask, args=("/slow",))
            asking.start()

            def end() -> None:
                for server in scene.backends.values():
                    server.may_answer.set()  # type: ignore[attr-defined]
                asking.join()

            return end

        url = f"http://127.0.0.1:{scene.public}"
        yield Proxy(
            scene.file_router(), HttpClient(), url, kill, scene.caddy.stop, hold,
            lambda: scene.caddy.reload(reading(tmp_path / "elsewhere")),
        )  # fmt: skip
    finally:
        scene.close()


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.embedded)])
def proxy(request: pytest.FixtureRequest) -> Proxy:
    return request.getfixturevalue(request.param)


def test_blue_is_active_on_a_fresh_host(proxy: Proxy) -> None:
    assert proxy.router.active() is BLUE
    assert proxy.ask()[:2] == (200, "blue")


def test_switch_moves_traffic_at_once_and_again_does_no_harm(proxy: Proxy) -> None:
    for to in (GREEN, GREEN, BLUE, BLUE, GREEN):
        proxy.router.switch(to)
        assert proxy.router.active() is to
        assert proxy.settled(lambda to=to: proxy.ask()[:2] == (200, to))  # type: ignore[misc]


def test_probes_are_told_the_release_and_users_are_not(proxy: Proxy) -> None:
    proxy.router.label(BLUE, V1)
    assert proxy.ask() == (200, "blue", V1)
    assert proxy.ask(probe=False) == (200, "blue", None)


def test_each_slot_has_its_own_label_and_keeps_the_newest(proxy: Proxy) -> None:
    for slot, release in ((BLUE, V1), (GREEN, V1), (GREEN, V2), (GREEN, V2)):
        proxy.router.label(slot, release)
    assert proxy.ask() == (200, "blue", V1)
    proxy.router.switch(GREEN)
    assert proxy.settled(lambda: proxy.ask() == (200, "green", V2))


@pytest.mark.embedded
@pytest.mark.parametrize("to", Slot)
def test_what_is_no_file_is_no_flag_and_is_moved_out_of_the_way(
    real: Proxy, tmp_path: Path, to: Slot
) -> None:
    flag = tmp_path / "opt/.l9/route" / FLAG
    for make in (flag.mkdir, lambda: flag.symlink_to("nowhere")):
        real.router.switch(BLUE)
        make()
        assert (real.router.active(), real.ask()[1]) == (BLUE, "blue")
        real.router.switch(to)
        assert real.router.active() is to
        assert real.settled(lambda: real.ask()[:2] == (200, to))
    assert len(list(flag.parent.glob(".not-of-l9-*"))) == 2


@pytest.mark.embedded
def test_label_of_somebody_else_is_replaced(real: Proxy, tmp_path: Path) -> None:
    labels = tmp_path / "opt/.l9/route" / label_directory(BLUE)
    labels.touch()
    real.router.label(BLUE, V1)
    assert real.ask() == (200, "blue", V1)
    (labels / "folder").mkdir()
    (labels / V2).touch()
    real.router.label(BLUE, V1)
    assert real.ask() == (200, "blue", V1)
    assert [path.name for path in labels.iterdir()] == [V1]


def test_slot_without_a_label_names_no_release(proxy: Proxy) -> None:
    proxy.router.label(GREEN, V1)
    assert proxy.ask() == (200, "blue", None)


def test_site_as_provisioned_has_no_problem(proxy: Proxy) -> None:
    assert proxy.router.problem() is None
    proxy.router.switch(GREEN)
    assert proxy.settled(lambda: proxy.router.problem() is None)


def test_answers_name_slot_and_release(proxy: Proxy) -> None:
    proxy.router.label(GREEN, V2)
    proxy.router.switch(GREEN)
    assert proxy.settled(lambda: proxy.router.answering().slot is GREEN)
    seen = proxy.router.answering()
    assert (seen.release, seen.status, seen.accepted) == (V2, 200, True)
    assert not seen.differs(GREEN, V2)
    assert seen.differs(BLUE, V2) and seen.differs(GREEN, V1)


def test_proxy_that_does_not_read_the_flag_is_seen_in_its_answers(proxy: Proxy) -> None:
    proxy.router.switch(GREEN)
    assert proxy.settled(lambda: proxy.router.answering().slot is GREEN)
    proxy.deafen()
    assert proxy.settled(lambda: proxy.router.answering().slot is BLUE)
    assert proxy.router.active() is GREEN
    problem = proxy.router.problem()
    assert problem is not None and problem[1] == "l9 provision"
    assert "names green" in problem[0]


def test_dead_slot_still_answers_by_its_name(proxy: Proxy) -> None:
    proxy.kill(BLUE)
    seen = proxy.router.answering()
    assert (seen.slot, seen.status, seen.accepted) == (BLUE, 502, True)


def test_proxy_that_is_away_accepts_nothing(proxy: Proxy) -> None:
    proxy.stop()
    seen = proxy.router.answering()
    assert (seen.slot, seen.release, seen.status, seen.accepted) == (None, None, None, False)


def test_dead_slot_is_no_problem_of_the_site(proxy: Proxy) -> None:
    """It must be possible to deploy on a host whose release has died."""
    proxy.kill(BLUE)
    assert proxy.ask()[:2] == (502, "blue")
    assert proxy.router.problem() is None


def test_proxy_that_is_down_is_a_problem_with_a_remedy(proxy: Proxy) -> None:
    proxy.stop()
    problem = proxy.router.problem()
    assert problem is not None
    assert problem[1] == "systemctl status caddy"
    with pytest.raises(NoAnswer):
        proxy.ask()


def test_colour_outlives_the_proxy(proxy: Proxy) -> None:
    proxy.router.switch(GREEN)
    proxy.stop()
    assert proxy.router.active() is GREEN


def test_open_requests_are_counted_by_slot(proxy: Proxy) -> None:
    proxy.ask()
    assert proxy.settled(lambda: (proxy.router.in_flight(BLUE)[0] or 0) == 0)
    end = proxy.hold()
    try:
        assert proxy.settled(lambda: (proxy.router.in_flight(BLUE)[0] or 0) >= 1)
        proxy.router.switch(GREEN)
        assert proxy.router.in_flight(BLUE)[0]  # it stays open on the slot that it was accepted for
    finally:
        end()
    assert proxy.settled(lambda: proxy.router.in_flight(BLUE) == (0, 0))


def test_probes_are_no_traffic(proxy: Proxy) -> None:
    for _ in range(5):
        proxy.ask()
    assert proxy.router.traffic(BLUE, 0.0).answers == 0
