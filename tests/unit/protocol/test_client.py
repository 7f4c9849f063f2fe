"""The operator's side of the agent, where nobody answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from gone import ssh_ends_first
from l9.configuration import parse
from l9.errors import Unreachable
from l9.protocol import client


def test_an_ssh_that_ends_before_it_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ssh_ends_first(monkeypatch, tmp_path / "bin", "connect to host vps port 22: refused")
    config = parse('app = "l9-api"\n[targets.production]\nhost = "vps"\n')
    with pytest.raises(Unreachable) as caught:
        client.result(config, "status", "ada@laptop")
    assert caught.value.said == "ssh: cannot connect to vps: connect to host vps port 22: refused"
