"""An engine that is away: every look and every act says so, in the simulator and with Docker's client and no Docker."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from l9.config.layout import Layout
from l9.core.ports import Runtime
from l9.core.states import Slot
from l9.drivers.docker.runtime import ComposeRuntime
from l9.errors import ActionError
from world import faults
from world.host import CONFIG, World

BLUE, V1 = Slot.BLUE, "v1.0.0-l9"
LOOKS: dict[str, Callable[[Runtime], object]] = {
    "host": lambda r: r.host(BLUE),
    "slots": lambda r: r.slots(),
    "image": lambda r: r.image(V1),
    "log_tail": lambda r: r.log_tail(BLUE, 5),
    "past_the_router": lambda r: r.past_the_router(BLUE, 0),
    "read_log": lambda r: list(r.read_log(BLUE, 0.0).read()),
}
ACTS: dict[str, Callable[[Runtime], object]] = {
    "start": lambda r: r.start(BLUE, V1),
    "wake": lambda r: r.wake(BLUE, V1),
    "pause": lambda r: r.pause(BLUE, V1),
    "stop": lambda r: r.stop(BLUE, V1),
    "remove": lambda r: r.remove(BLUE, V1),
    "evict": lambda r: r.evict(BLUE, V1),
    "restore": lambda r: r.restore(BLUE, V1),
    "prune": lambda r: r.prune(()),
}


@pytest.fixture(params=["simulated", "docker"])
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Runtime]:
    if request.param == "simulated":
        world = World()
        world.machine.begin(BLUE, V1)
        faults.begin(world, "the engine is away")
        yield world.runtime
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(tmp_path / "dead"))
    config = msgspec.structs.replace(CONFIG, target=msgspec.structs.replace(CONFIG.target, runtime="compose"))
    (tmp_path / "opt/.l9/releases" / V1 / "tree").mkdir(parents=True)
    yield ComposeRuntime(config, Layout(tmp_path / "opt"), host=f"unix://{tmp_path}/dead")


@pytest.mark.parametrize("ask", [*LOOKS.values(), *ACTS.values()], ids=[*LOOKS, *ACTS])
def test_it_is_told_in_place_of_an_answer(runtime: Runtime, ask: Callable[[Runtime], object]) -> None:
    with pytest.raises(ActionError) as refused:
        ask(runtime)
    error = refused.value
    assert "connection refused" in error.found
    assert (error.message, error.remedy) == ("Docker is not running", "systemctl start docker")
