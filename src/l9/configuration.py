"""The configuration for commands: `l9.toml` is loaded and validated.

`config/load.py` validates types and keys. This module validates the format of tags and the names of the invariants
that are waived or required.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from l9.checks.git.versions import TagFormat
from l9.config import load as files
from l9.config import model
from l9.config.load import FILE, schema, targets
from l9.errors import ConfigError

if TYPE_CHECKING:
    from l9.checks.git.protection import Policy

__all__ = [
    "FILE",
    "check",
    "load",
    "load_any",
    "load_unchecked",
    "parse",
    "parse_any",
    "policy",
    "schema",
    "targets",
]


def load(directory: Path, target: str | None = None) -> model.Config:
    """Load the configuration of one target. `target` is optional if the file has only one, or a `production`.

    Raises ConfigError: no file, not TOML, an unknown key, a wrong type, an unknown target or invariant.
    """
    return check(load_unchecked(directory, target))


def load_unchecked(directory: Path, target: str | None = None) -> model.Config:
    """Like `load`, for a caller that calls `check` a moment later: to check names, every check is imported."""
    return files.load(directory, target)


def load_any(directory: Path) -> model.Config:
    """Load the configuration for commands without a target: that of `production`, or the first one of the file."""
    return check(files.load_any(directory))


def parse(text: str, target: str | None = None) -> model.Config:
    """Like `load`, from the file's text."""
    return check(files.parse(text, target))


def parse_any(text: str) -> model.Config:
    """Like `load_any`, from the file's text."""
    return check(files.parse_any(text))


def check(config: model.Config) -> model.Config:
    """Return the configuration if its tag format and the names in it are known. Raises ConfigError."""
    _check_tag_format(config)
    _check_weights(config)
    return config


def _check_tag_format(config: model.Config) -> None:
    try:
        TagFormat(config.release.tag)
    except ValueError as error:
        raise ConfigError(
            f"{FILE}: target {config.name}",
            expected="a tag format such as v<major>.<minor>.<patch>-l9",
            found=str(error),
            remedy=f"$EDITOR {FILE}",
        ) from None


def _check_weights(config: model.Config) -> None:
    """Check that each waived or required invariant exists, has the right weight, and belongs to the section's side."""
    if not any((config.check.waive, config.check.require, config.needs.waive, config.needs.require)):
        return
    # Every check: imported only where an invariant is named.
    from difflib import get_close_matches

    from l9.catalogue import catalogue
    from l9.core.invariant import Weight
    from l9.core.states import Substrate

    known = {need.id: need for need in catalogue()}
    before, host = (Substrate.WORKSPACE, Substrate.REPOSITORY), (Substrate.HOST,)
    for names, weight, key, where in (
        (config.check.waive, Weight.RULE, "check.waive", before),
        (config.check.require, Weight.ADVICE, "check.require", before),
        (config.needs.waive, Weight.RULE, "needs.waive", host),
        (config.needs.require, Weight.ADVICE, "needs.require", host),
    ):
        fit = [each for each, its in known.items() if its.weight is weight and its.substrate in where]
        for name in names:
            if name in fit:
                continue
            near = get_close_matches(name, fit, 1) or fit
            its = known.get(name)
            found = (
                "no such invariant"
                if its is None
                else f"an invariant of the {its.substrate}, of weight {its.weight}"
            )
            raise ConfigError(
                f"{FILE}: {key} cannot name {name}",
                expected=f"an invariant of the {' or '.join(where)} of weight {weight}, such as {near[0]}",
                found=found,
                remedy=f"l9 check --explain {name}" if its is not None else "l9 check",
            )


def policy(config: model.Config) -> Policy:
    """The policy that pushes must meet."""
    from l9.checks.git.protection import Policy

    release = config.release
    return Policy(
        main=release.main,
        tag=release.tag,
        other_tags=release.other_tags,
        signatures=release.signatures,
        review=release.review,
    )
