"""Running tests against mutants: a function's code is exchanged in a forked process, a module is loaded mutated."""

from __future__ import annotations

import gc
import importlib.abc
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType

import coverage
import pytest
from mutations import Mutant

TESTS = ("tests/unit/core", "tests/unit/checks/host", "tests/unit/test_graph.py", "tests/workflows")
OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov", "-o", "timeout=20")
MOST = 6.0  # seconds of tests for one mutant: whoever survives them counts as a survivor
Report = Callable[[Mutant, bool], None]


def forked(work: Callable[[], bool]) -> bool:
    """Return what `work` returns, done by a child that says nothing; False if it dies."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class Hot:
    """A pytest plugin that collects once, and then tries each mutant of a function in a child."""

    def __init__(
        self, mutants: list[Mutant], files: tuple[str, ...], lines: Path, until: float, report: Report
    ) -> None:
        self._mutants, self._files, self._lines = mutants, files, lines
        self._until, self._report = until, report
        self._failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed = self._failed or report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        reached = self._reached(items)
        live = {(f.__code__.co_filename, f.__qualname__, f.__code__.co_firstlineno): f for f in _functions()}
        for mutant in self._mutants:
            if time.monotonic() > self._until:
                break
            file = os.path.abspath(mutant.module)
            function = live[file, mutant.where, mutant.first]
            code = _code(compile(mutant.tree, file, "exec"), mutant.where, mutant.first)
            tests = [items[node] for node in self._chosen(mutant, reached.get(file, {}))]
            self._report(mutant, not forked(lambda f=function, c=code, t=tests: self._passes(f, c, t)))
        return True

    def _chosen(self, mutant: Mutant, lines: dict[str, list[list]]) -> list[str]:
        """Return the tests that run the mutant's lines, the fastest first, as many as take MOST seconds."""
        seconds: dict[str, float] = {}
        for line in range(mutant.line, mutant.end + 1):
            seconds |= dict(lines.get(str(line), ()))
        chosen, left = [], MOST
        for node in sorted(seconds, key=seconds.__getitem__):
            if (left := left - seconds[node]) < 0:
                break
            chosen.append(node)
        return chosen

    def _passes(self, function: FunctionType, code: CodeType, tests: list[pytest.Item]) -> bool:
        function.__code__ = code
        for item in tests:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if self._failed:
                return False
        return True

    def _reached(self, items: dict[str, pytest.Item]) -> dict[str, dict[str, list[list]]]:
        """Return the tests that run each line (number as text) of each file, with the seconds that they take.

        It is kept for as long as neither sources nor tests change. Raises RuntimeError if a test fails unmutated.
        """
        if not self._lines.exists() and not forked(lambda: self._measure(items)):
            raise RuntimeError("the tests fail without a mutation")
        return json.loads(self._lines.read_text(encoding="utf-8"))

    def _measure(self, items: dict[str, pytest.Item]) -> bool:
        watch = coverage.Coverage(
            data_file=None, include=[*map(os.path.abspath, self._files)], config_file=False
        )
        seconds: dict[str, float] = {}
        watch.start()
        for node, item in items.items():
            watch.switch_context(node)
            began = time.perf_counter()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            seconds[node] = time.perf_counter() - began
            if self._failed:
                return False
        watch.stop()
        data, found = watch.get_data(), {}
        for file in data.measured_files():
            by_line = data.contexts_by_lineno(file).items()
            found[file] = {n: [[node, seconds[node]] for node in nodes if node] for n, nodes in by_line}
        self._lines.write_text(json.dumps(found), encoding="utf-8")
        return True


def _functions() -> Iterator[FunctionType]:
    return (one for one in gc.get_objects() if isinstance(one, FunctionType))


def _code(module: CodeType, where: str, first: int) -> CodeType:
    for one in module.co_consts:
        if isinstance(one, CodeType):
            if one.co_qualname == where and one.co_firstlineno == first:
                return one
            if where.startswith(f"{one.co_qualname}."):
                return _code(one, where, first)
    raise LookupError(where)


def hot(mutants: list[Mutant], files: tuple[str, ...], lines: Path, until: float, report: Report) -> None:
    """Try the mutants of functions. Must run in a process of its own: it imports all that is tested.

    `files` are all modules that have mutants; `lines` keeps which test runs which of their lines.
    """
    code = pytest.main([*OPTIONS, *TESTS], plugins=[Hot(mutants, files, lines, until, report)])
    if code != 0:
        raise RuntimeError(f"pytest ended with {code}")


def cold(mutant: Mutant) -> bool:
    """Return whether a mutant at the module's level is killed: all tests, in a child that loads the module mutated."""

    def passes() -> bool:
        sys.meta_path.insert(0, Mutated(mutant))
        return pytest.main(["-x", *OPTIONS, *TESTS]) == 0

    return not forked(passes)


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Loads one module from its mutated syntax tree."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._name = ".".join(Path(mutant.module).relative_to("src").with_suffix("").parts)

    def find_spec(self, name: str, _path: object, _target: object = None) -> object:
        if name != self._name:
            return None
        return importlib.util.spec_from_loader(name, self, origin=os.path.abspath(self._mutant.module))

    def get_source(self, _name: str) -> str:
        return Path(self._mutant.module).read_text(encoding="utf-8")

    def get_code(self, _name: str) -> CodeType:
        return compile(self._mutant.tree, os.path.abspath(self._mutant.module), "exec")
