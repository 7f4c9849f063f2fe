"""The configuration as commands use it: `l9.toml` read, and held to what l9 knows.

`config/load.py` knows types and keys. What it cannot know stands here: which forms of tags there are, and which
invariants may be waived or required by name.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from l9.checks.git.protection import Policy
from l9.checks.git.versions import TagFormat
from l9.config import load as files
from l9.config import model
from l9.config.load import FILE, schema, targets
from l9.core.invariant import Weight
from l9.errors import ConfigError

__all__ = ["FILE", "load", "load_any", "parse", "parse_any", "policy", "schema", "targets"]


def load(directory: Path, target: str | None = None) -> model.Config:
    """The configuration of one target. `target` may be left out where the file has one, or a `production`.

    Raises ConfigError: no file, not TOML, an unknown key, a wrong type, no such target, no such invariant.
    """
    return _checked(files.load(directory, target))


def load_any(directory: Path) -> model.Config:
    """As `load`, where no target is meant: `production`, or the first one of the file."""
    return _checked(files.load_any(directory))


def parse(text: str, target: str | None = None) -> model.Config:
    """As `load`, from the file's text."""
    return _checked(files.parse(text, target))


def parse_any(text: str) -> model.Config:
    """As `load_any`, from the file's text."""
    return _checked(files.parse_any(text))


def _checked(config: model.Config) -> model.Config:
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
    """What is waived or required by name must be there to be waived or required."""
    for names, weight, verb in (
        (config.check.waive, Weight.RULE, "waive"),
        (config.check.require, Weight.ADVICE, "require"),
    ):
        if not names:
            continue
        from l9.catalogue import catalogue  # all that was ever judged: only read where it is asked for

        known = {need.id: need.weight for need in catalogue()}
        for name in names:
            if known.get(name) is not weight:
                fit = [each for each, its in known.items() if its is weight]
                near = get_close_matches(name, fit, 1) or fit
                raise ConfigError(
                    f"{FILE}: check.{verb} cannot name {name}",
                    expected=f"an invariant of weight {weight}, such as {near[0] if near else 'none so far'}",
                    found=f"one of weight {known[name]}" if name in known else "no such invariant",
                    remedy=f"l9 check --explain {name}" if name in known else "l9 check",
                )


def policy(config: model.Config) -> Policy:
    """What is demanded of a push."""
    release = config.release
    return Policy(
        main=release.main,
        tag=release.tag,
        other_tags=release.other_tags,
        signatures=release.signatures,
        review=release.review,
    )
