"""The tag's compose file and Dockerfile: the services of production. Docker is not needed.

A file that cannot be read is an ActionError with its name and the reason.
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
LONGEST = 200_000  # bytes: larger files are not written by hand
NOT_BUILT = "the process runtime: nothing is built"
_POINTER = b"version https://git-lfs.github.com/spec/"
_MOST_LINKS = 8


class _Project(NamedTuple):
    """A parsed compose file, and its services for the slots."""

    path: str
    document: Document
    chosen: compose.Chosen
    places: ProductionPaths


def read_compose(tree: GitTree, config: Config) -> ComposeFile:
    """The services of production. Raises ActionError, and ConfigError if no service can be the slots'."""
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
    """The recipe of the slots' image, and the linter's findings. Raises as `read_compose` does."""
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
            yaml_reader as compose_yaml,  # only the operator's side has YAML, not the host's l9
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
    """The text of a file, through links that stay in the tree."""
    at = path
    for _ in range(_MOST_LINKS):
        entry = tree.entries.get(at)
        if entry is None or entry.mode != LINK:
            break
        at = posixpath.normpath(posixpath.join(posixpath.dirname(at), tree.link(at)))
        if at == ".." or at.startswith(("/", "../")):
            raise _cannot(path, "it is a link to a path outside the repository")
    else:
        raise _cannot(path, "it is a circular link")
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
        raise _cannot(path, f"it is not UTF-8 text (byte {error.start})") from None
    if "\0" in text:
        raise _cannot(path, "it is not text")
    return text


def _why_no_file(tree: GitTree, path: str) -> str:
    """The reason for which there is no such file."""
    parts = path.split("/")
    for at in ("/".join(parts[:n]) for n in range(1, len(parts) + 1)):
        if at in tree.entries:
            if tree.entries[at].kind == "commit":
                return f"{at} is a submodule: its files are not in the tag"
            if at != path:
                return f"{at} is not a folder"
    below = any(p.startswith(f"{path}/") for p in tree.entries)
    return "it is a folder" if below else "the tag has no such file"


def _cannot(path: str, why: str) -> ActionError:
    return ActionError(
        f"{path} cannot be read",
        expected="a file that Docker can read",
        found=why,
        remedy=f"$EDITOR {quote(path)}",
    )
