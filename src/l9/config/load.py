"""`l9.toml` from text to `Config`. Unknown keys are errors that name the nearest known one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from l9.config import model
from l9.config.settings import owner_of
from l9.errors import ConfigError

FILE = "l9.toml"
T = TypeVar("T")
SHARED = tuple(
    f.name for f in msgspec.structs.fields(model.Config) if f.name not in ("app", "name", "target")
)


class File(model.Section, frozen=True):
    """The file's structure: shared sections, and targets that may override them."""

    app: model.Name
    targets: dict[str, dict[str, Any]]
    release: dict[str, Any] = {}
    check: dict[str, Any] = {}
    hooks: dict[str, Any] = {}
    cgmp: dict[str, Any] = {}
    compose: dict[str, Any] = {}
    process: dict[str, Any] = {}
    env: dict[str, Any] = {}
    health: dict[str, Any] = {}
    smoke: tuple[dict[str, Any], ...] = ()
    route: dict[str, Any] = {}
    bake: dict[str, Any] = {}
    drain: dict[str, Any] = {}
    standby: dict[str, Any] = {}
    retention: dict[str, Any] = {}
    needs: dict[str, Any] = {}


def load(directory: Path, target: str | None = None) -> model.Config:
    """Load the configuration of one target. `target` is optional if the file has only one, or a `production`.

    Raises ConfigError for a missing file, invalid TOML, an unknown key, a wrong type, or an unknown target.
    """
    return parse(_text(directory), target)


def targets(directory: Path) -> tuple[str, ...]:
    """Return the names of all targets. Raises ConfigError as `load` does."""
    return tuple(_file(_text(directory))[1].targets)


def _text(directory: Path) -> str:
    path = directory / FILE
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"no {FILE} in {directory}", expected=f"a file {FILE}", found="none", remedy="l9 init"
        ) from None
    except (UnicodeDecodeError, OSError) as error:
        raise ConfigError(
            f"{FILE} cannot be read", expected="UTF-8 text", found=str(error), remedy=f"$EDITOR {FILE}"
        ) from None


def _file(text: str) -> tuple[dict[str, Any], File]:
    """Parse the file as TOML and as its structure."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{FILE} is not TOML", expected="TOML", found=str(error), remedy=f"$EDITOR {FILE}"
        ) from None
    _refuse_unknown(raw, File, FILE)
    return raw, _convert(raw, File, FILE)


def load_any(directory: Path) -> model.Config:
    """Load the configuration without a given target: `production`, or the first one in the file."""
    return parse_any(_text(directory))


def parse_any(text: str) -> model.Config:
    """Parse as `load_any` does, from the file's text."""
    names = tuple(_file(text)[1].targets)
    return parse(text, None if "production" in names or not names else names[0])


def parse(text: str, target: str | None = None) -> model.Config:
    """Parse as `load` does, from the file's text."""
    raw, file = _file(text)
    name = _choose(tuple(file.targets), target)
    return _resolve(raw, file, name, file.targets[name])


def parse_for(text: str, target: str) -> model.Config:
    """Parse the configuration for a host, from a tag. A target that is not in the file gets the shared sections.

    Raises ConfigError as `load` does.
    """
    raw, file = _file(text)
    return _resolve(raw, file, target, file.targets.get(target, {"host": "local"}))


def _resolve(raw: dict[str, Any], file: File, name: str, table: dict[str, Any]) -> model.Config:
    for each, its in file.targets.items():
        _refuse_unknown(its, model.Target, f"targets.{each}")
    chosen = dict(table)
    merged: dict[str, Any] = {s: raw[s] for s in SHARED if s in raw}
    for section in SHARED:
        if section in chosen:
            merged[section] = _merge(merged.get(section), chosen.pop(section))
    if str(chosen.get("public_url", "")).startswith("https://"):
        merged["route"] = {"url": "https://127.0.0.1", **merged.get("route", {})}
    document = {"app": file.app, "name": name, "target": chosen, **merged}
    config = _convert(document, model.Config, f"{FILE}, target {name},")
    _check(config)
    return config


def schema() -> dict[str, Any]:
    """Return the JSON Schema of `l9.toml`, generated from its model. `x-owner` is a key's owner."""
    _, components = msgspec.json.schema_components([model.Config], ref_template="#/$defs/{name}")
    config = components.pop("Config")
    overrides = {s: config["properties"][s] for s in SHARED}
    for section, described in overrides.items():
        reference = described.get("$ref") or (described.get("allOf") or [{}])[0].get("$ref")
        if reference:
            _name_owners(components[reference.rpartition("/")[2]], section)
        else:
            described["x-owner"] = str(owner_of(section))
    target = components["Target"]
    _name_owners(target, "targets")
    target["properties"] = {**target["properties"], **overrides}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": FILE,
        "type": "object",
        "additionalProperties": False,
        "required": ["app", "targets"],
        "properties": {
            "app": config["properties"]["app"],
            "targets": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": config["properties"]["name"],
                "additionalProperties": {"$ref": "#/$defs/Target"},
            },
            **overrides,
        },
        "$defs": components,
    }


def _name_owners(table: dict[str, Any], section: str) -> None:
    for key, described in table["properties"].items():
        described["x-owner"] = str(owner_of(f"{section}.{key}"))


def _convert(raw: Any, kind: type[T], where: str) -> T:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        text = str(error)
        place = _AT.search(text)
        key, meaning = (place[1], _meaning(place[1])) if place else ("", "")
        raise ConfigError(
            f"{where} is malformed",
            expected=f"{key}: {meaning}" if meaning else "the documented types",
            found=_PATTERN.sub("another form", text),  # a pattern tells a person nothing
            remedy="l9 config schema",
        ) from None


_AT = re.compile(r"at `\$\.([^`]+)`")
_PATTERN = re.compile(r"Expected `str` matching regex '.*'")


def _meaning(path: str) -> str:
    """The meaning of a key, by its path in a resolved configuration; empty where none is written."""
    kind: Any = model.Config
    for name in re.sub(r"\[[^\]]*\]", "", path).split("."):
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            return ""
        found = {field.name: field.type for field in msgspec.structs.fields(kind)}.get(name)
        metas = [m for m in getattr(found, "__metadata__", ()) if isinstance(m, msgspec.Meta)]
        if meaning := next((m.description for m in metas if m.description), ""):
            return meaning
        kind = found
    return ""


def _choose(names: tuple[str, ...], wanted: str | None) -> str:
    if not names:
        raise ConfigError(f"{FILE} has no target", expected="[targets.NAME]", found="none", remedy="l9 init")
    if wanted is None:
        if len(names) == 1:
            return names[0]
        wanted = "production"
    if wanted not in names:
        near = get_close_matches(wanted, names, 1)
        raise ConfigError(
            f"no target {wanted!r} in {FILE}",
            expected=f"one of {', '.join(names)}",
            found=wanted,
            remedy=f"l9 status --target {near[0] if near else names[0]}",
        )
    return wanted


def _merge(shared: Any, own: Any) -> Any:
    if isinstance(shared, Mapping) and isinstance(own, Mapping):
        return {**shared, **{k: _merge(shared.get(k), v) for k, v in own.items()}}
    return own


def _refuse_unknown(raw: Any, kind: type[msgspec.Struct], where: str) -> None:
    """Raise ConfigError for the first unknown key in the sections that `kind` describes."""
    if not isinstance(raw, Mapping):
        return
    known = {f.name: f.type for f in msgspec.structs.fields(kind)}
    sections = {f.name: f.type for f in msgspec.structs.fields(model.Config)}
    allowed = (*known, *SHARED) if kind is model.Target else tuple(known)
    for key, value in raw.items():
        if key not in allowed:
            near = get_close_matches(str(key), allowed, 1)
            raise ConfigError(
                f"unknown key {key!r} in {where}",
                expected=f"{near[0]!r}" if near else f"one of {', '.join(sorted(allowed))}",
                found=repr(key),
                remedy=f"$EDITOR {FILE}",
            )
        inner = known.get(key) if kind is not File else None
        inner = inner or sections.get(key)
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            _refuse_unknown(value, inner, f"{where}.{key}" if where != FILE else key)
        elif key in ("smoke", "golden") and isinstance(value, list):
            for item in value:
                _refuse_unknown(item, model.Smoke, key if key == "smoke" else f"{where}.{key}")


def _check(config: model.Config) -> None:
    """Check rules that types cannot express. Raises ConfigError."""
    target, compose = config.target, config.compose
    problem = None
    if target.ports.blue == target.ports.green:
        problem = ("two different ports for blue and green", f"{target.ports.blue} twice")
    elif not _is_place(target.path):
        problem = ("an absolute path on the host", repr(target.path))
    elif not _is_host(target.host):
        problem = ("a host as ssh takes it", repr(target.host))
    elif bool(compose.blue) != bool(compose.green):
        problem = ("both compose.blue and compose.green, or neither", compose.blue or compose.green)
    elif compose.service and compose.blue:
        problem = ("either compose.service or compose.blue and compose.green", "both")
    elif config.release.require_attestation and not config.release.allowed_signers:
        problem = ("release.allowed_signers, for release.require_attestation", "no allowed signers")
    if problem:
        raise ConfigError(
            f"{FILE}: target {config.name}", expected=problem[0], found=problem[1], remedy=f"$EDITOR {FILE}"
        )


def _is_place(path: str) -> bool:
    """True if the path may be a target's directory: absolute, below the root, and without `..`."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return path.startswith("/") and bool(parts) and ".." not in parts and path.isprintable()


def _is_host(host: str) -> bool:
    """True if ssh takes the text for a host, not for an option, which begins with a dash."""
    return bool(host) and host.isprintable() and " " not in host and not host.startswith("-")
