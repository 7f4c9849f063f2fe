"""An operator who reads what l9 prints, and types the next command that it names."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from l9.errors import L9Error
from l9.host import queries

from .host import World


def said(world: World) -> list[tuple[str, str]]:
    """Return what `l9 status` and `l9 drift` report as not as recorded, each with the next command."""
    found: list[tuple[str, str]] = []
    for ask in (_status, _drift):
        try:
            found += ask(world)
        except L9Error as error:
            found.append((str(error), error.remedy))
    return found


def _status(world: World) -> Iterator[tuple[str, str]]:
    status = queries.status(world.runs())
    if status.public is not None:
        yield status.public.found, status.public.remedy
    if status.run is not None and status.run.state == "interrupted":
        yield "a run was interrupted", "l9 resume"


def _drift(world: World) -> Iterator[tuple[str, str]]:
    for one in queries.drift(world.runs()).drift:
        yield one.found, one.remedy


def types(world: World, command: str) -> None:
    """Type a command. Those that only show something, or that a person needs an editor for, do nothing here."""
    match shlex.split(command):
        case ["l9", "resume"]:
            world.resume()
        case ["l9", "provision"]:
            world.provision()
        case ["l9", "rollback", *rest]:
            tags = [word for word in rest if not word.startswith("--")]
            world.rollback(tags[0] if tags else None, rebuild="--rebuild" in rest)
        case ["l9", "deploy", tag, *_]:
            world.deploy(tag)
        case _:
            pass


def attempt(act: Callable[[], object]) -> L9Error | None:
    """Do it, and return the error that it was refused with."""
    try:
        act()
    except L9Error as error:
        return error
    return None
