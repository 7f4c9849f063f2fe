"""A tree's `.env.example`, compared with the variables that its code, compose file and Dockerfile read."""

from __future__ import annotations

import re
from typing import Any

from l9.checks.compose.services import USUAL_FILES
from l9.checks.environment.env_file import EnvFile, parse_env
from l9.checks.environment.facts import EnvExample, EnvSource
from l9.checks.environment.reads import (
    EnvRead,
    commented_keys,
    compose_gives,
    compose_reads,
    dockerfile,
    undocumented,
)
from l9.checks.environment.reads_python import python_reads
from l9.checks.environment.schema import read_schema
from l9.checks.environment.source import read_source
from l9.checks.paths import matcher
from l9.checks.secrets import scan as secret_scan
from l9.checks.secrets.env_values import suspects
from l9.config.model import Config
from l9.drivers.git.tree import GitTree

NAMES_A_VARIABLE = r"environ|getenv|[A-Za-z]Settings|Settings\b"
OF_TESTS = (
    "tests/*",
    "*/tests/*",
    "test/*",
    "*/test/*",
    "test_*.py",
    "*/test_*.py",
    "*_test.py",
    "*conftest.py",
)


def look(tree: GitTree, config: Config) -> EnvExample:
    """Observe the example file of a tree. Raises ActionError if git cannot read the tree."""
    path, text = config.env.example, tree.text(config.env.example)
    schema, file = read_schema(text or ""), parse_env(text or "")
    documented = (*file.keys, *commented_keys(text or ""))
    reads, given, unread = _reads(tree, config)
    ignored = (*config.env.ignore, config.compose.port_variable)
    return EnvExample(
        path=path,
        exists=text is not None,
        keys=len(file.entries),
        problems=schema.problems,
        lacking=undocumented(reads, documented, given, ignored),
        suspects=tree.unless_nothing(f"suspects {secret_scan.version()}", path, lambda: suspects(path, file)),
        unread=unread,
    )


def look_at_source(tree: GitTree, config: Config) -> EnvSource:
    """Observe the target's env source without resolving it. Raises ActionError as `look` does."""
    path = config.env.source
    if not path:
        return EnvSource()
    text = tree.text(path)
    if text is None:
        return EnvSource(path)
    source = read_source(text, read_schema(tree.text(config.env.example) or "").rules)
    return EnvSource(
        path=path,
        exists=True,
        references=len(source.references),
        literals=len(source.literals),
        problems=source.problems,
        suspects=suspects(path, EnvFile(source.literals)),
    )


def _reads(tree: GitTree, config: Config) -> tuple[list[EnvRead], list[str], tuple[str, ...]]:
    """The variables that are read, those set by image and compose file, and the files that could not be parsed."""
    wanted = [p for p in tree.holding_by_name(NAMES_A_VARIABLE, ".py") if not _of_tests(p)]
    sources = {path: data.decode(errors="replace") for path, data in tree.read(wanted).items()}
    found, unread = python_reads(sources)
    reads, given = list(found), list[str]()
    usual = (config.compose.file,) if config.compose.file else USUAL_FILES
    for path in [name for name in usual if name in tree.entries][:1]:
        text = tree.text(path) or ""
        reads += compose_reads(text, path)
        given += compose_gives(_yaml(text))
    for path in tree.files:
        if path.rpartition("/")[2] == "Dockerfile" and not _of_tests(path):
            read, sets = dockerfile(tree.text(path) or "", path)
            reads += read
            given += sets
    return reads, given, unread


_of_tests = matcher(OF_TESTS)


def _yaml(text: str) -> Any:
    """Parse a YAML document, with compose's tags (`!reset`) as None; None if it is not YAML."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda _loader, _tag, _node: None)
    try:
        return yaml.load(re.sub(r"\t", " ", text), Loader=Loader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
