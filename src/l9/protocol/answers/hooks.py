"""`l9 hooks` and `l9 protect`."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from l9.checks.git.protection import Policy
from l9.drivers.git_hooks.files import HookState
from l9.drivers.github.commands import Ruleset
from l9.protocol.answers.answer import Answer


class HookFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding of a hook; if it `closes`, it stops the commit or the push."""

    about: str
    found: str
    closes: bool
    expected: str = ""
    remedy: str = ""
    log: tuple[str, ...] = ()


class Hooks(Answer, frozen=True, kw_only=True, tag="l9.hooks/1"):
    """`l9 hooks install|status|remove`. `hooks_path` is core.hooksPath; `ready` if all are installed."""

    directory: str
    hooks_path: str | None
    ready: bool
    hooks: tuple[HookState, ...]


class HookRun(Answer, frozen=True, kw_only=True, tag="l9.hook/1"):
    """`l9 hooks run NAME`. `before` is the exit code of the previous hook, if there is one."""

    hook: str
    ok: bool
    remarks: tuple[HookFinding, ...]
    before: int | None
    seconds: float


class ProtectBare(Answer, frozen=True, kw_only=True, tag="l9.protect.bare/1"):
    """`l9 protect bare`: the files, and whether anything was changed."""

    repository: str
    policy: Policy | None
    hook: HookState
    planned: tuple[str, ...]
    changed: bool


class ProtectGithub(Answer, frozen=True, kw_only=True, tag="l9.protect.github/1"):
    """`l9 protect github`: rulesets in the form of GitHub's REST API; `applied`: the actions by name."""

    rulesets: tuple[Ruleset, ...]
    applied: Mapping[str, str]
