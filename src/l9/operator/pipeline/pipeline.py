"""Runs the stages of CGMP on one tree: FIX, SIM, COV, ORACLE. A stage that passed on the same content is cached."""

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
    runtimes_of,
    settings_of,
    store_of,
)

_CONFIGURATIONS = ("pyproject.toml", "setup.cfg", "ruff.toml", ".ruff.toml", "mypy.ini", ".mypy.ini")
_REMEDY = "$EDITOR l9.toml"
MOST_BASES = 5  # earlier releases that are started, newest first, to compare the API with


class Cgmp:
    """Runs stages on a tree, one at a time; a context manager.

    again: ignore earlier outcomes. nested: another `Cgmp` that is still in use created this one.
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
        self._where = runtimes_of(config)
        self._sandboxes: dict[str, Sandbox] = {}
        self._stack = ExitStack()

    # Computed on first use: a tag that does not exist has no tree.

    @cached_property
    def _store(self) -> CgmpStore:
        return store_of(self._repo)

    @cached_property
    def _key(self) -> str:
        return key_of(self._repo, self._config, self._subject)

    @cached_property
    def report(self) -> CgmpReport:
        """The outcomes of the stages so far."""
        if self._again:
            self._store.forget(self._key)
        known, subject = self._store.report(self._key), self._subject
        empty = CgmpReport(subject.tree, self._key, self._where.both, base=subject.base)
        return cached(known) if known else empty

    def __enter__(self) -> Cgmp:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        if "container" in self._sandboxes and not self._nested:
            from l9.operator.pipeline.container_sandbox import prune_images

            prune_images(self._config, self._store.keys() - {self._key})

    def run(self, stage: Stage) -> StageResult:
        """Run a stage, or return its outcome on the same content; a red one is run again.

        A failure of the release is a red result, not an exception.
        """
        if (known := self.report.of(stage)) is not None and known.ok and self._image_is_current():
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
        sandbox = self._sandbox(self._where.tests)
        for raw in commands:
            argv = self._filled(sandbox, raw)
            before = self._files(sandbox)
            done = sandbox.run(argv, self._say, self._config.check.test_timeout)
            typed = sandbox.typed(argv)
            if done.code != 0:
                return StageResult(Stage.FIX, False, typed, 0.0, f"exit code {done.code}", done.last())
            after = self._files(sandbox)
            if edited := [p for p, status in before.items() if after.get(p) != status]:
                text = f"it changed {len(edited)} files: {', '.join(sorted(edited)[:5])}"
                return StageResult(Stage.FIX, False, typed, 0.0, text, done.last())
        names = [sandbox.typed(self._filled(sandbox, raw)) for raw in commands]
        return StageResult(
            Stage.FIX, True, " && ".join(names), 0.0, f"nothing to change ({len(names)} programs)"
        )

    def _sim(self) -> StageResult:
        if not self._config.check.test:
            return StageResult(Stage.SIM, True, "", 0.0, "no tests configured")
        sandbox = self._sandbox(self._where.tests)
        plain = self._filled(sandbox, programs.inside(self._config.check.test, "")[1])
        argv = programs.recorded(plain, sandbox.evidence, measure=self._measures(sandbox, plain))
        for old in (programs.JUNIT, programs.COVERAGE):
            (self._evidence() / old).unlink(missing_ok=True)
        done = sandbox.run(argv, self._say, self._config.check.test_timeout)
        try:
            counts = programs.parse_junit((self._evidence() / programs.JUNIT).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            counts = None
        typed, ended = sandbox.typed(plain), f"exit code {done.code}"
        if done.code != 0:
            return StageResult(
                Stage.SIM, False, typed, 0.0, f"{ended}: {counts}" if counts else ended, done.last()
            )
        return StageResult(Stage.SIM, True, typed, 0.0, counts or f"{typed}: {ended}", done.last(5))

    def _cov(self) -> StageResult:
        if self._config.cgmp.coverage == 0:
            return StageResult(Stage.COV, True, "", 0.0, "disabled ([cgmp] coverage = 0)")
        sandbox, command = self._sandbox(self._where.tests), ""
        if own := self._filled(sandbox, self._config.cgmp.cov):
            command = sandbox.typed(own)
            done = sandbox.run(own, self._say, self._config.check.test_timeout)
            if done.code != 0:
                return StageResult(Stage.COV, False, command, 0.0, f"exit code {done.code}", done.last())
        ok, found, lines = judge_coverage(self._repo, self._config, self._subject, sandbox, self._evidence())
        if not command and self._config.check.test:
            plain = self._filled(sandbox, programs.inside(self._config.check.test, "")[1])
            command = sandbox.typed((*plain, "--cov", "--cov-report=term-missing"))
        return StageResult(Stage.COV, ok, command or _REMEDY, 0.0, found, () if ok else lines)

    def _oracle(self) -> StageResult:
        sandbox = self._sandbox(self._where.oracle)
        typed = sandbox.starts()
        golden_text = GitTree(self._repo.top, self._subject.tree).text(self._config.cgmp.golden_file)
        golden = recorded(self._config, golden_text)
        self._inspect_image(sandbox)
        with sandbox.serving(self._say) as served:
            contract = hold_to_contract(self._config, golden, served)
            tail = served.tail()
        if contract.wrong:
            return StageResult(Stage.ORACLE, False, typed, 0.0, contract.wrong, tail)
        self._store.keep_api(self._api_name(self._subject.tree), contract.openapi)
        api, text, wrong = self._compare(contract)
        self.report = msgspec.structs.replace(self.report, openapi=contract.openapi, api=api)
        if wrong:
            return StageResult(Stage.ORACLE, False, typed, 0.0, wrong)
        return StageResult(Stage.ORACLE, True, typed, 0.0, ", ".join(filter(None, (contract.found, text))))

    def _compare(self, contract: Contract) -> tuple[ApiChange | None, str, str]:
        """Compare with the last release's API; return the change, its summary, and the violation or an empty text."""
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
        word = {
            "none": "as in",
            "patch": "compatible with",
            "minor": "extended since",
            "major": "incompatible with",
        }
        return change, f"API {word[change.level]} {base.tag}", ""

    def _last_api(self) -> tuple[Base | None, Any]:
        """Return the newest earlier release that starts, and its API document (None if it has none).

        A release that does not start has no API that clients could rely on, so the one before it is used.
        """
        base = self._subject.base
        for _ in range(MOST_BASES):
            if base is None:
                break
            document, wrong = self._api_of(base)
            if not wrong:
                return base, document
            self._say(f"cannot get the API of {base.tag} ({wrong}): using the release before it")
            base = base_of(self._repo, self._config, base.tag)
        return None, None

    def _api_of(self, base: Base) -> tuple[Any, str]:
        """Return a release's API document, stored or fetched from that release, and why it does not start, if so."""
        name = self._api_name(base.tree)
        if (known := self._store.api(name)) is not None:
            return known[0], ""
        if noted := self._repo.notes.openapi(base.tree):
            return noted, ""
        self._say(f"starting {base.tag} to get its API")
        with Cgmp(
            self._repo, self._config, TreeUnderTest(base.tree, base.tree), self._say, nested=True
        ) as other:
            sandbox = other._sandbox(self._where.oracle)  # the same, on the other tree
            with sandbox.serving(self._say) as served:
                contract = hold_to_contract(self._config, (), served)
        if not contract.wrong:
            self._store.keep_api(name, contract.openapi)
        return contract.openapi, contract.wrong or ""

    # ── sandboxes and the image ──────────────────────────────────────────────────────────────────

    def _sandbox(self, where: str) -> Sandbox:
        """Return the sandbox of that kind; the first use exports the tree for it."""
        if where not in self._sandboxes:
            folder = self._stack.enter_context(workplace())
            (folder / "tree").mkdir()
            self._repo.export_revision(self._subject.tree, folder / "tree")
            evidence = self._evidence()
            if where == "container":
                from l9.operator.pipeline.container_sandbox import ContainerSandbox

                sandbox: Sandbox = ContainerSandbox(self._config, self._repo.top, folder, evidence, self._key)
            else:
                sandbox = ProcessSandbox(self._config, self._repo.top, folder, evidence)
            self._stack.callback(sandbox.close)
            self._sandboxes[where] = sandbox
        return self._sandboxes[where]

    def _evidence(self) -> Path:
        return self._store.evidence(self._key)

    def _filled(self, sandbox: Sandbox, argv: tuple[str, ...]) -> tuple[str, ...]:
        return programs.filled(
            argv, {"python": sandbox.python, "evidence": sandbox.evidence, "tree": sandbox.tree}
        )

    def _measures(self, sandbox: Sandbox, argv: tuple[str, ...]) -> bool:
        """True if SIM measures coverage for COV: no own command does, and pytest-cov is installed there."""
        cgmp = self._config.cgmp
        if not programs.is_pytest(argv) or cgmp.cov or cgmp.coverage == 0 or "cov" in cgmp.skip:
            return False
        has_pytest_cov = "import importlib.util as u, sys; sys.exit(u.find_spec('pytest_cov') is None)"
        return sandbox.run((sandbox.python, "-c", has_pytest_cov), lambda _line: None, 60).code == 0

    def _image_is_current(self) -> bool:
        """True if the image that the stages ran in still has its name, or if no image has it."""
        if self.report.image is None or "container" not in (self._where.tests, self._where.oracle):
            return True
        from l9.operator.pipeline.container_sandbox import image_now

        return image_now(self._config, self._key) in (None, self.report.image)

    def _inspect_image(self, sandbox: Sandbox) -> None:
        """Record the released image, and the packages installed in it other than the project itself."""
        image = sandbox.image(self._say)
        if image is None:
            return
        found = sandbox.freeze(self._say)
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

    def _files(self, sandbox: Sandbox) -> dict[str, tuple[int, int]]:
        """Return size and mtime of the tree's own files, if commands could change them; caches are not among them."""
        if sandbox.where != "process":
            return {}
        found = {}
        for path in GitTree(self._repo.top, self._subject.tree).files:
            with suppress(OSError):
                status = os.lstat(os.path.join(sandbox.tree, path))
                found[path] = (status.st_size, status.st_mtime_ns)
        return found


def fix_commands(repo: GitRepo, config: Config, tree: str) -> tuple[tuple[str, ...], ...]:
    """Return the commands of FIX for a tree: those of the settings, or those that the project configures."""
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
    on_result: Callable[[StageResult], None] = lambda _result: None,
) -> CgmpReport:
    """Run these stages in order, up to the first that is red; return the report.

    `say` receives each line of output, `on_result` each stage's outcome. Raises L9Error if the tree cannot be read.
    """
    with Cgmp(repo, config, subject, say, again=again) as cgmp:
        for stage in stages:
            result = cgmp.run(stage)
            on_result(result)
            if not result.ok:
                break
        return cgmp.report
