"""The package's source, read and not run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
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


def imported_modules(tree: ast.Module, known: set[str]) -> set[str]:
    """The package's own modules that are imported anywhere in it, in functions too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            deeper = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= deeper & known or {node.module}
    return found & known


def cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Every set of modules that need each other, by Tarjan's algorithm; empty where the graph has no cycle."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = low[name] = len(number)
        path.append(name)
        for other in graph[name]:
            if other not in number:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in path:
                low[name] = min(low[name], number[other])
        if low[name] == number[name]:
            ring = path[path.index(name) :]
            del path[path.index(name) :]
            if len(ring) > 1 or name in graph[name]:
                found.append(sorted(ring))

    for name in graph:
        if name not in number:
            visit(name)
    return found
