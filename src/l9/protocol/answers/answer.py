"""The base of all answers."""

from __future__ import annotations

import msgspec


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema"):
    """Base. An answer's `schema` is its tag: written first, and checked when it is read."""
