"""Faults of files and of the disk."""

from __future__ import annotations

from collections.abc import Callable

from e2e.host_place import PATH
from faults.fault import Fault, Lasts
from faults.fault_place import FaultPlace

Do = Callable[[FaultPlace], None]


def _env_gone(place: FaultPlace) -> None:
    place.sh('mv "$1/.env" "$1/../env.kept"', PATH)


def _env_folder(place: FaultPlace) -> None:
    _env_gone(place)
    place.sh('mkdir "$1/.env"', PATH)


def _env_back(place: FaultPlace) -> None:
    place.sh('rmdir "$1/.env" 2>/dev/null; test -e "$1/.env" || mv "$1/../env.kept" "$1/.env"', PATH)


def _fill_disk(place: FaultPlace) -> None:
    """Take every byte: first in one piece, then in ever smaller ones."""
    place.sh(
        'cd "$1"; for size in 1M 512; do dd if=/dev/zero of=fill$size bs=$size 2>/dev/null; done; sync .',
        PATH,
    )


def _fill_inodes(place: FaultPlace) -> None:
    script = 'mkdir "$1/fill"; cd "$1/fill" && for n in $(seq 7000); do true >"$n" || break; done 2>/dev/null; true'
    place.sh(script, PATH)


def _empty_disk(place: FaultPlace) -> None:
    place.sh('rm -rf "$1"/fill*', PATH)


def _immutable(flag: str, *names: str) -> Do:
    def change(place: FaultPlace) -> None:
        for name in names:
            place.sh('chattr -R -f "$1" "$2"', flag, f"{PATH}/{name}", check=False)

    return change


def _edit_checkout(place: FaultPlace) -> None:
    with place.host.path(f"{PATH}/README.md").open("a", encoding="utf-8") as file:
        file.write("edited by hand\n")


def _checkout_back(place: FaultPlace) -> None:
    place.sh('git -C "$1" checkout --quiet HEAD -- README.md', PATH, check=False)


FAULTS = (
    Fault(
        "env-gone",
        ".env gone",
        _env_gone,
        _env_back,
        Lasts.COMMAND,
        names=(".env", "environment", "is not set"),
    ),
    Fault(
        "env-a-folder", ".env a folder", _env_folder, _env_back, Lasts.COMMAND, names=(".env", "environment")
    ),
    Fault(
        "checkout-edited",
        "a file of the checkout edited",
        _edit_checkout,
        _checkout_back,
        Lasts.COMMAND,
        names=("README.md", "edit", "checkout"),
    ),
    Fault(
        "disk-full", "the disk full", _fill_disk, _empty_disk, Lasts.COMMAND, names=("disk", "space", "full")
    ),
    Fault(
        "disk-full-for-3-s",
        "the disk full, for 3 s",
        _fill_disk,
        _empty_disk,
        Lasts.WHILE,
        3.0,
        names=("disk", "space", "full"),
    ),
    Fault(
        "inodes-full",
        "no inode left",
        _fill_inodes,
        _empty_disk,
        Lasts.COMMAND,
        names=("disk", "space", "inode", "full"),
    ),
    Fault(
        "state-immutable",
        "the state's directory immutable",
        _immutable("+i", ".l9"),
        _immutable("-i", ".l9"),
        Lasts.COMMAND,
        names=("write", "permitted", "permission", "journal", "disk"),
    ),
    Fault(
        "journal-immutable",
        "the journal immutable",
        _immutable("+i", ".l9/journal.jsonl"),
        _immutable("-i", ".l9/journal.jsonl"),
        Lasts.COMMAND,
        names=("write", "permitted", "permission", "journal", "disk"),
    ),
)
