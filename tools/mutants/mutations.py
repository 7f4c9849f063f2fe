"""The mutations of one module: each a small change of its syntax tree that a test should notice.

Texts are left alone: what a message says is judged by tests that read messages, not by whether it differs.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
}  # fmt: skip
NAMES = {"max": "min", "min": "max", "any": "all", "all": "any"}
OUTCOMES = {
    "REFUSED": "FAIL_STATE",
    "ROLLED_BACK": "REFUSED",
    "FAIL_STATE": "ROLLED_BACK",
    "SUCCESS": "REFUSED",
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Mutant:
    """`where` is the outermost function, or empty at the module's level, `first` its first line; `line` and `end`
    are those of what changes; `tree` is the mutated module."""

    module: str
    where: str
    first: int
    line: int
    end: int
    change: str
    tree: ast.Module

    @property
    def key(self) -> str:
        """What names it in the list of equivalent mutants; it does not change with line numbers."""
        return f"{self.module} | {self.where or 'module'} | {self.change}"


def mutants(path: Path, module: str) -> Iterator[Mutant]:
    """Yield the module's mutants."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    seen: set[str] = set()
    for place, steps in _places(tree):
        where, first = _function(tree, steps)
        for change, make in _changes(place, steps[-1][0] if steps else None):
            other = copy.deepcopy(tree)
            make(other, steps)
            span = place.iter if isinstance(place, ast.comprehension) else place
            line = getattr(span, "lineno", first)
            end = getattr(span, "end_lineno", line)
            mutant = Mutant(module, where, first, line, end, change, ast.fix_missing_locations(other))
            count = sum(key.startswith(mutant.key) for key in seen)
            if count:  # the same change elsewhere in the function
                mutant = replace(mutant, change=f"{change} (no. {count + 1})")
            seen.add(mutant.key)
            yield mutant


Make = Callable[[ast.Module, "Steps"], object]
Steps = tuple[tuple[str, int | None], ...]


def _places(node: ast.AST, steps: Steps = ()) -> Iterator[tuple[ast.AST, Steps]]:
    """Yield each node that runs, with the way to it; annotations, decorators and docstrings are left out."""
    yield node, steps
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "keywords") and not isinstance(
            node, ast.Call
        ):
            continue
        if isinstance(value, ast.AST):
            yield from _places(value, (*steps, (name, None)))
        elif isinstance(value, list):
            for number, one in enumerate(value):
                if isinstance(one, ast.AST) and not _text(one):
                    yield from _places(one, (*steps, (name, number)))


def _text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _at(tree: ast.AST, steps: Steps) -> ast.AST:
    for name, number in steps:
        value = getattr(tree, name)
        tree = value if number is None else value[number]
    return tree


def _put(tree: ast.AST, steps: Steps, new: ast.AST) -> None:
    name, number = steps[-1]
    owner = _at(tree, steps[:-1])
    if number is None:
        setattr(owner, name, new)
    else:
        getattr(owner, name)[number] = new


def _function(tree: ast.AST, steps: Steps) -> tuple[str, int]:
    """Return the qualified name and the first line of the outermost function around a node.

    A parameter's default is the module's: it is made when the function is, and is no part of its code.
    """
    if any(name in ("defaults", "kw_defaults") for name, _ in steps):
        return "", 0
    names: list[str] = []
    node = tree
    for name, number in steps:
        value = getattr(node, name)
        node = value if number is None else value[number]
        if isinstance(node, ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, FUNCTIONS):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            return ".".join([*names, node.name]), first
    return "", 0


def _changes(node: ast.AST, name: str | None) -> Iterator[tuple[str, Make]]:
    """Yield (what changes, how to make it) of one node, which is in the field `name` of its parent."""
    if isinstance(node, ast.Tuple):
        for number, one in enumerate(node.elts if _has_parts(node, name) else ()):
            yield (
                f"without: {_shown(one)}",
                lambda tree, steps, number=number: _at(tree, steps).elts.pop(number),
            )
    for before, after in _replacements(node):
        old, new = (one.test if isinstance(one, ast.If) else one for one in (before, after))
        text = f"{_shown(old)} -> {_shown(new)}"
        yield text, lambda tree, steps, after=after: _put(tree, steps, copy.deepcopy(after))
    if isinstance(node, ast.Match) and len(node.cases) > 1:
        for number, case in enumerate(node.cases):
            yield (
                f"without: case {_shown(case.pattern)}",
                (lambda tree, steps, number=number: _at(tree, steps).cases.pop(number)),
            )


def _shown(one: ast.AST) -> str:
    text = " ".join(ast.unparse(one).split())
    return text if len(text) <= 120 else f"{text[:90]}... {text[-27:]}"


def _has_parts(node: ast.Tuple, name: str | None) -> bool:
    return isinstance(node.ctx, ast.Load) and name != "slice" and not all(map(_is_text, node.elts))


def _replacements(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARE:
            yield node, ast.Compare(node.left, [COMPARE[type(op)]()], node.comparators)
        case ast.BoolOp(values=values):
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield node, ast.BoolOp(other, values)
            for left in _without_one(values):
                yield node, left[0] if len(left) == 1 else ast.BoolOp(node.op, left)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield node, operand
        case ast.BinOp(op=op) if type(op) in ARITHMETIC and not _texts(node):
            yield node, ast.BinOp(node.left, ARITHMETIC[type(op)](), node.right)
        case ast.If(test=test):
            yield node, ast.If(ast.UnaryOp(ast.Not(), test), node.body, node.orelse)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield node, ast.IfExp(test, orelse, body)
        case ast.comprehension(ifs=ifs) if ifs:
            for left in _without_one(ifs):
                yield node, ast.comprehension(node.target, node.iter, left, node.is_async)
        case ast.Constant(value=bool() as value):
            yield node, ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield node, ast.Constant(value + 1)
        case ast.Return(value=ast.AST() as value) if ast.unparse(value) != "None":
            yield node, ast.Return(ast.Constant(None))
        case ast.Name(id=name) if name in NAMES:
            yield node, ast.Name(NAMES[name], node.ctx)
        case ast.Attribute(value=ast.Name(id="State"), attr=attr) if attr in OUTCOMES:
            yield node, ast.Attribute(node.value, OUTCOMES[attr], node.ctx)


def _without_one(many: list) -> Iterator[list]:
    for number in range(len(many)):
        yield [one for n, one in enumerate(many) if n != number]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _texts(node: ast.BinOp) -> bool:
    """Texts that are put together, and types that are united, are no arithmetic."""
    return any(_is_text(one) for one in ast.walk(node))
