"""A release's compose file and Dockerfile, as the tag has them: what production would run. No Docker is needed.

What cannot be judged is an ActionError that names the file and says why.
"""

from __future__ import annotations

import posixpath
from shlex import quote
from typing import NamedTuple

from l9.checks.compose import production as compose_file
from l9.checks.compose import services as compose
from l9.checks.compose.facts import ComposeFile
from l9.checks.compose.production import Build, Document, ProductionPaths
from l9.checks.dockerfile import hadolint
from l9.checks.dockerfile.dockerfile import read_dockerfile
from l9.checks.dockerfile.facts import Dockerfile
from l9.checks.dockerfile.hadolint_commands import UNREADABLE
from l9.config.model import Config
from l9.drivers.git.objects.tree_rules import LINK
from l9.drivers.git.tree import GitTree
from l9.errors import ActionError

USUAL_DOCKERFILES = ("Dockerfile", "docker/Dockerfile")
LONGEST = 200_000  # bytes: what is larger was written by no person
NOT_BUILT = "the process runtime: nothing is built"
_POINTER = b"version https://git-lfs.github.com/spec/"
_MOST_LINKS = 8


class _Project(NamedTuple):
    """A compose file that could be read, and which of its services are the slots."""

    path: str
    document: Document
    chosen: compose.Chosen
    places: ProductionPaths


def read_compose(tree: GitTree, config: Config) -> ComposeFile:
    """What production runs. Raises ActionError, and ConfigError where no service can be the slots'."""
    if config.target.runtime == "process":
        return ComposeFile(absent=NOT_BUILT)
    project = _project(tree, config)
    if project is None:
        return ComposeFile(absent="no compose file")
    others = compose.other_services(project.document, config)
    try:
        found = compose_file.production(project.document, project.chosen, others, project.places)
    except ValueError as error:
        raise _cannot(project.path, str(error)) from None
    return ComposeFile(project.path, found)


def read_build(tree: GitTree, config: Config) -> Dockerfile:
    """What the slots' image is made of, and what the linter says of it. Raises as `read_compose` does."""
    if config.target.runtime == "process":
        return Dockerfile(absent=NOT_BUILT)
    project = _project(tree, config)
    if project is None:
        path = next((p for p in USUAL_DOCKERFILES if _is_there(tree, p)), None)
        if path is None:
            return Dockerfile(absent="no Dockerfile: nothing is built")
        return _judged(tree, path, Build(".", path), config)
    try:
        build = compose_file.build_of(project.document, project.chosen, project.places)
    except ValueError as error:
        raise _cannot(project.path, str(error)) from None
    if build is None:
        return Dockerfile(absent="nothing is built: the image is pulled")
    return _judged(tree, project.path if build.inline else build.dockerfile, build, config)


def _judged(tree: GitTree, path: str, build: Build, config: Config) -> Dockerfile:
    text = build.inline or _text(tree, path)
    args = {**build.args, **config.compose.build_args}
    try:
        recipe = read_dockerfile(text, args, build.target, build.contexts)
    except ValueError as error:
        raise _cannot(path, str(error)) from None
    settings = next((_text(tree, p) for p in hadolint.CONFIGS if p in tree.entries), None)
    try:
        found = hadolint.lint(text, settings)
    except ActionError as error:
        return Dockerfile(path, recipe, unread=error.summary, remedy=error.remedy)
    for one in found:
        if one.code == UNREADABLE:
            unread = f"{path}:{one.line}: hadolint cannot read it: {one.message.splitlines()[0]}"
            return Dockerfile(path, recipe, unread=unread, remedy=f"$EDITOR {quote(path)}")
    return Dockerfile(path, recipe, found)


def _project(tree: GitTree, config: Config) -> _Project | None:
    wanted = config.compose.file
    path = posixpath.normpath(wanted) if wanted else None
    path = path or next((p for p in compose.USUAL_FILES if _is_there(tree, p)), None)
    if path is None:
        return None
    text = _text(tree, path)
    try:
        from l9.checks.compose import (
            yaml_reader as compose_yaml,  # YAML is the operator's alone: a host's own l9 has it not
        )

        document = compose_file.resolved(compose_yaml.parse(text))
    except ValueError as error:
        raise _cannot(path, str(error)) from None
    chosen = compose.choose(document, config)
    root = posixpath.normpath(config.target.path)
    return _Project(
        path, document, chosen, ProductionPaths(posixpath.dirname(path), root, frozenset(tree.entries))
    )


def _is_there(tree: GitTree, path: str) -> bool:
    return path in tree.entries or any(p.startswith(f"{path}/") for p in tree.entries)


def _text(tree: GitTree, path: str) -> str:
    """A file as text, through links that stay in the tree."""
    at = path
    for _ in range(_MOST_LINKS):
        entry = tree.entries.get(at)
        if entry is None or entry.mode != LINK:
            break
        at = posixpath.normpath(posixpath.join(posixpath.dirname(at), tree.link(at)))
        if at == ".." or at.startswith(("/", "../")):
            raise _cannot(path, "it is a link out of the repository")
    else:
        raise _cannot(path, "it is a link that leads round in a circle")
    if entry is None or entry.kind != "blob":
        raise _cannot(path, _why_no_file(tree, at))
    if entry.size > LONGEST:
        raise _cannot(path, f"it has {entry.size} bytes")
    data = tree.read((at,))[at]
    if data.startswith(_POINTER):
        raise _cannot(path, "it is a Git LFS pointer")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise _cannot(path, f"it is no UTF-8 text (byte {error.start})") from None
    if "\0" in text:
        raise _cannot(path, "it is no text")
    return text


def _why_no_file(tree: GitTree, path: str) -> str:
    """What stands where a file was looked for."""
    parts = path.split("/")
    for at in ("/".join(parts[:n]) for n in range(1, len(parts) + 1)):
        if at in tree.entries:
            if tree.entries[at].kind == "commit":
                return f"{at} is a submodule: its files are not in the tag"
            if at != path:
                return f"{at} is no folder"
    below = any(p.startswith(f"{path}/") for p in tree.entries)
    return "it is a folder" if below else "the tag has no such file"


def _cannot(path: str, why: str) -> ActionError:
    return ActionError(
        f"{path} cannot be judged",
        expected="a file as Docker reads it",
        found=why,
        remedy=f"$EDITOR {quote(path)}",
    )
