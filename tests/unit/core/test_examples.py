"""The examples in the docstrings of the core are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from l9 import core

MODULES = [importlib.import_module(f"l9.core.{found.name}") for found in pkgutil.iter_modules(core.__path__)]
WITH_EXAMPLES = [m for m in MODULES if any(t.examples for t in doctest.DocTestFinder().find(m))]


@pytest.mark.parametrize("module", WITH_EXAMPLES, ids=lambda module: module.__name__)
def test_the_examples_of_the_core_are_true(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0 and result.failed == 0


def test_the_core_has_examples() -> None:
    assert len(WITH_EXAMPLES) >= 6
