"""What the host's own settings ask for, whoever deploys."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest

from l9 import __version__
from l9.config.layout import Layout
from l9.configuration import parse
from l9.graph import GRAPH
from l9.host.agent import asks_for_attestation, serve
from l9.protocol.messages import Request, encode


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        (None, False),
        ('{"release": {"require_attestation": false}}', False),
        ('{"release": {}}', False),
        ('{"release": {"require_attestation": true}, "of": "a later version"}', True),
        ("{", True),
        ("{}", True),
        ("[]", True),
        ('{"release": 1}', True),
    ],
)
def test_whether_it_asks_for_attestations(tmp_path: Path, text: str | None, asks: bool) -> None:
    layout = Layout(tmp_path)
    if text is not None:
        layout.state.mkdir()
        layout.settings.write_text(text, encoding="utf-8")
    assert asks_for_attestation(layout) is asks


def test_settings_that_cannot_be_read_ask(tmp_path: Path) -> None:
    (tmp_path / ".l9" / "config.json").mkdir(parents=True)
    assert asks_for_attestation(Layout(tmp_path))


def test_a_directory_in_another_targets_has_no_settings_of_its_own(tmp_path: Path) -> None:
    outer = Layout(tmp_path)
    outer.state.mkdir()
    outer.settings.write_text('{"release": {"require_attestation": true}}', encoding="utf-8")
    inner = outer.tree("v1.0.0-l9")
    inner.mkdir(parents=True)
    config = parse(f'app = "l9-api"\n[targets.production]\nhost = "local"\npath = "{inner}"\n')
    request = Request(
        command="status", version=__version__, graph=GRAPH.digest, config=msgspec.to_builtins(config)
    )
    out = io.BytesIO()
    assert serve(io.BytesIO(encode(request) + b"\n"), out) == 2
    assert b"lies in another target's directory" in out.getvalue()
