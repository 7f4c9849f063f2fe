"""Every answer by the name of its schema, and its JSON Schema as `l9 schema` prints it."""

from __future__ import annotations

from typing import Any

import msgspec

from l9.protocol.answers import (
    branches,
    check,
    environment,
    error,
    graph,
    hooks,
    locks,
    plan,
    provision,
    releases,
    runs,
    scaffold,
    status,
)
from l9.protocol.answers.answer import Answer
from l9.protocol.answers.run_lines import Lines

ANSWERS: tuple[type[Answer], ...] = (
    status.Status, status.Tick,
    runs.RunResult, runs.CgmpResult, runs.LogsResult, runs.DemoResult,
    runs.History, runs.Verified, runs.Explain,
    status.DriftReport, plan.Plan, plan.HostPlan,
    check.Check, check.HostCheck, check.Ready, check.Checklist, check.Explained,
    locks.Locked, locks.Audited,
    environment.EnvCheck, environment.EnvDiff, environment.HostEnv, environment.EnvPrints,
    hooks.Hooks, hooks.HookRun, hooks.ProtectBare, hooks.ProtectGithub,
    branches.BranchList, scaffold.Init, releases.MadeRelease, releases.Releases,
    graph.GraphTable, provision.Provision, scaffold.ShownConfig,
    error.Error, error.ErrorCode,
)  # fmt: skip


def name_of(kind: type[Answer]) -> str:
    """Return the name of an answer's schema: its tag."""
    return str(kind.__struct_config__.tag)


# Each JSON Line of a command is one of `l9.lines/1`; the last one contains the command's answer.
SCHEMAS: dict[str, Any] = {**{name_of(kind): kind for kind in ANSWERS}, "l9.lines/1": Lines}


def json_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of one answer, or of one line if the command prints JSON Lines. Raises KeyError."""
    (schema,), components = msgspec.json.schema_components([SCHEMAS[name]], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        **schema,
        "$defs": components,
    }
