"""Values that look like real secrets to the plugins of detect-secrets. The values themselves are not passed on."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from l9.checks.environment.env_file import EnvFile
from l9.checks.secrets import library as secret_library
from l9.checks.secrets.facts import Suspect
from l9.checks.secrets.placeholders import is_placeholder

# A plugin may open the file, but only its text is known here: no file has this name.
_NO_FILE = "/dev/null/example.ini"
_BY_NAME = "Secret Keyword"  # found by the key's name alone


def suspects(path: str, file: EnvFile) -> tuple[Suspect, ...]:
    """The keys of an environment file whose values look like real secrets, with the kind of each."""
    found = ((entry, _kind(entry.key, entry.value.reveal())) for entry in file.entries)
    return tuple(Suspect(path, entry.line_no, entry.key, kind) for entry, kind in found if kind)


def _kind(key: str, value: str) -> str:
    """The kind of secret that a value looks like; empty if none."""
    if not value or "\0" in value:
        return ""
    written = value.replace("\\", "\\\\").replace('"', "'").replace("\n", "\\n")
    kinds: dict[str, None] = {}
    for plugin in _plugins():
        for found in plugin.analyze_line(filename=_NO_FILE, line=f'{key} = "{written}"'):
            part = str(found.secret_value or "")
            by_name = found.type == _BY_NAME
            if not is_placeholder(part) and not (by_name and not _could_be_one(part)):
                kinds.setdefault(found.type)
    return next((kind for kind in kinds if kind != _BY_NAME), next(iter(kinds), ""))


def _could_be_one(value: str) -> bool:
    """True if a value that was found only by its key's name may be a secret, not a header's name or a path."""
    return (any(c.isdigit() for c in value) or len(value) >= 16) and "://" not in value and value[:1] != "/"


@lru_cache(maxsize=1)
def _plugins() -> tuple[Any, ...]:
    """One instance of each plugin with its defaults; the library's own settings are global and not thread-safe."""
    secret_library.load()
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    return tuple(kind() for kind in get_mapping_from_secret_type_to_class().values())
