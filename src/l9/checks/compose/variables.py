"""Variables in compose files and Dockerfiles: `$NAME`, `${NAME:-default}` and the like."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_VARIABLE = re.compile(
    rf"\$\$|\$(?P<plain>{_NAME})"
    rf"|\$\{{(?P<name>{_NAME})(?:(?P<how>:?[-+?])(?P<rest>(?:[^{{}}]|\$\{{[^{{}}]*\}})*))?\}}"
)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Expand the variables of a text; one without a value and a default stays unchanged."""

    def filled(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        value = values.get(found["plain"] or found["name"])
        how, rest = found["how"] or "", found["rest"] or ""
        there = value is not None and (bool(value) or not how.startswith(":"))
        if how.endswith("+"):
            return fill(rest, values) if there else ""
        if value is not None and there:
            return value
        return fill(rest, values) if how.endswith("-") else found[0]

    return _VARIABLE.sub(filled, text)
