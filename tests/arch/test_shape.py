"""The shape of the tree: no import cycle, no crowded folder, and one owner for each thing that is dangerous."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter

import pytest
from source import SRC, TOP, cycles, imported_modules, modules

MOST = 15  # modules beside each other


@pytest.mark.parametrize(
    ("graph", "found"),
    [
        ({"a": {"b"}, "b": set()}, []),
        ({"a": {"a"}}, [["a"]]),
        ({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}, [["a", "b", "c"]]),
        ({"a": {"b"}, "b": {"a"}, "c": {"d", "a"}, "d": {"c"}}, [["a", "b"], ["c", "d"]]),
    ],
)
def test_a_cycle_is_found(graph: dict[str, set[str]], found: list[list[str]]) -> None:
    assert cycles(graph) == found


def test_no_module_needs_itself_in_the_end() -> None:
    """Not by an import inside a function either; a package as such holds a name and nothing else."""
    trees = dict(modules())
    graph = {name: imported_modules(tree, set(trees)) - {name, "l9"} for name, tree in trees.items()}
    assert cycles(graph) == []


def test_no_folder_is_crowded() -> None:
    names = {name for name, _ in modules()}
    packages = {name.rpartition(".")[0] for name in names}
    beside = Counter(name.rpartition(".")[0] for name in names - packages)
    assert {folder: count for folder, count in beside.items() if count > MOST} == {}


def calls(*wanted: str) -> set[str]:
    """The modules in which one of these is named."""
    return {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in wanted
    }


def test_files_are_made_safe_in_one_place() -> None:
    """Only these modules sync or replace files, so that the steps of a safe write are not repeated elsewhere."""
    assert calls("os.fsync", "os.replace") == {
        "l9.drivers.files.atomic",
        "l9.drivers.files.journal",  # which grows in place
        "l9.provision.host.agent",  # on a host that has only Python's own library
        "l9.provision.host.files",
    }


READERS = {  # of the checks: they ask git, programs and files
    "compose.build_files", "dependencies.locker", "dockerfile.hadolint", "environment.example", "git.automation",
    "pipeline.attestation_notes", "secrets.env_values", "secrets.history", "secrets.library", "secrets.scan",
}  # fmt: skip


def test_a_check_is_pure_by_contract_or_a_reader() -> None:
    contracts = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (pure,) = (
        c["source_modules"] for c in contracts["contracts"] if c["name"].startswith("Rules and invariants")
    )
    there = {
        name for name, _ in modules("checks") if not (SRC / "checks").joinpath(*name.split(".")[2:]).is_dir()
    }
    readers = {f"l9.checks.{name}" for name in READERS}
    assert there == set(pure) | readers
    assert not set(pure) & readers
