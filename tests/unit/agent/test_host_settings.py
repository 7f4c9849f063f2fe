"""What the host's own settings ask for, whoever deploys."""

from __future__ import annotations

from pathlib import Path

import pytest

from l9.agent.server import asks_for_attestation
from l9.layout import Layout


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
