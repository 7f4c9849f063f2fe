"""All that somebody else, or the machine itself, does to a host: one table that tests draw from."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from l9.errors import ActionError

from .host import World
from .journal import full, read_only

Act = Callable[[World], None]

# What is written where a full, or a read-only disk is in the way: the error of the port that writes it.
OWN_FILES = ("record.", "env.", "settings.")
OTHERS_FILES = ("source.", "runtime.build")
FLAGS = ("router.switch", "router.label", "router.site")


@dataclass(frozen=True)
class Fault:
    """`on` makes it so, `off` ends it; without `off` only a command, or a person, can make it good again.

    between: it does not happen while a run is writing.
    """

    on: Act
    off: Act | None = None
    between: bool = False


def _front(what: str) -> Fault:
    return Fault(lambda w: _put(w, what), lambda w: _put(w, "router"))


def _put(world: World, what: str) -> None:
    world.machine.front = what  # type: ignore[assignment]


def _refuse(world: World, error: OSError, *more: str) -> None:
    said = ActionError("a program failed on the host", expected="exit code 0", found=str(error))
    world.acts.unwritable |= dict.fromkeys((*OWN_FILES, *more), error) | dict.fromkeys(OTHERS_FILES, said)
    world.journal.file.refuses = error


def _read_only(world: World) -> None:
    _refuse(world, read_only(), *FLAGS)
    world.lock.refuses = read_only()


def _writable(world: World) -> None:
    world.acts.unwritable.clear()
    world.journal.file.refuses = world.lock.refuses = None


def _engine_away(world: World) -> None:
    world.acts.refusing["runtime."] = ActionError(
        "Docker is not running",
        expected="an engine",
        found="connection refused on unix:///var/run/docker.sock",
        remedy="systemctl start docker",
    )


def _journal_read_only(world: World) -> None:
    world.journal.file.refuses = PermissionError(errno.EPERM, "Operation not permitted")


def _entries(world: World) -> int:
    return len(list(world.journal.entries()))


def _set_clock(world: World, by: float) -> None:
    world.clock.ahead += by


def _live(act: str) -> Fault:
    return Fault(lambda w: getattr(w.machine, act)(w.machine.active))


def _idle(act: str) -> Fault:
    return Fault(lambda w: getattr(w.machine, act)(w.machine.active.other))


def _set(owner: str, name: str, value: object, after: object) -> Fault:
    return Fault(
        lambda w: setattr(getattr(w, owner), name, value), lambda w: setattr(getattr(w, owner), name, after)
    )


def _env_written(world: World) -> None:
    world.env.values = world.env.values or {"L9_EXECUTOR_API_KEY": "secret"}


FAULTS = {
    "the router is away": _front("nothing"),
    "the router hangs": _front("a deaf router"),
    "another site is in its place": _front("another site"),
    "the router does not read the flag": Fault(
        lambda w: w.machine.stick(w.machine.active), lambda w: w.machine.stick(None)
    ),
    "the router cannot enter the flag's folder": Fault(
        lambda w: w.machine.blindfold(on=True), lambda w: w.machine.blindfold(on=False)
    ),
    "the flag is flipped": Fault(lambda w: w.machine.flip(w.machine.flag.other)),
    "the engine is away": Fault(_engine_away, lambda w: w.acts.refusing.clear()),
    "the record is unreadable": _set("record", "unreadable", True, False),
    "the .env is gone": Fault(lambda w: setattr(w.env, "values", None), _env_written),
    "the .env is a folder": _set("env", "folder", True, False),
    "the disk is full": Fault(lambda w: _refuse(w, full()), _writable),
    "the disk is read-only": Fault(_read_only, _writable),
    "the journal is read-only": Fault(_journal_read_only, _writable),
    "the journal's last line is torn": Fault(lambda w: w.journal.tear(), between=True),
    "the journal is cut": Fault(lambda w: w.journal.restore(_entries(w) * 2 // 3), between=True),
    "the journal is emptied": Fault(lambda w: w.journal.forget(), between=True),
    "the clock is set back": Fault(partial(_set_clock, by=-3600.0)),
    "the clock is set ahead": Fault(partial(_set_clock, by=3600.0)),
    "the machine reboots": Fault(lambda w: w.machine.reboot(), between=True),
    "the live slot is paused": _live("pause"),
    "the live slot is stopped": _live("kill"),
    "the live slot is removed": _live("take_away"),
    "the live slot is restarted": _live("start"),
    "the idle slot is stopped": _idle("kill"),
    "the idle slot is removed": _idle("take_away"),
    "the idle slot is started": _idle("start"),
}


def begin(world: World, name: str) -> None:
    """The fault is there from now on."""
    _happens(world, name, FAULTS[name].on)


def end(world: World, name: str) -> None:
    """The fault is over, if it can end."""
    if (off := FAULTS[name].off) is not None:
        _happens(world, name, off, ending=True)


def _happens(world: World, name: str, act: Act, *, ending: bool = False) -> None:
    with world.monitor.theirs(name, ending=ending):
        act(world)
        if world.lock.held is None:
            world.machine.moved = ""  # nobody is in the middle of an act that it could have crossed
