"""The user's compose file, parsed without Docker: the services of production. Pure.

A document is the file's own mapping. Features that only compose itself resolves are refused with a reason.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from l9.checks.compose.services import Chosen, is_database, is_one_shot, services
from l9.checks.compose.variables import fill

Document = dict[str, Any]

PLACEHOLDERS = frozenset((".gitkeep", ".gitignore", ".keep", ".placeholder"))
_MOST_NODES = 100_000
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)(us|ms|s|m|h))+")
_HERE = re.compile(r"\$(?:PWD\b|\{PWD\})")
_REMOTE = re.compile(r"^[a-z][a-z0-9+.-]*://|^git@|^github\.com/|\.git(?:#|$)")


class Mount(msgspec.Struct, frozen=True):
    """A path of the repository mounted at `target`; `code`: it is, or contains, the build context of the image."""

    source: str
    target: str
    code: bool


class Published(msgspec.Struct, frozen=True):
    """A container's port published on the host; an empty `address` is every address."""

    address: str
    port: str
    target: str

    @property
    def loopback(self) -> bool:
        return self.address.startswith("127.") or self.address in ("::1", "localhost")

    def __str__(self) -> str:
        return ":".join(filter(None, (self.address, self.port, self.target)))


class Service(msgspec.Struct, frozen=True):
    """One service of production. Texts are empty if not set; `healthcheck` is on, off or empty.

    `once`: it exits after its work. `database`: by its image's name.
    """

    name: str
    image: str = ""
    built: bool = False
    database: bool = False
    once: bool = False
    mounts: tuple[Mount, ...] = ()
    ports: tuple[Published, ...] = ()
    host_network: bool = False
    healthcheck: str = ""
    stop_grace_period: str = ""
    stop_signal: str = ""
    restart: str = ""
    user: str = ""


class Production(msgspec.Struct, frozen=True):
    """The services of the slots (one if both are derived from it), and the others."""

    slots: tuple[Service, ...]
    others: tuple[Service, ...] = ()


class Build(msgspec.Struct, frozen=True):
    """The source of the slots' image; paths are relative to the repository. `inline` is the Dockerfile's own text."""

    context: str
    dockerfile: str
    inline: str = ""
    target: str = ""
    args: Mapping[str, str] = {}
    contexts: tuple[str, ...] = ()


class ProductionPaths(msgspec.Struct, frozen=True):
    """The file's folder in the repository, the repository's path on the host, and the tag's files."""

    folder: str
    root: str
    files: Collection[str]

    def here(self, text: str) -> str:
        """The text with `$PWD` replaced by the repository's root, where compose runs."""
        return _HERE.sub(lambda _found: self.root, text)

    def inside(self, path: str) -> str | None:
        """A path of the file, relative to the repository: `.` is its root, `..` a folder above; None if elsewhere."""
        path = self.here(path)
        if path.startswith("/"):
            path = posixpath.normpath(path)
            if f"{self.root}/".startswith(f"{path.rstrip('/')}/") and path != self.root:
                return ".."
            if path != self.root and not path.startswith(f"{self.root}/"):
                return None
            return path[len(self.root) :].lstrip("/") or "."
        if path.startswith("~") or "$" in path:
            return None
        joined = posixpath.normpath(posixpath.join(self.folder, path))
        return joined if set(joined.split("/")) == {".."} or not joined.startswith("../") else None

    def tracked(self, path: str) -> bool:
        """True if the tag has that file, or a file in that folder other than a placeholder such as .gitkeep."""
        below = f"{path}/"
        return path in self.files or any(
            f.startswith(below) and posixpath.basename(f) not in PLACEHOLDERS for f in self.files
        )


def resolved(document: object) -> Document:
    """The document with defaults filled in, and in the long form where l9 needs it.

    Raises ValueError with the problem, or with the feature that only compose resolves.
    """
    found = _Filler().fill(document)
    if not isinstance(found, dict) or not isinstance(found.get("services") or {}, dict):
        raise ValueError("it is not a mapping with services")  # noqa: TRY004
    if found.get("include"):
        raise ValueError("it includes other files, which only compose resolves")
    known = found.get("services") or {}
    return {**found, "services": {str(name): _service(str(name), known) for name in known}}


class _Filler:
    """Fills in the defaults of every text; refuses documents whose aliases expand without limit."""

    def __init__(self) -> None:
        self.nodes = 0

    def fill(self, node: object) -> Any:
        self.nodes += 1
        if self.nodes > _MOST_NODES:
            raise ValueError(f"more than {_MOST_NODES} entries in it")
        if isinstance(node, dict):
            return {str(key): self.fill(value) for key, value in node.items()}
        if isinstance(node, list):
            return [self.fill(value) for value in node]
        return fill(node, {}) if isinstance(node, str) else node


def _service(name: str, known: Mapping[str, Any], seen: tuple[str, ...] = ()) -> Document:
    """A service merged with the one that it extends, with `depends_on` in the long form."""
    if name in seen:
        raise ValueError(f"service {name} extends itself")
    own: Any = {} if known[name] is None else known[name]
    if not isinstance(own, dict):
        raise ValueError(f"service {name} is not a mapping")  # noqa: TRY004
    extends = own.get("extends")
    if extends is not None:
        wanted = extends if isinstance(extends, dict) else {"service": extends}
        if wanted.get("file"):
            raise ValueError(f"service {name} extends a service of another file, which only compose resolves")
        if wanted.get("service") not in known:
            raise ValueError(f"service {name} extends {wanted.get('service')}, which does not exist")
        base = {
            k: v
            for k, v in _service(str(wanted["service"]), known, (*seen, name)).items()
            if k != "depends_on"
        }
        own = _merged(base, {k: v for k, v in own.items() if k != "extends"})
    return {**own, "depends_on": _conditions(own.get("depends_on"))}


def _conditions(depends: object) -> dict[str, Any]:
    """`depends_on` in the long form."""
    if isinstance(depends, list):
        return {str(other): {} for other in depends}
    if isinstance(depends, dict):
        return {str(other): how if isinstance(how, dict) else {} for other, how in depends.items()}
    return {}


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> Document:
    """Merge as compose does, as far as needed: mappings merge, ports and volumes add up, the rest is replaced."""
    found = dict(base)
    for key, value in own.items():
        before = found.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            found[key] = _merged(before, value)
        elif key in ("ports", "volumes") and isinstance(before, list) and isinstance(value, list):
            found[key] = before + value
        else:
            found[key] = value
    return found


def production(
    document: Document, chosen: Chosen, others: Collection[str], places: ProductionPaths
) -> Production:
    """The services of production in a resolved document. Raises ValueError for an invalid compose file."""
    build = build_of(document, chosen, places)
    context = build.context if build else None
    slots = dict.fromkeys((chosen.blue, chosen.green))
    return Production(
        tuple(_read(document, name, places, context) for name in slots),
        tuple(_read(document, name, places, context) for name in others),
    )


def build_of(document: Document, chosen: Chosen, places: ProductionPaths) -> Build | None:
    """The source of the slots' image; None if it is pulled. Raises ValueError if it is outside the tag."""
    known = services(document)
    found = next((known[n]["build"] for n in (chosen.blue, chosen.green) if known[n].get("build")), None)
    if found is None:
        return None
    build = found if isinstance(found, dict) else {"context": found}
    written = str(build.get("context") or ".")
    if _REMOTE.search(written):
        raise ValueError(f"the build context {written} is in another repository")
    context = places.inside(written)
    if context is None or context.startswith(".."):
        raise ValueError(f"the build context {written} is outside the repository")
    dockerfile = str(build.get("dockerfile") or "Dockerfile")
    path = ProductionPaths(context, places.root, ()).inside(dockerfile)
    if path is None or path.startswith(".."):
        raise ValueError(f"the Dockerfile {dockerfile} is outside the repository")
    return Build(
        context=context,
        dockerfile=path,
        inline=str(build.get("dockerfile_inline") or ""),
        target=str(build.get("target") or ""),
        args=_pairs(build.get("args")),
        contexts=tuple(_pairs(build.get("additional_contexts"))),
    )


def _pairs(given: object) -> dict[str, str]:
    """A mapping, or a list of `KEY=VALUE`; keys without a value come from the environment, and are left out."""
    if isinstance(given, list):
        pairs = (str(entry).partition("=") for entry in given)
        return {key: value for key, is_set, value in pairs if is_set}
    if isinstance(given, dict):
        return {str(key): str(value) for key, value in given.items() if value is not None}
    return {}


def _read(document: Document, name: str, places: ProductionPaths, context: str | None) -> Service:
    service = services(document)[name]
    for key in ("volumes", "ports"):
        if not isinstance(service.get(key) or [], list):
            raise ValueError(f"service {name}: {key} is not a list")  # noqa: TRY004
    mounts = (_mount(entry, places, context) for entry in service.get("volumes") or ())
    return Service(
        name=name,
        image=str(service.get("image") or ""),
        built=bool(service.get("build")),
        database=is_database(service),
        once=is_one_shot(document, name),
        mounts=tuple(mount for mount in mounts if mount),
        ports=tuple(_published(entry) for entry in service.get("ports") or ()),
        host_network=service.get("network_mode") == "host",
        healthcheck=_healthcheck(service.get("healthcheck")),
        stop_grace_period=str(service.get("stop_grace_period") or ""),
        stop_signal=str(service.get("stop_signal") or ""),
        restart=_restart(service),
        user=str(service.get("user") or ""),
    )


def _mount(entry: object, places: ProductionPaths, context: str | None) -> Mount | None:
    """The mount, if its source is a path of the repository."""
    if isinstance(entry, dict):
        source, target = str(entry.get("source") or ""), str(entry.get("target") or "")
        is_path = entry.get("type") == "bind" or source.startswith((".", "/", "~"))
    else:
        source, _, rest = (
            str(entry).replace("${PWD}", places.root).replace("$PWD", places.root).partition(":")
        )
        target = rest.partition(":")[0]
        is_path = bool(rest) and source.startswith((".", "/", "~"))
    inside = places.inside(source) if is_path else None
    if inside is None:
        return None
    above = inside in (".", context) or inside.startswith("..")
    code = above or (context is not None and context.startswith(f"{inside}/"))
    return Mount(inside, target, code) if code or places.tracked(inside) else None


def _published(entry: object) -> Published:
    if isinstance(entry, dict):
        parts = (str(entry.get(key) or "") for key in ("host_ip", "published", "target"))
        return Published(*parts)
    ports = str(entry).partition("/")[0]
    before, _, target = ports.rpartition(":")
    address, _, port = before.rpartition(":")
    return Published(address.strip("[]"), port, target)


def _healthcheck(given: object) -> str:
    if not isinstance(given, dict):
        return ""
    test = given.get("test")
    first = test[0] if isinstance(test, list) and test else test
    if given.get("disable") in (True, "true") or first == "NONE":
        return "off"
    return "on" if test else ""


def _restart(service: Mapping[str, Any]) -> str:
    """The restart policy in the engine's terms; `no` if it is disabled explicitly."""
    restart = service.get("restart")
    if restart is not None:
        return "no" if restart is False else str(restart)
    deploy = service.get("deploy")
    policy = deploy.get("restart_policy") if isinstance(deploy, dict) else None
    condition = policy.get("condition", "any") if isinstance(policy, dict) else ""
    return {"any": "always", "none": "no"}.get(str(condition), str(condition))


def seconds(duration: str) -> float | None:
    """Convert a duration of compose (`1m30s`) to seconds; None if it is invalid."""
    if not _DURATION.fullmatch(duration):
        return None
    units = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)", duration)
    return sum(float(number) * units[unit] for number, unit in parts)
