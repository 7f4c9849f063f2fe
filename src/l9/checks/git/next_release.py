"""The next release: the part of the version to increase, with the reasons (spec 3.3), and its tag's message."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from l9.checks.api.openapi import ApiChange
from l9.checks.git.facts import CommitMessage
from l9.checks.git.messages import SUBJECT_CHARS, check_message
from l9.checks.git.versions import Version

LEVELS = ("none", "patch", "minor", "major")
MOST_LINES = 30  # of one heading in a tag's message
MOST_REASONS = 5

_FEATURES = frozenset({"add", "feat", "feature", "new"})
_FIXES = frozenset({"fix", "bugfix", "hotfix", "security"})
_SUBJECT = re.compile(
    r"\[?(?P<type>[A-Za-z][\w .+/-]*?)(?:\([^()]*\))?(?P<mark>!)?\]?(?P<late>!)?: *(?P<what>\S.*)"
)
_FOOTER = re.compile(r"^BREAKING[ -]CHANGE: ", re.MULTILINE)


class CommitChange(msgspec.Struct, frozen=True):
    """The change of one commit. `kind` is breaking, feature, fix or other."""

    kind: str
    text: str
    commit: str


class Bump(msgspec.Struct, frozen=True):
    """The part of the version to increase, with one line per reason."""

    level: str
    reasons: tuple[str, ...]


class Proof(msgspec.Struct, frozen=True):
    """The evidence in a tag's message: the result of each stage, by name, and the signer of the attestation."""

    found: tuple[tuple[str, str], ...]
    tree: str
    signer: str


def plain(text: str) -> str:
    """Reduce a text to one line of printable characters, safe for a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def read_changes(commits: Iterable[CommitMessage]) -> tuple[CommitChange, ...]:
    """The changes of the commits, in their order; merges are skipped."""
    return tuple(_read(one) for one in commits if one.parents < 2 and one.text.strip())


def _read(commit: CommitMessage) -> CommitChange:
    subject = plain(commit.text.strip().splitlines()[0])
    match = _SUBJECT.fullmatch(subject)
    if match is None:
        kind, text = "other", subject
    else:
        type_, text = match["type"].lower(), match["what"]
        kind = "feature" if type_ in _FEATURES else "fix" if type_ in _FIXES else "other"
        if match["mark"] or match["late"] or type_ == "breaking":
            kind = "breaking"
    if _FOOTER.search(commit.text):
        kind = "breaking"
    return CommitChange(kind, text, commit.commit)


def needed(changes: tuple[CommitChange, ...], api: ApiChange | None) -> Bump:
    """The larger bump that the commits or the API require. `api` is None if there is nothing to compare."""
    found: list[tuple[str, str]] = []
    for change in changes:
        level = {"breaking": "major", "feature": "minor"}.get(change.kind, "patch")
        what = {"breaking": "a breaking change", "feature": "a feature", "fix": "a fix"}.get(
            change.kind, "a change"
        )
        found.append((level, f"{what}: {change.text} ({change.commit[:12]})"))
    if api is not None:
        found += [("major", f"breaking API change: {plain(line)}") for line in api.breaking]
        found += [("minor", f"API addition: {plain(line)}") for line in api.added]
        found.append((api.level, "the API document differs"))
    level = max((level for level, _ in found), key=LEVELS.index, default="none")
    reasons = [why for each, why in found if each == level]
    more = (f"and {len(reasons) - MOST_REASONS} more",) if len(reasons) > MOST_REASONS else ()
    return Bump(level, (*reasons[:MOST_REASONS], *more))


def grown(before: Version, after: Version) -> str:
    """The first part of the version that differs; `none` if `after` is equal or older."""
    if after <= before:
        return "none"
    if after.major != before.major:
        return "major"
    return "minor" if after.minor != before.minor else "patch"


def smaller(level: str, than: str) -> bool:
    """True if the first level is less than the second."""
    return LEVELS.index(level) < LEVELS.index(than)


def tag_message(tag: str, changes: tuple[CommitChange, ...], proof: Proof, previous: str | None) -> str:
    """The message of a release's tag, in the form of spec 3.3."""
    parts = [
        f"Release {tag}: {summary(tag, changes)}",
        *(
            _listed(heading, tuple(c.text for c in changes if c.kind == kind))
            for heading, kind in (
                ("Breaking", "breaking"), ("Fixes", "fix"), ("Features", "feature"), ("Changes", "other"),
            )
        ),
        _listed("Testing", (
            *(f"{stage.upper()}: {plain(found)}" for stage, found in proof.found),
            f"Attested for tree {proof.tree[:12]} by {plain(proof.signer)}",
        )),
        "Deployment: Blue-green with health checks.\n"
        + (f"Rollback: l9 rollback {previous}" if previous else "Rollback: none, this is the first release"),
    ]  # fmt: skip
    return "\n\n".join(filter(None, parts)) + "\n"


def summary(tag: str, changes: tuple[CommitChange, ...]) -> str:
    """The release in a few words that fit the subject: its most important change, or the number of changes."""
    kinds = ("breaking", "feature", "fix", "other")
    count = {kind: [c.text for c in changes if c.kind == kind] for kind in kinds}
    first = next((count[kind] for kind in kinds if count[kind]), [])
    names = {"breaking": "breaking change", "feature": "feature", "fix": "fix", "other": "change"}
    parts = [
        f"{len(count[k])} {names[k]}{'' if len(count[k]) == 1 else 'es' if k == 'fix' else 's'}"
        for k in kinds
        if count[k]
    ]
    candidates = [text for text in first if len(first) == 1]
    candidates += [f"Bring {_joined(some)}" for some in (parts, parts[:2], parts[:1]) if some]
    candidates.append("Go on" if changes else "Begin")
    fitting = (c for c in candidates if len(f"Release {tag}: {c}") <= SUBJECT_CHARS)
    return next((c for c in fitting if not check_message(f"Release {tag}: {c}")), candidates[-1])


def _joined(parts: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def _listed(heading: str, lines: tuple[str, ...]) -> str:
    """Format a heading with its lines; empty if there are none."""
    if not lines:
        return ""
    more = (f"and {len(lines) - MOST_LINES} more",) if len(lines) > MOST_LINES else ()
    return "\n".join((f"{heading}:", *(f"- {line}" for line in (*lines[:MOST_LINES], *more))))
