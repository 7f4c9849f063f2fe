"""Environment variables named in Python code: `os.environ`, `os.getenv`, and the fields of pydantic settings."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from l9.checks.environment.reads import EnvRead


class Config(msgspec.Struct, frozen=True):
    """The naming rules of a settings class. `prefix` is None if it is only known at run time."""

    prefix: str | None = ""
    case_sensitive: bool = False
    nested: str = ""


class Settings(msgspec.Struct, frozen=True):
    """A possible settings class; its bases are not resolved yet."""

    path: str
    node: Any
    bases: tuple[str, ...]
    stated: Mapping[str, Any]


def python_reads(sources: Mapping[str, str]) -> tuple[tuple[EnvRead, ...], tuple[str, ...]]:
    """The variables that these files (path to text) read, and the paths of files that are not valid Python."""
    reads: list[EnvRead] = []
    unread: list[str] = []
    classes: dict[str, Settings] = {}
    for path, text in sources.items():
        try:
            with warnings.catch_warnings():  # no warnings about the project's code, such as invalid escapes
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            unread.append(path)
            continue
        module = _Module(path, tree)
        reads += module.reads()
        classes |= {found.node.name: found for found in module.classes()}
    for name, found in classes.items():
        if _is_settings(name, classes, frozenset()):
            reads += _fields(found, _config(name, classes))
    return tuple(reads), tuple(unread)


class _Module:
    """The names of one file and the objects that they refer to."""

    def __init__(self, path: str, tree: ast.Module) -> None:
        self._path = path
        self._nodes = tuple(ast.walk(tree))
        self._os, self._environ, self._getenv = set[str](), set[str](), set[str]()
        self._texts: dict[str, str] = {}
        for node in self._nodes:
            if isinstance(node, ast.Import):
                self._os |= {alias.asname or alias.name for alias in node.names if alias.name == "os"}
            elif isinstance(node, ast.ImportFrom) and node.module == "os":
                for alias in node.names:
                    known = {"environ": self._environ, "getenv": self._getenv}.get(alias.name, set())
                    known.add(alias.asname or alias.name)
        for name, value in _assignments(tree.body):
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                self._texts[name] = value.value
        for name, value in _assignments(self._nodes):
            if self._is_environ(value):
                self._environ.add(name)

    def reads(self) -> Iterator[EnvRead]:
        """Every place that reads a variable by a statically known name."""
        fallen_back = {
            id(operand)
            for node in self._nodes
            if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or)
            for operand in node.values[:-1]
        }
        for node in self._nodes:
            for key, default in self._read(node):
                if name := self._text(key):
                    where = f"{self._path}:{key.lineno}"
                    yield EnvRead((name,), where, default or id(node) in fallen_back)

    def _read(self, node: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
        """The name expression of a node that reads a variable, and whether the code has a default for it."""
        match node:
            case ast.Subscript(value=value, slice=key, ctx=ast.Load()) if self._is_environ(value):
                yield key, False
            case ast.Call(func=ast.Attribute(value=value, attr=method), args=[key, *more], keywords=named):
                of_environ = method in ("get", "pop", "setdefault") and self._is_environ(value)
                if of_environ or (method == "getenv" and self._is_os(value)):
                    yield key, _falls_back(more, named)
            case ast.Call(func=ast.Name(id=name), args=[key, *more], keywords=named) if name in self._getenv:
                yield key, _falls_back(more, named)
            case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[value]):
                if self._is_environ(value):
                    yield key, True

    def classes(self) -> Iterator[Settings]:
        """All classes, because classes in other files may derive from them."""
        for node in self._nodes:
            if isinstance(node, ast.ClassDef):
                stated = {k.arg: self._stated(k.value) for k in node.keywords if k.arg}
                for name, value in _assignments(node.body):
                    if name == "model_config":
                        stated |= self._keywords(value)
                for inner in node.body:
                    if isinstance(inner, ast.ClassDef) and inner.name == "Config":
                        stated |= {name: self._stated(value) for name, value in _assignments(inner.body)}
                yield Settings(self._path, node, tuple(map(_last_name, node.bases)), stated)

    def _keywords(self, value: ast.expr) -> dict[str, Any]:
        if isinstance(value, ast.Call):
            return {k.arg: self._stated(k.value) for k in value.keywords if k.arg}
        if isinstance(value, ast.Dict):
            pairs = zip(value.keys, value.values, strict=True)
            return {str(k.value): self._stated(v) for k, v in pairs if isinstance(k, ast.Constant)}
        return {}

    def _stated(self, value: ast.expr) -> Any:
        """The value of a constant, or of a name that stands for one; None if it is only known at run time."""
        if isinstance(value, ast.Constant):
            return value.value
        return self._text(value)

    def _text(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        return self._texts.get(node.id) if isinstance(node, ast.Name) else None

    def _is_environ(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self._environ
        return isinstance(node, ast.Attribute) and node.attr == "environ" and self._is_os(node.value)

    def _is_os(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id in self._os


def _falls_back(more: list[ast.expr], named: list[ast.keyword]) -> bool:
    """True if a call has a default other than None."""
    given = (*more, *(keyword.value for keyword in named))
    return any(not (isinstance(g, ast.Constant) and g.value is None) for g in given)


def _assignments(body: Any) -> Iterator[tuple[str, ast.expr]]:
    """Simple assignments of one value to one name."""
    for node in body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def _last_name(node: ast.AST) -> str:
    """`Field` of `pydantic.Field`; empty if it is not a name."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case ast.Subscript(value=value):
            return _last_name(value)
        case _:
            return ""


# ── pydantic settings ────────────────────────────────────────────────────────────────────────────


def _is_settings(name: str, classes: Mapping[str, Settings], seen: frozenset[str]) -> bool:
    if name == "BaseSettings":
        return True
    if name not in classes or name in seen:
        return False
    return any(_is_settings(base, classes, seen | {name}) for base in classes[name].bases)


def _config(name: str, classes: Mapping[str, Settings]) -> Config:
    """A class's own configuration, merged over that of its bases."""
    stated: dict[str, Any] = {}
    todo, seen = [name], set[str]()
    while todo:
        at = todo.pop(0)
        if at in classes and at not in seen:
            stated = {**classes[at].stated, **stated}
            todo += classes[at].bases
            seen.add(at)
    return Config(
        stated.get("env_prefix", ""),
        bool(stated.get("case_sensitive", False)),
        str(stated.get("env_nested_delimiter") or ""),
    )


def _fields(found: Settings, config: Config) -> Iterator[EnvRead]:
    for node in found.node.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        name = node.target.id
        if name.startswith("_") or name == "model_config" or _last_name(node.annotation) == "ClassVar":
            continue
        fields = [call for call in (node.value, *_annotated(node.annotation)) if _is_field(call)]
        names = tuple(alias for call in fields for alias in _aliases(call))
        if not names and config.prefix is None:
            continue
        if not names:
            whole = f"{config.prefix}{name}"
            names = (whole if config.case_sensitive else whole.upper(),)
        where = f"{found.path}:{node.lineno}"
        yield EnvRead(
            names, where, _has_default(node.value, fields), not config.case_sensitive, config.nested
        )


def _annotated(annotation: ast.expr) -> tuple[ast.expr, ...]:
    """The metadata of `Annotated[…]`."""
    inner = annotation.slice if isinstance(annotation, ast.Subscript) else None
    return tuple(inner.elts[1:]) if isinstance(inner, ast.Tuple) else ()


def _is_field(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Call) and _last_name(node.func) == "Field"


def _aliases(call: Any) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg in ("alias", "validation_alias", "env"):
            inside = ast.walk(keyword.value)
            yield from (n.value for n in inside if isinstance(n, ast.Constant) and isinstance(n.value, str))


def _has_default(value: ast.expr | None, fields: list[Any]) -> bool:
    """True if a field is optional: it or its Field has a default."""
    if value is not None and not _is_field(value):
        return not (isinstance(value, ast.Constant) and value.value is ...)
    for call in fields:
        given = [*call.args[:1], *(k.value for k in call.keywords if k.arg in ("default", "default_factory"))]
        if any(not (isinstance(g, ast.Constant) and g.value is ...) for g in given):
            return True
    return False
