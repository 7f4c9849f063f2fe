"""Write docs/configuration.md and docs/l9.toml from the types that parse `l9.toml`.

`--check` writes nothing, and exits with 1 if a file is out of date.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from l9.config import model
from l9.config.load import schema
from l9.config.settings import owner_of

DOCS = Path(__file__).parents[1] / "docs"
HEAD = """\
# Configuration

Generated from `src/l9/config/model.py` by `tools/write_configuration.py`; `make check` fails if the two differ.

`l9.toml` is at the top of the repository. Shared sections apply to every target; a target overrides them below its
own name, as in `[targets.staging.health]`. `l9 config show` prints one target's configuration, defaults included,
`l9 config schema` the JSON Schema. [l9.toml](l9.toml) is a file with every key, to copy from.

Every key has one **owner**:

- **server**: `l9 provision` writes these to the host, writable by root only. The host uses its own values; a deploy
  warns if yours differ.
- **release**: the host reads these once from the `l9.toml` of the tag, and keeps them with the release.
- **operator**: used on the operator's machine; never sent.
"""
SECTIONS = {
    "targets.NAME": model.Target,
    "release": model.Release,
    "check": model.Check,
    "hooks": model.Hooks,
    "cgmp": model.Cgmp,
    "compose": model.Compose,
    "process": model.Process,
    "env": model.Env,
    "health": model.Health,
    "smoke": model.Smoke,
    "route": model.Route,
    "bake": model.Bake,
    "drain": model.Drain,
    "standby": model.Standby,
    "retention": model.Retention,
    "needs": model.Needs,
}


WORDS = {
    "string": "text",
    "boolean": "true or false",
    "array": "list",
    "object": "table",
    "integer": "whole number",
}
OTHER_FORM = {("compose", "blue"), ("compose", "green")}  # instead of `service`


def properties(kind: type) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the keys of a section with their schemas."""
    yield from schema()["$defs"][kind.__name__]["properties"].items()


def own(section: str, kind: type) -> list[tuple[str, dict[str, Any]]]:
    """Return the section's own keys, without a target's shared sections."""
    shared = set(SECTIONS) | {"golden"} if section == "targets.NAME" else set()
    return [(key, described) for key, described in properties(kind) if key not in shared]


def type_of(described: dict[str, Any]) -> str:
    """Return a key's type in words."""
    if "enum" in described:
        return " or ".join(f"`{json.dumps(value)}`" for value in described["enum"])
    if "anyOf" in described:
        return " or ".join(t for t in map(type_of, described["anyOf"]) if t != "null")
    kind = described.get("type", "table" if "$ref" in described or "allOf" in described else "any value")
    words = {
        "string": "text",
        "boolean": "true or false",
        "array": "list",
        "object": "table",
        "integer": "whole number",
    }
    return words.get(kind, kind)


def meaning_of(section: str, key: str, described: dict[str, Any]) -> str:
    if "description" in described and described["description"] != inspect.getdoc(model.Ports):
        return str(described["description"])
    return str(inspect.getdoc(getattr(model, key.capitalize(), model.Ports))).splitlines()[0]


def default_of(described: dict[str, Any]) -> str:
    if "default" not in described:
        return "none" if "$ref" in described or "allOf" in described else "required"
    return f"`{toml(described['default'])}`" if described["default"] is not None else "left out"


def toml(value: Any) -> str:
    """Return a value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        inside = ", ".join(f"{_key(k)} = {toml(v)}" for k, v in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() else json.dumps(name)


def example_of(key: str, described: dict[str, Any]) -> Any:
    if "examples" in described:
        return described["examples"][0]
    return {"blue": 9000, "green": 9001} if key == "ports" else None


def page() -> str:
    parts = [HEAD]
    for section, kind in SECTIONS.items():
        title = "[[smoke]]" if section == "smoke" else f"[{section}]"
        parts.append(f"\n## `{title}`\n\n{inspect.getdoc(kind)}\n")
        parts.append("| key | type | default | owner | meaning |\n|---|---|---|---|---|")
        rows = []
        for key, described in own(section, kind):
            name = f"{section.partition('.')[0]}.{key}" if section != "smoke" else "smoke"
            cells = (
                f"`{key}`", type_of(described), default_of(described), str(owner_of(name)),
                meaning_of(section, key, described),
            )  # fmt: skip
            rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        parts.append("\n".join(rows))
        lines = [
            ("# or: " if (section, key) in OTHER_FORM else "") + f"{key} = {toml(example_of(key, described))}"
            for key, described in own(section, kind)
            if example_of(key, described) is not None
        ]
        first = ['app = "shop"', "", "[targets.production]"] if section == "targets.NAME" else [title]
        parts.append("\nFor example:\n\n```toml\n" + "\n".join([*first, *lines]) + "\n```")
    return "\n".join(parts) + "\n"


def annotated() -> str:
    """Return one file with every key: its meaning, and its default or, without one, an example."""
    parts = [
        "# Every key of l9.toml with its meaning, owner and default. Copy the keys to change.",
        "# Generated by tools/write_configuration.py; docs/configuration.md has the same as tables.",
        "",
        'app = "shop"',
    ]
    for section, kind in SECTIONS.items():
        title = {"smoke": "[[smoke]]", "targets.NAME": "[targets.production]"}.get(section, f"[{section}]")
        parts.append(f"\n# {inspect.getdoc(kind).splitlines()[0]}")
        required = [key for key, d in own(section, kind) if default_of(d) == "required"]
        parts.append(
            title if required or section == "targets.NAME" else f"# {title}" if section == "smoke" else title
        )
        for key, described in own(section, kind):
            name = f"{section.partition('.')[0]}.{key}" if section != "smoke" else "smoke"
            parts.append(f"# {meaning_of(section, key, described)} ({owner_of(name)})")
            if key in required:
                parts.append(f"{key} = {toml(example_of(key, described))}")
            elif described.get("default") is not None:
                parts.append(f"# {key} = {toml(described['default'])}")
            else:
                parts.append(f"# {key} = {toml(example_of(key, described))}")
    return "\n".join(parts) + "\n"


FILES = {"configuration.md": page, "l9.toml": annotated}


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    stale = 0
    for name, made in FILES.items():
        path, text = DOCS / name, made()
        if check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            print(f"docs/{name} is out of date: python tools/write_configuration.py")
            stale = 1
        elif not check:
            path.write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
