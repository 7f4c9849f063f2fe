"""The package's source, read and not run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).parents[2]
SRC = TOP / "src" / "l9"


def modules(under: str = "") -> Iterator[tuple[str, ast.Module]]:
    """Every module as its dotted name and its syntax tree, sorted."""
    for path in sorted((SRC / under).rglob("*.py")):
        name = ".".join(("l9", *path.relative_to(SRC).with_suffix("").parts)).removesuffix(".__init__")
        yield name, ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(tree: ast.Module) -> set[str]:
    """The modules that are imported anywhere in it, those of the standard library left out."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name for name in found if name.split(".")[0] not in sys.stdlib_module_names}
