"""What other people do meanwhile: on the origin, and with commands of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from e2e.host_place import ORIGIN
from e2e.place import l9
from faults.fault import Fault, Lasts, in_runs
from faults.fault_place import FaultPlace

Do = Callable[[FaultPlace], None]


def _tag(place: FaultPlace) -> str:
    return place.scene.new or place.scene.before


def _move_tag(place: FaultPlace) -> None:
    tag = _tag(place)
    (place.root / "tag.kept").write_text(
        f"{tag} {place.origin('rev-parse', f'refs/tags/{tag}')}", encoding="utf-8"
    )
    commit = place.origin("rev-parse", "refs/heads/main~1")
    place.sh(
        'GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@l9.invalid git -C "$1" tag -f -a -m moved "$2" "$3"',
        "/srv/origin.git",
        tag,
        commit,
    )


def _tag_back(place: FaultPlace) -> None:
    tag, old = (place.root / "tag.kept").read_text(encoding="utf-8").split()
    place.origin("update-ref", f"refs/tags/{tag}", old)


def _main_back(place: FaultPlace) -> None:
    (place.root / "main.kept").write_text(place.origin("rev-parse", "refs/heads/main"), encoding="utf-8")
    place.origin("update-ref", "refs/heads/main", "refs/heads/main~1")


def _main_forth(place: FaultPlace) -> None:
    place.origin("update-ref", "refs/heads/main", (place.root / "main.kept").read_text(encoding="utf-8"))


def _rival(*argv: str) -> Do:
    """Another command while the run is held: it must be refused by the lock (exit code 6)."""

    def begin(place: FaultPlace) -> None:
        words = [place.scene.new if word == "NEW" else word for word in argv]
        done: subprocess.CompletedProcess[str] = l9(place, *words)
        place.rivals.append(done)

    return begin


FAULTS = (
    Fault(
        "tag-moved",
        "the tag moved on the origin",
        _move_tag,
        _tag_back,
        Lasts.COMMAND,
        names=("tag", "moved"),
    ),
    Fault(
        "main-pushed-back",
        "main pushed back on the origin",
        _main_back,
        _main_forth,
        Lasts.COMMAND,
        names=("main",),
    ),
    Fault("second-deploy", "a second deploy at once", _rival("deploy", "NEW"), not_applicable=in_runs),
    Fault("second-rollback", "a rollback at once", _rival("rollback"), not_applicable=in_runs),
    Fault(
        "provision-at-once",
        "provisioning at once",
        _rival("provision", "--yes", "--repository", ORIGIN),
        not_applicable=in_runs,
    ),
)
