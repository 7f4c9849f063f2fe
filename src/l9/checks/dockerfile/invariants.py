"""Invariants of the release's Dockerfile (spec 2.3 and 4.1), some of them together with the compose file."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote

from l9.checks.compose.facts import ComposeFile
from l9.checks.context import Context
from l9.checks.dockerfile.dockerfile import LintFinding, Recipe, floats
from l9.checks.dockerfile.facts import Dockerfile
from l9.core.facts import Facts
from l9.core.invariant import Weight, invariant
from l9.core.verdict import Fail, Pass, Unknown, Verdict

OF_LATEST = ("DL3006", "DL3007")
OF_PACKAGES = ("DL3008", "DL3018", "DL3033", "DL3037", "DL3041")
OF_COMMAND = ("DL3025",)
OF_USER = ("DL3002",)
WITH_OWN_INVARIANT = (*OF_LATEST, *OF_PACKAGES, *OF_COMMAND, *OF_USER, "DL3057")
REPORTED_LEVELS = ("error", "warning")


def linted(facts: Facts, expected: str, *codes: str) -> Verdict:
    """Pass if the linter reports none of these codes; Unknown if it could not read the file."""
    file = facts.the(Dockerfile)
    if file.recipe is None:
        return Pass(file.absent)
    if file.unread:
        return Unknown(file.unread, file.remedy, expected)
    found = tuple(one for one in file.findings if one.code in codes)
    return failed(file.path, expected, found) if found else Pass(f"{expected} in {file.path}")


def failed(path: str, expected: str, found: tuple[LintFinding, ...]) -> Fail:
    """Fail with the first of the linter's findings, and all of them in the log."""
    lines = tuple(f"{path}:{one.line}: {one.message} ({one.code})" for one in found)
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return Fail(expected, f"{path}:{found[0].line}: {found[0].code}{more}", f"$EDITOR {quote(path)}", lines)


def of_recipe(facts: Facts, judge: Callable[[Dockerfile, Recipe], Verdict]) -> Verdict:
    """Judge the release's Dockerfile; Pass if there is none."""
    file = facts.the(Dockerfile)
    return Pass(file.absent) if file.recipe is None else judge(file, file.recipe)


@invariant(
    "workspace.no-latest-image",
    Dockerfile,
    ComposeFile,
    why="`latest` can name another, untested image tomorrow",
    clause="spec 9, criterion 2",
)
def NO_LATEST(facts: Facts, _context: Context) -> Verdict:
    file, compose = facts.the(Dockerfile), facts.the(ComposeFile)
    expected = "every image with a version tag or a digest"
    if file.recipe is not None:
        # The linter does not check build arguments and COPY --from, and cannot read some files.
        bases = [b for b in file.recipe.bases if floats(b.image) and (file.unread or not b.linted)]
        if bases:
            found = f"{file.path}:{bases[0].line}: {bases[0].image}"
            return Fail(expected, found, f"$EDITOR {quote(file.path)}")
        if found_by_linter := tuple(one for one in file.findings if one.code in OF_LATEST):
            return failed(file.path, expected, found_by_linter)
    if compose.production is not None:
        services = (*compose.production.slots, *compose.production.others)
        for one in services:
            if one.image and not one.built and floats(one.image):
                found = f"service {one.name}: {one.image}"
                return Fail(expected, found, f"$EDITOR {quote(compose.path)}")
    if file.recipe is None and compose.production is None:
        return Pass(file.absent)
    return Pass("no image with the tag latest or without a tag")


@invariant(
    "workspace.base-image-by-digest",
    Dockerfile,
    why="a tag can move to another image; a digest cannot",
    clause="spec 4.1",
    weight=Weight.RULE,
)
def BASE_BY_DIGEST(facts: Facts, _context: Context) -> Verdict:
    def judge(file: Dockerfile, recipe: Recipe) -> Verdict:
        loose = [base for base in recipe.bases if not base.pinned]
        if not loose:
            return Pass(f"{len(recipe.bases)} images by digest in {file.path}")
        found = f"{file.path}:{loose[0].line}: {loose[0].image}"
        return Fail("every external image with @sha256:…", found, f"$EDITOR {quote(file.path)}")

    return of_recipe(facts, judge)


@invariant(
    "workspace.os-packages-pinned",
    Dockerfile,
    why="a package without a version can change with the next build",
    clause="spec 2.3",
    weight=Weight.RULE,  # a distribution removes old versions, and then the build fails
)
def OS_PACKAGES_PINNED(facts: Facts, _context: Context) -> Verdict:
    return linted(facts, "every OS package with its version", *OF_PACKAGES)


@invariant(
    "workspace.exec-form-command",
    Dockerfile,
    why="a shell as parent process does not pass on SIGTERM, and requests in flight are lost",
    clause="spec 4.1",
    weight=Weight.RULE,  # spec: no shell wrapping unless needed
)
def EXEC_FORM(facts: Facts, _context: Context) -> Verdict:
    return linted(facts, "CMD and ENTRYPOINT in exec form", *OF_COMMAND)


@invariant(
    "workspace.healthcheck-declared",
    Dockerfile,
    ComposeFile,
    why="the engine knows that a container is unhealthy only from its healthcheck",
    clause="spec 4.1",
    weight=Weight.RULE,  # l9 probes from outside; an image may have no curl
)
def HEALTHCHECK(facts: Facts, _context: Context) -> Verdict:
    file, compose = facts.the(Dockerfile), facts.the(ComposeFile)
    slots = compose.production.slots if compose.production else ()
    if file.recipe is None and not slots:
        return Pass(file.absent)
    expected = "a HEALTHCHECK in the image, or a healthcheck in the compose file"
    remedy = f"$EDITOR {quote(file.path or compose.path)}"
    if off := [one.name for one in slots if one.healthcheck == "off"]:
        return Fail(expected, f"disabled for {', '.join(off)}", f"$EDITOR {quote(compose.path)}")
    if slots and all(one.healthcheck == "on" for one in slots):
        return Pass(f"in {compose.path}")
    if file.recipe is None:
        return Unknown("none in the compose file, and the image is pulled", remedy, expected)
    if file.recipe.healthcheck == "on":
        return Pass(f"in {file.path}")
    return Fail(expected, "none", remedy)


@invariant(
    "workspace.not-root",
    Dockerfile,
    ComposeFile,
    why="an attacker who breaks out of a root process is root",
    clause="spec 4.1",
    weight=Weight.ADVICE,
)
def NOT_ROOT(facts: Facts, _context: Context) -> Verdict:
    compose = facts.the(ComposeFile)

    def judge(file: Dockerfile, recipe: Recipe) -> Verdict:
        slots = compose.production.slots if compose.production else ()
        users = {one.user or recipe.user for one in slots} or {recipe.user}
        rooted = [user for user in users if user.partition(":")[0] in ("", "0", "root")]
        if not rooted:
            return Pass(f"user {', '.join(sorted(users))}")
        found = f"user {rooted[0]}" if rooted[0] else "no USER, which is root"
        return Fail("a user other than root", found, f"$EDITOR {quote(file.path)}")

    return of_recipe(facts, judge)


@invariant(
    "workspace.dockerfile-linted",
    Dockerfile,
    why="the linter knows common mistakes",
    clause="spec 4.1",
    weight=Weight.ADVICE,
)
def DOCKERFILE_LINTED(facts: Facts, _context: Context) -> Verdict:
    codes = {one.code for one in facts.the(Dockerfile).findings if one.level in REPORTED_LEVELS}
    return linted(facts, "no other warning of hadolint", *codes.difference(WITH_OWN_INVARIANT))
