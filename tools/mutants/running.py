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

TESTS = (
    "tests/unit/core", "tests/unit/test_graph.py", "tests/arch/test_graph_is_total.py", "tests/arch/test_graph_page.py",
    "tests/unit/checks/host", "tests/unit/checks/test_invariants.py", "tests/unit/test_catalogue.py", "tests/workflows",
)  # fmt: skip
OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov", "-o", "timeout=60")
MOST = 10.0  # seconds of tests for one mutant: whoever survives them counts as a survivor
NOTHING = "it does not load"  # what kills a mutant without which no test begins
Report = Callable[[Mutant, str | None], None]  # with the test that kills the mutant, or None


def forked(work: Callable[[], str | None]) -> str | None:
    """Return the text that `work` returns, done by a child that says nothing; NOTHING if it dies."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            os.write(writer, (work() or "").encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read().decode()
    return (text or None) if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 else NOTHING


def side_by_side(work: Callable[[list[Mutant]], None], mutants: list[Mutant]) -> None:
    """Share the mutants among as many children as there are processors. Raises RuntimeError if one fails."""
    children: list[int] = []
    workers = os.cpu_count() or 1
    for number in range(workers):
        children.append(os.fork())
        if children[-1] == 0:
            code = 1
            try:
                work(mutants[number::workers])
                code = 0
            finally:
                os._exit(code)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if any(codes):
        raise RuntimeError("a child failed")


class First:
    """A pytest plugin that knows the first test that failed."""

    def __init__(self) -> None:
        self.failed: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.failed is None:
            self.failed = report.nodeid


class Hot(First):
    """A pytest plugin that collects once, and then tries each mutant of a function in a child.

    `hints` are the tests that killed them earlier: they are tried first.
    """

    def __init__(
        self, mutants: list[Mutant], files: tuple[str, ...], lines: Path, until: float, hints: dict[str, str],
        report: Report,
    ) -> None:  # fmt: skip
        super().__init__()
        self._mutants, self._files, self._lines = mutants, files, lines
        self._until, self._hints, self._report = until, hints, report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        reached = self._reached(items)
        live = {(f.__code__.co_filename, f.__qualname__, f.__code__.co_firstlineno): f for f in _functions()}

        def work(share: list[Mutant]) -> None:
            for mutant in share:
                if time.monotonic() > self._until:
                    break
                file = os.path.abspath(mutant.module)
                function = live[file, mutant.where, mutant.first]
                code = _code(compile(mutant.tree, file, "exec"), mutant.where, mutant.first)
                tests = [items[node] for node in self._chosen(mutant, reached.get(file, {})) if node in items]
                self._report(mutant, forked(lambda f=function, c=code, t=tests: self._killer(f, c, t)))

        side_by_side(work, self._mutants)
        return True

    def _chosen(self, mutant: Mutant, lines: dict[str, list[list]]) -> list[str]:
        """Return the tests that run the mutant's lines, the fastest first, as many as take MOST seconds."""
        seconds: dict[str, float] = {}
        for line in range(mutant.line, mutant.end + 1):
            seconds |= dict(lines.get(str(line), ()))
        chosen, left = [self._hints.get(mutant.key, "")], MOST
        for node in sorted(seconds, key=seconds.__getitem__):
            if (left := left - seconds[node]) < 0:
                break
            chosen.append(node)
        return chosen

    def _killer(self, function: FunctionType, code: CodeType, tests: list[pytest.Item]) -> str | None:
        function.__code__ = code
        for item in tests:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if self.failed:
                return self.failed
        return None

    def _reached(self, items: dict[str, pytest.Item]) -> dict[str, dict[str, list[list]]]:
        """Return the tests that run each line (number as text) of each file, with the seconds that they take.

        It is kept for as long as neither sources nor tests change. Raises RuntimeError if a test fails unmutated.
        """
        if not self._lines.exists() and (problem := forked(lambda: self._measure(items))):
            print(f"fails without a mutation: {problem}", file=sys.stderr)
            raise RuntimeError("the tests fail without a mutation")
        return json.loads(self._lines.read_text(encoding="utf-8"))

    def _measure(self, items: dict[str, pytest.Item]) -> str | None:
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
            if self.failed:
                return self.failed
        watch.stop()
        data, found = watch.get_data(), {}
        for file in data.measured_files():
            by_line = data.contexts_by_lineno(file).items()
            found[file] = {n: [[node, seconds[node]] for node in nodes if node] for n, nodes in by_line}
        self._lines.write_text(json.dumps(found), encoding="utf-8")
        return None


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


def hot(
    mutants: list[Mutant],
    files: tuple[str, ...],
    lines: Path,
    until: float,
    hints: dict[str, str],
    report: Report,
) -> None:
    """Try the mutants of functions. Must run in a process of its own: it imports all that is tested.

    `files` are all modules that have mutants; `lines` keeps which test runs which of their lines.
    """
    code = pytest.main([*OPTIONS, "-s", *TESTS], plugins=[Hot(mutants, files, lines, until, hints, report)])
    if code != 0:
        raise RuntimeError(f"pytest ended with {code}")


def cold(mutant: Mutant, hint: str | None) -> str | None:
    """Return the test that kills a mutant at the module's level: it is loaded mutated, in a child, for all tests."""

    def killer(*tests: str) -> str | None:
        sys.meta_path.insert(0, Mutated(mutant))
        first = First()
        code = pytest.main(["-x", *OPTIONS, *tests], plugins=[first])
        # A test that is named and does not exist any more kills nothing.
        return first.failed or (NOTHING if code != 0 and len(tests) > 1 else None)

    there = hint and Path(hint.partition("::")[0]).exists()
    return (forked(lambda: killer(str(hint))) if there else None) or forked(lambda: killer(*TESTS))


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
