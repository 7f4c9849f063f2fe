"""`l9 config show`."""

from __future__ import annotations

from l9.config.model import Config
from l9.protocol.answers.answer import Answer


class ShownConfig(Answer, Config, frozen=True, kw_only=True, tag="l9.config/1"):
    """`l9 config show`: one target's configuration with every default filled in."""
