"""Release tags: safe names, and the version of a tag (spec 3.3)."""

import re
from collections.abc import Iterable

import msgspec

MAX_TAG_CHARS = 128
_PLACEHOLDERS = ("major", "minor", "patch")

# Most helpful reason first. Tags are used in arguments, paths and image names.
_REFUSALS = (
    (re.compile(r"\A\Z"), "it is empty"),
    (
        re.compile(rf"\A.{{{MAX_TAG_CHARS + 1}}}", re.DOTALL),
        f"it is longer than {MAX_TAG_CHARS} characters",
    ),
    (re.compile(r"\A-"), "it starts with '-', which programs read as an option"),
    (re.compile(r"[\x00-\x1f\x7f]"), "it holds a control character"),
    (re.compile(r"[^\x00-\x7f]"), "it holds a character outside ASCII, which may look like another"),
    (re.compile(r" "), "it holds a space"),
    (re.compile(r"\.\."), "it holds '..', which git reads as a range"),
    (re.compile(r"@\{|\A@\Z"), "it holds '@{' or is '@', which git reads as a place in the reflog"),
    (re.compile(r"[~^:?*\[]"), "it holds one of ~ ^ : ? * [, which git keeps for itself"),
    (re.compile(r"\\"), "it holds a backslash"),
    (re.compile(r"""[;&|<>$`"'(){}\]!#]"""), "it holds a character that a shell gives a meaning to"),
    (re.compile(r"\A/|//|/\Z"), "it starts or ends with '/', or holds '//'"),
    (re.compile(r"(?:\A|/)\.|\.\Z"), "a part of it starts with '.', or it ends with '.'"),
    (re.compile(r"\.lock(?:/|\Z)"), "it ends with '.lock', which git keeps for its lock files"),
)


def check_tag_name(tag: str) -> str | None:
    """Return the reason for which a string may not be used as a tag; None if it may.

    The reason completes "invalid tag name: ". Raises nothing.
    Stricter than `git check-ref-format`, since a tag's name also reaches shells, paths and images (spec 3.3).
    """
    return next((reason for pattern, reason in _REFUSALS if pattern.search(tag)), None)


class Version(msgspec.Struct, frozen=True, order=True):
    """The version of a tag; ordered by its numbers only (spec 3.3)."""

    major: int
    minor: int
    patch: int
    tag: str


class TagFormat(msgspec.Struct, frozen=True):
    """A pattern of tags, such as `v<major>.<minor>.<patch>-l9` (spec 3.3).

    `<major>`, `<minor>` and `<patch>` stand for numbers; everything else is literal; a number without a
    placeholder is 0. Raises ValueError if the pattern is ambiguous or all its names would be refused.
    """

    pattern: str

    def __post_init__(self) -> None:
        """Raise ValueError for an ambiguous pattern."""
        names = re.findall(r"<([^<>]*)>", self.pattern)
        if "major" not in names:
            raise ValueError(f"{self.pattern!r} has no <major>")
        if unknown := sorted(set(names) - set(_PLACEHOLDERS)):
            raise ValueError(
                f"{self.pattern!r} has <{unknown[0]}>; only <major>, <minor> and <patch> are known"
            )
        if len(names) != len(set(names)):
            raise ValueError(f"{self.pattern!r} names a placeholder twice")
        if re.search(r">(?:<|[0-9])", self.pattern):
            raise ValueError(f"{self.pattern!r} needs a character other than a digit after each number")
        if reason := check_tag_name(self.tag(0, 0, 0)):
            raise ValueError(f"{self.pattern!r} makes names that are refused: {reason}")

    @property
    def _compiled(self) -> re.Pattern[str]:
        literal = re.escape(self.pattern)
        # ASCII digits only, no leading zero: `v01.0.0` and `v1.0.0` must not be two names of one version.
        return re.compile(re.sub(r"<(\w+)>", r"(?P<\1>0|[1-9][0-9]*)", literal))

    def tag(self, major: int, minor: int, patch: int) -> str:
        """Format the tag of three numbers (each 0 or more); the inverse of `parse` (spec 3.3)."""
        tag = self.pattern
        for name, number in zip(_PLACEHOLDERS, (major, minor, patch), strict=True):
            tag = tag.replace(f"<{name}>", str(number))
        return tag

    def parse(self, tag: str) -> Version | None:
        """Parse a tag; None if it is refused or does not match in full (spec 3.3). Raises nothing."""
        match = None if check_tag_name(tag) else self._compiled.fullmatch(tag)
        if match is None:
            return None
        numbers = {name: int(number) for name, number in match.groupdict().items()}
        return Version(numbers["major"], numbers.get("minor", 0), numbers.get("patch", 0), tag)

    def bump(self, version: Version | None, level: str) -> str:
        """Return the tag after `version` (None: the first) by `major`, `minor` or `patch` (spec 3.3).

        If the pattern has no such placeholder, the next larger one that it has is increased.
        """
        if version is None:
            return self.tag(*((1, 0, 0) if "<minor>" not in self.pattern else (0, 1, 0)))
        there = [
            name for name in _PLACEHOLDERS[: _PLACEHOLDERS.index(level) + 1] if f"<{name}>" in self.pattern
        ]
        at = _PLACEHOLDERS.index(there[-1])
        numbers = (version.major, version.minor, version.patch)
        return self.tag(*(n + 1 if i == at else n if i < at else 0 for i, n in enumerate(numbers)))

    def previous(self, tag: str, tags: Iterable[str]) -> Version | None:
        """Find the newest of `tags` older than `tag` (spec 3.3); tags of other formats are skipped.

        Returns None if there is none: the first release. Raises ValueError if `tag` itself does not have the format,
        because then it cannot be compared.
        """
        version = self.parse(tag)
        if version is None:
            raise ValueError(f"{tag!r} is not a tag of the format {self.pattern!r}")
        older = (found for found in map(self.parse, tags) if found is not None and found < version)
        return max(older, default=None)
