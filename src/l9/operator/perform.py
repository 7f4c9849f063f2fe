"""Performs the operator's actions: runs the stages of the pipeline, and pushes."""

from __future__ import annotations

from collections.abc import Callable

from l9.checks.pipeline.stages import StageResult
from l9.core import actions as do
from l9.core.run import Run
from l9.core.states import Stage
from l9.errors import ActionError


class RepoPerformer:
    """Performs the actions of workspace and repository."""

    def __init__(self, push: Callable[[str], str], run_stage: Callable[[Stage], StageResult]) -> None:
        self._push = push
        self._run_stage = run_stage

    def __call__(self, _run: Run, action: do.AnyAction) -> str:
        """Perform an action; return its outcome in one line. Raises ActionError."""
        match action:
            case do.RunStage(stage=stage):
                result = self._run_stage(stage)
                return f"{'green' if result.ok else 'red'}: {result.found}"
            case do.Push(tag=tag):
                return self._push(tag)
            case _:
                raise ActionError(
                    f"{action} belongs to the host", expected="a local action", found=str(action)
                )
