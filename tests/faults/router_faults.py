"""Faults of the router: Caddy, its site, its rights, and the flag that it reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from faults.fault import Fault, Lasts
from faults.fault_place import FaultPlace
from hosts.filesystem import CADDYFILE
from l9.core.states import Slot
from l9.drivers.caddy.site import FLAG, label_directory

Do = Callable[[FaultPlace], None]


def _kept(place: FaultPlace) -> Path:
    return place.root / "Caddyfile.kept"


def _reload(place: FaultPlace) -> None:
    place.reload_caddy()


def _with_caddyfile(change: Callable[[str], str]) -> Do:
    def begin(place: FaultPlace) -> None:
        text = place.caddyfile()
        _kept(place).write_text(text, encoding="utf-8")
        place.caddyfile(change(text))
        place.reload_caddy()

    return begin


def _put_back(place: FaultPlace) -> None:
    place.caddyfile(_kept(place).read_text(encoding="utf-8"))
    place.reload_caddy()


def _put_back_and_restart(place: FaultPlace) -> None:
    """Without its admin API, Caddy takes a new file only by a new start."""
    place.caddyfile(_kept(place).read_text(encoding="utf-8"))
    place.kill_caddy()
    place.start_caddy()


def _lock_out(place: FaultPlace) -> None:
    place.in_state("").chmod(0o700)


def _let_in(place: FaultPlace) -> None:
    place.in_state("").chmod(0o711)


def _flag(place: FaultPlace) -> Path:
    return place.in_state("route") / FLAG


def _remove_flag(place: FaultPlace) -> None:
    _flag(place).unlink(missing_ok=True)


def _flip_flag(place: FaultPlace) -> None:
    flag = _flag(place)
    flag.unlink() if flag.exists() else flag.touch()


def _flag_folder(place: FaultPlace) -> None:
    _flag(place).unlink(missing_ok=True)
    _flag(place).mkdir()


def _double_label(place: FaultPlace) -> None:
    for slot in Slot:
        (place.in_state("route") / label_directory(slot) / "v9.9.9-l9").touch()


ROUTE = ("route", "Caddy", "answer", "blue", "green")
FAULTS = (
    Fault("caddy-reloaded", "Caddy reloaded", _reload, names=ROUTE),
    Fault(
        "site-replaced",
        "the site replaced by the distribution's, for 3 s",
        _with_caddyfile(lambda _: CADDYFILE),
        _put_back,
        Lasts.WHILE,
        3.0,
        cuts=True,
        names=ROUTE,
    ),
    Fault(
        "admin-off",
        "Caddy's admin API off, for 3 s",
        _with_caddyfile(lambda text: "{\n\tadmin off\n}\n" + text),
        _put_back_and_restart,
        Lasts.WHILE,
        3.0,
        cuts=True,
        names=ROUTE,
    ),
    Fault(
        "caddy-locked-out",
        "Caddy's user may not read the flag, for 3 s",
        _lock_out,
        _let_in,
        Lasts.WHILE,
        3.0,
        cuts=True,
        names=ROUTE,
    ),
    Fault("flag-removed", "the flag removed", _remove_flag, cuts=True, stays=True, names=ROUTE),
    Fault("flag-flipped", "the flag flipped", _flip_flag, cuts=True, stays=True, names=ROUTE),
    Fault("flag-a-folder", "the flag replaced by a folder", _flag_folder, cuts=True, stays=True, names=ROUTE),
    Fault(
        "label-doubled",
        "a second release's name beside the slot's",
        _double_label,
        names=(*ROUTE, "label", "v9.9.9"),
    ),
)
