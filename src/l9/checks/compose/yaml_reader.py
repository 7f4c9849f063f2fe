"""The YAML of compose files. Only the operator's side parses it: the host uses compose itself."""

from __future__ import annotations

from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """YAML as compose parses it: numbers and words such as `no` or `22:22` stay text."""


_TRUTH = "tag:yaml.org,2002:bool"
_KEPT = (_TRUTH, "tag:yaml.org,2002:merge", "tag:yaml.org,2002:null")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, how) for tag, how in known if tag in _KEPT and (tag != _TRUTH or first in "tTfF")]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _override(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    """`!override`: compose's tag for a value that is not merged."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


_Loader.add_constructor("!override", _override)
_Loader.add_constructor("!reset", lambda _loader, _node: None)


def parse(text: str) -> object:
    """Parse the one document of a compose file. Raises ValueError with the problem and its place."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        message = ", ".join(filter(None, (error.context, error.problem)))
        raise ValueError(f"{where}{message}") from None
    except yaml.YAMLError as error:
        raise ValueError(str(error).splitlines()[0]) from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None
