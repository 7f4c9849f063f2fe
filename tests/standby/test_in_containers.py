"""The same in containers of a real engine, which freezes all processes of one at once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.docker_compose.own_docker import lacking, make_base, own_engine
from standby.rounds import Outcome, play, targets
from standby.servers import missing, python, servers

pytestmark = [pytest.mark.timeout(400), pytest.mark.host]

IMAGE = "l9-standby/base:1"
CHOSEN = (("gunicorn-sync", "auto"), ("gunicorn-sync", "pause"), ("node", "auto"))
SECONDS, ROUNDS = 5.0, 2


@pytest.fixture(scope="module")
def engine() -> Iterator[str]:
    """An engine with an image of this machine's Python and Node, and gunicorn."""
    tell = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
    if reason := lacking():
        tell(reason)
    if absent := [program for name, _ in CHOSEN for program in missing(servers()[name])]:
        tell(f"not installed: {', '.join(absent)}")
    with own_engine() as host, tempfile.TemporaryDirectory() as folder:
        (packages,) = Path(python()).parents[1].glob("lib/python3*/site-packages")
        make_base(host, Path(folder) / "image.tar", IMAGE, ("node",), packages)
        yield host


@pytest.fixture(scope="module")
def outcomes(engine: str) -> Iterator[dict[tuple[str, str], Outcome]]:
    """All of them were on standby at the same time."""
    known = servers()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", engine)
        with targets([(known[name], mode) for name, mode in CHOSEN], IMAGE) as made:
            yield {(one.name, one.mode): one for one in play(made, SECONDS, ROUNDS)}


@pytest.mark.parametrize(("name", "mode"), CHOSEN)
def test_rollback_after_a_standby_loses_nothing(
    outcomes: dict[tuple[str, str], Outcome], name: str, mode: str
) -> None:
    outcome = outcomes[name, mode]
    assert outcome.wrong == []
    assert outcome.rounds == ROUNDS
    assert outcome.served > 0
