"""The switch: the same promises of the simulated proxy and of a real Caddy with the site that l9 provisions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.proxies import Proxy, real_proxy, simulated_proxy
from l9.core.states import Slot
from l9.drivers.caddy.site import FLAG, label_directory
from l9.errors import NoAnswer

BLUE, GREEN = Slot.BLUE, Slot.GREEN
V1, V2 = "v1.0.0-l9", "v1.1.0-l9"


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Proxy]:
    with real_proxy(tmp_path) as made:
        yield made


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.embedded)])
def proxy(request: pytest.FixtureRequest) -> Proxy:
    return simulated_proxy() if request.param == "simulated" else request.getfixturevalue("real")


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


# ── a router that is broken ──────────────────────────────────────────────────────────────────────


def on_green(proxy: Proxy) -> None:
    """V2 is live in green."""
    proxy.router.label(BLUE, V1)
    proxy.router.label(GREEN, V2)
    proxy.router.switch(GREEN)
    assert proxy.settled(lambda: proxy.ask() == (200, "green", V2))


def test_proxy_that_hangs_accepts_and_is_given_up_in_time(proxy: Proxy) -> None:
    on_green(proxy)
    proxy.hang()
    seen = proxy.router.answering()
    assert (seen.slot, seen.release, seen.status, seen.named) == (None, None, None, False)
    assert (seen.accepted, seen.found) == (True, "timed out")
    assert seen.differs(GREEN, V2)
    problem = proxy.router.problem()
    assert problem is not None
    assert "timed out" in problem[0]
    assert problem[1] == "systemctl status caddy"
    assert proxy.router.in_flight(GREEN) == (None, 0)
    with pytest.raises(NoAnswer, match="got no") as refused:
        proxy.http.request("GET", f"{proxy.url}/health", timeout=0.5)
    assert (refused.value.accepted, refused.value.found) == (True, "timed out")


def test_flag_is_written_while_the_proxy_hangs(proxy: Proxy) -> None:
    """The way back does not need it to answer."""
    on_green(proxy)
    proxy.hang()
    proxy.router.switch(BLUE)
    assert proxy.router.active() is BLUE


def test_proxy_that_is_away_counts_nothing(proxy: Proxy) -> None:
    proxy.stop()
    assert proxy.router.in_flight(BLUE) == (None, 0)


def test_site_of_somebody_else_is_told_from_ours(proxy: Proxy) -> None:
    on_green(proxy)
    proxy.replace()
    assert proxy.settled(lambda: proxy.router.answering().status == 404)
    seen = proxy.router.answering()
    assert (seen.slot, seen.release, seen.named, seen.accepted) == (None, None, False, True)
    assert seen.found == "status 404 from no slot with no release"
    assert seen.differs(GREEN, V2)
    problem = proxy.router.problem()
    assert problem is not None
    assert "from no slot" in problem[0] and "names green" in problem[0]
    assert problem[1] == "l9 provision"
    assert proxy.router.active() is GREEN
    assert proxy.router.in_flight(GREEN) == (None, 0)


def test_flag_that_the_proxy_cannot_read_is_none_to_it_and_the_labels_neither(proxy: Proxy) -> None:
    on_green(proxy)
    proxy.blindfold()
    assert proxy.settled(lambda: proxy.router.answering().slot is BLUE)
    seen = proxy.router.answering()
    assert (seen.slot, seen.release, seen.status, seen.named) == (BLUE, None, 200, True)
    assert seen.differs(GREEN, V2)
    assert proxy.router.active() is GREEN  # who runs l9 can read it
    problem = proxy.router.problem()
    assert problem is not None
    assert "from blue" in problem[0] and "names green" in problem[0]
    assert problem[1] == "l9 provision"
