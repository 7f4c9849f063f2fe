"""The stages of CGMP on one tree: FIX, SIM, COV, ORACLE. What has run on exactly this content does not run again."""

from __future__ import annotations

import os
import time
import tomllib
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from l9.checks.api.openapi import ApiChange, compare
from l9.checks.pipeline.stages import Base, CgmpReport, StageResult, normal_name
from l9.config.model import Config
from l9.core.ports import Say
from l9.core.states import Stage
from l9.drivers.git.repo import GitRepo
from l9.drivers.git.tree import GitTree
from l9.errors import L9Error
from l9.operator.pipeline import stage_commands as programs
from l9.operator.pipeline.coverage import judge_coverage
from l9.operator.pipeline.oracle import Contract, hold_to_contract, recorded
from l9.operator.pipeline.process_sandbox import ProcessSandbox
from l9.operator.pipeline.sandbox import Sandbox, workplace
from l9.operator.pipeline.store import CgmpStore
from l9.operator.pipeline.tree_under_test import (
    TreeUnderTest,
    base_of,
    cached,
    key_of,
    settings_of,
    store_of,
    where_of,
)

_CONFIGURATIONS = ("pyproject.toml", "setup.cfg", "ruff.toml", ".ruff.toml", "mypy.ini", ".mypy.ini")
_REMEDY = "$EDITOR l9.toml"
MOST_BASES = 5  # releases that are started, one before the other, to be compared with


class Cgmp:
    """Runs stages on a subject, one at a time; to be used with `with`.

    again: nothing that ran earlier counts. nested: another one, which is still in use, has asked for it.
    """

    def __init__(
        self,
        repo: GitRepo,
        config: Config,
        subject: TreeUnderTest,
        say: Say,
        *,
        again: bool = False,
        nested: bool = False,
    ) -> None:
        self._repo = repo
        self._config = config
        self._subject = subject
        self._say = say
        self._again = again
        self._nested = nested
        self._where = where_of(config)
        self._benches: dict[str, Sandbox] = {}
        self._stack = ExitStack()

    # When they are first asked for: a tag that there is not has no tree to look at.

    @cached_property
    def _store(self) -> CgmpStore:
        return store_of(self._repo)

    @cached_property
    def _key(self) -> str:
        return key_of(self._repo, self._config, self._subject)

    @cached_property
    def report(self) -> CgmpReport:
        """What is known of the stages so far."""
        if self._again:
            self._store.forget(self._key)
        known, subject = self._store.report(self._key), self._subject
        fresh = CgmpReport(subject.tree, self._key, self._where.both, base=subject.base)
        return cached(known) if known else fresh

    def __enter__(self) -> Cgmp:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        if "container" in self._benches and not self._nested:
            from l9.operator.pipeline.container_sandbox import prune_images

            prune_images(self._config, self._store.keys() - {self._key})

    def run(self, stage: Stage) -> StageResult:
        """Run a stage, or tell what came of it on this very content; a red one is run again.

        Raises nothing that is the release's own: that is a red result.
        """
        if (known := self.report.of(stage)) is not None and known.ok and self._image_stands():
            return known
        began = time.monotonic()
        if reason := self._config.cgmp.skip.get(stage.value):
            result = StageResult(stage, True, "", 0.0, f"skipped ({reason})")
        else:
            try:
                result = {
                    Stage.FIX: self._fix, Stage.SIM: self._sim, Stage.COV: self._cov, Stage.ORACLE: self._oracle,
                }[stage]()  # fmt: skip
            except L9Error as error:
                result = StageResult(stage, False, error.remedy or _REMEDY, 0.0, error.summary, error.log)
        result = msgspec.structs.replace(result, seconds=round(time.monotonic() - began, 3))
        self.report = self._store.keep(self.report.with_(result))
        return result

    # ── the stages ───────────────────────────────────────────────────────────────────────────────

    def _fix(self) -> StageResult:
        commands = fix_commands(self._repo, self._config, self._subject.tree)
        if not commands:
            return StageResult(Stage.FIX, True, "", 0.0, "no formatter, linter or types configured")
        bench = self._bench(self._where.tests)
        for raw in commands:
            argv = self._filled(bench, raw)
            before = self._files(bench)
            done = bench.run(argv, self._say, self._config.check.test_timeout)
            typed = bench.typed(argv)
            if done.code != 0:
                return StageResult(Stage.FIX, False, typed, 0.0, f"exit code {done.code}", done.last())
            after = self._files(bench)
            if edited := [p for p, seen in before.items() if after.get(p) != seen]:
                text = f"{len(edited)} files changed by it: {', '.join(sorted(edited)[:5])}"
                return StageResult(Stage.FIX, False, typed, 0.0, text, done.last())
        names = [bench.typed(self._filled(bench, raw)) for raw in commands]
        return StageResult(
            Stage.FIX, True, " && ".join(names), 0.0, f"nothing to change ({len(names)} programs)"
        )

    def _sim(self) -> StageResult:
        if not self._config.check.test:
            return StageResult(Stage.SIM, True, "", 0.0, "no tests configured")
        bench = self._bench(self._where.tests)
        plain = self._filled(bench, programs.inside(self._config.check.test, "")[1])
        argv = programs.recorded(plain, bench.evidence, measure=self._measures(bench, plain))
        for old in (programs.JUNIT, programs.COVERAGE):
            (self._evidence() / old).unlink(missing_ok=True)
        done = bench.run(argv, self._say, self._config.check.test_timeout)
        try:
            counts = programs.parse_junit((self._evidence() / programs.JUNIT).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            counts = None
        typed, ended = bench.typed(plain), f"exit code {done.code}"
        if done.code != 0:
            return StageResult(
                Stage.SIM, False, typed, 0.0, f"{ended}: {counts}" if counts else ended, done.last()
            )
        return StageResult(Stage.SIM, True, typed, 0.0, counts or f"{typed}: {ended}", done.last(5))

    def _cov(self) -> StageResult:
        if self._config.cgmp.coverage == 0:
            return StageResult(Stage.COV, True, "", 0.0, "not asked for ([cgmp] coverage = 0)")
        bench, command = self._bench(self._where.tests), ""
        if own := self._filled(bench, self._config.cgmp.cov):
            command = bench.typed(own)
            done = bench.run(own, self._say, self._config.check.test_timeout)
            if done.code != 0:
                return StageResult(Stage.COV, False, command, 0.0, f"exit code {done.code}", done.last())
        ok, found, lines = judge_coverage(self._repo, self._config, self._subject, bench, self._evidence())
        if not command and self._config.check.test:
            plain = self._filled(bench, programs.inside(self._config.check.test, "")[1])
            command = bench.typed((*plain, "--cov", "--cov-report=term-missing"))
        return StageResult(Stage.COV, ok, command or _REMEDY, 0.0, found, () if ok else lines)

    def _oracle(self) -> StageResult:
        bench = self._bench(self._where.oracle)
        typed = bench.starts()
        golden_text = GitTree(self._repo.top, self._subject.tree).text(self._config.cgmp.golden_file)
        golden = recorded(self._config, golden_text)
        self._look_into_image(bench)
        with bench.serving(self._say) as served:
            contract = hold_to_contract(self._config, golden, served)
            tail = served.tail()
        if contract.wrong:
            return StageResult(Stage.ORACLE, False, typed, 0.0, contract.wrong, tail)
        self._store.keep_api(self._api_name(self._subject.tree), contract.openapi)
        api, told, wrong = self._compare(contract)
        self.report = msgspec.structs.replace(self.report, openapi=contract.openapi, api=api)
        if wrong:
            return StageResult(Stage.ORACLE, False, typed, 0.0, wrong)
        return StageResult(Stage.ORACLE, True, typed, 0.0, ", ".join(filter(None, (contract.found, told))))

    def _compare(self, contract: Contract) -> tuple[ApiChange | None, str, str]:
        """The difference to the last release's API, that in words, and what is wrong if anything is."""
        path = self._config.cgmp.openapi
        if not path:
            return None, "", ""
        base, before = self._last_api()
        if contract.openapi is None:
            if before is not None and base is not None:
                return None, "", f"no API document at {path}, where {base.tag} has one"
            return None, f"no API document at {path}", ""
        if base is None or before is None:
            return None, "API recorded", ""
        change = compare(before, contract.openapi)
        word = {"none": "as in", "patch": "compatible with", "minor": "grown since", "major": "breaks since"}
        return change, f"API {word[change.level]} {base.tag}", ""

    def _last_api(self) -> tuple[Base | None, Any]:
        """The newest release before this one that starts, and its API document (None where it has none).

        One that does not start has no API that anybody could have come to rely on: the one before it counts.
        """
        base = self._subject.base
        for _ in range(MOST_BASES):
            if base is None:
                break
            document, wrong = self._api_of(base)
            if not wrong:
                return base, document
            self._say(f"{base.tag} cannot tell its API ({wrong}): the release before it counts")
            base = base_of(self._repo, self._config, base.tag)
        return None, None

    def _api_of(self, base: Base) -> tuple[Any, str]:
        """A release's API document: kept, or asked of that release itself; and why it does not start, if so."""
        name = self._api_name(base.tree)
        if (known := self._store.api(name)) is not None:
            return known[0], ""
        if noted := self._repo.notes.openapi(base.tree):
            return noted, ""
        self._say(f"starting {base.tag} to ask for its API")
        with Cgmp(
            self._repo, self._config, TreeUnderTest(base.tree, base.tree), self._say, nested=True
        ) as other:
            bench = other._bench(self._where.oracle)  # the same, on the other tree
            with bench.serving(self._say) as served:
                contract = hold_to_contract(self._config, (), served)
        if not contract.wrong:
            self._store.keep_api(name, contract.openapi)
        return contract.openapi, contract.wrong or ""

    # ── around them ──────────────────────────────────────────────────────────────────────────────

    def _bench(self, where: str) -> Sandbox:
        """The bench of that kind, with the tree exported for it when it is first asked for."""
        if where not in self._benches:
            folder = self._stack.enter_context(workplace())
            (folder / "tree").mkdir()
            self._repo.export_revision(self._subject.tree, folder / "tree")
            evidence = self._evidence()
            if where == "container":
                from l9.operator.pipeline.container_sandbox import ContainerSandbox

                bench: Sandbox = ContainerSandbox(self._config, self._repo.top, folder, evidence, self._key)
            else:
                bench = ProcessSandbox(self._config, self._repo.top, folder, evidence)
            self._stack.callback(bench.close)
            self._benches[where] = bench
        return self._benches[where]

    def _evidence(self) -> Path:
        return self._store.evidence(self._key)

    def _filled(self, bench: Sandbox, argv: tuple[str, ...]) -> tuple[str, ...]:
        return programs.filled(argv, {"python": bench.python, "evidence": bench.evidence, "tree": bench.tree})

    def _measures(self, bench: Sandbox, argv: tuple[str, ...]) -> bool:
        """Whether SIM measures for COV: nobody else does, and where it runs it can."""
        cgmp = self._config.cgmp
        if not programs.is_pytest(argv) or cgmp.cov or cgmp.coverage == 0 or "cov" in cgmp.skip:
            return False
        there = "import importlib.util as u, sys; sys.exit(u.find_spec('pytest_cov') is None)"
        ask = (bench.python, "-c", there)
        return bench.run(ask, lambda _line: None, 60).code == 0

    def _image_stands(self) -> bool:
        """Whether the image that the stages ran in is the one that now has its name, if any has."""
        if self.report.image is None or "container" not in (self._where.tests, self._where.oracle):
            return True
        from l9.operator.pipeline.container_sandbox import image_now

        return image_now(self._config, self._key) in (None, self.report.image)

    def _look_into_image(self, bench: Sandbox) -> None:
        """Note which image is released, and what is installed in it but the project itself."""
        image = bench.image(self._say)
        if image is None:
            return
        found = bench.freeze(self._say)
        own = self._project()
        kept = None if found is None else tuple(p for p in found if normal_name(p.partition("==")[0]) != own)
        self.report = msgspec.structs.replace(self.report, image=image, freeze=kept)

    def _project(self) -> str:
        text = GitTree(self._repo.top, self._subject.tree).text("pyproject.toml") or ""
        try:
            return normal_name(str(tomllib.loads(text).get("project", {}).get("name", "")))
        except (tomllib.TOMLDecodeError, AttributeError):
            return ""

    def _api_name(self, tree: str) -> str:
        return f"{tree}-{settings_of(self._config)[:12]}"

    def _files(self, bench: Sandbox) -> dict[str, tuple[int, int]]:
        """The tree's own files with size and time of change, where commands could change them; caches are none."""
        if bench.where != "process":
            return {}
        found = {}
        for path in GitTree(self._repo.top, self._subject.tree).files:
            with suppress(OSError):
                seen = os.lstat(os.path.join(bench.tree, path))
                found[path] = (seen.st_size, seen.st_mtime_ns)
        return found


def fix_commands(repo: GitRepo, config: Config, tree: str) -> tuple[tuple[str, ...], ...]:
    """What FIX runs on a tree: what the settings name, or what the project configures."""
    if config.cgmp.fix is not None:
        return config.cgmp.fix
    found = GitTree(repo.top, tree).read(_CONFIGURATIONS)
    return programs.usual_fix({name: data.decode(errors="replace") for name, data in found.items()})


def run_stages(
    repo: GitRepo,
    config: Config,
    subject: TreeUnderTest,
    stages: tuple[Stage, ...],
    say: Say,
    *,
    again: bool = False,
    seen: Callable[[StageResult], None] = lambda _result: None,
) -> CgmpReport:
    """Run these stages in their order on a subject, up to the first that is red; the report.

    `say` takes each line of output, `seen` each stage's outcome. Raises L9Error when the tree cannot be read.
    """
    with Cgmp(repo, config, subject, say, again=again) as cgmp:
        for stage in stages:
            result = cgmp.run(stage)
            seen(result)
            if not result.ok:
                break
        return cgmp.report
