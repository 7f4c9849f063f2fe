"""`l9 branches`."""

from __future__ import annotations

import msgspec

from l9.protocol.answers.answer import Answer


class BranchLine(msgspec.Struct, frozen=True, kw_only=True):
    """One branch. `at`: its newest commit; `began`: its oldest one that main lacks; `days` since then.

    `ahead` and `behind` are None if there is no main. `old`: not merged for over a week.
    """

    name: str
    where: str
    commit: str
    at: float
    began: float
    ahead: int | None
    behind: int | None
    merged: bool
    well_named: bool
    old: bool
    days: float


class BranchList(Answer, frozen=True, kw_only=True, tag="l9.branches/1"):
    """`l9 branches`: all except main, here and on origin as of the last fetch. `known`: there is a main."""

    main: str
    known: bool
    branches: tuple[BranchLine, ...]
