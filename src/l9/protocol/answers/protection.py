"""`l9 protect`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from l9.checks.git.protection import Policy
from l9.drivers.git_hooks.files import HookState
from l9.protocol.answers.answer import Answer


class ProtectBare(Answer, frozen=True, kw_only=True, tag="l9.protect.bare/1"):
    """`l9 protect bare`: the files that were to be written, and whether anything was changed."""

    repository: str
    policy: Policy | None
    hook: HookState
    planned: tuple[str, ...]
    changed: bool


class ProtectGithub(Answer, frozen=True, kw_only=True, tag="l9.protect.github/1"):
    """`l9 protect github`: rulesets as GitHub's REST API takes them; `applied` is what was done, by name."""

    rulesets: tuple[dict[str, Any], ...]
    applied: Mapping[str, str]
