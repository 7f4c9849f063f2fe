"""The actions of a run on a repository or a host, each with its undo.

An action is data. It is journalled before it is performed, and it is idempotent. `undo` returns the action that
reverses it, or None where there is nothing to reverse.

>>> launch = StartSlot(slot=Slot.GREEN, release="v1.2.0")
>>> str(launch)
'start-slot slot=green release=v1.2.0'
>>> str(launch.undo())
'remove-slot slot=green release=v1.2.0'
>>> Push(tag="v1.2.0").undo() is None
True
"""

from __future__ import annotations

import msgspec

from l9.core.states import Slot, SlotStatus, Stage


class Action(msgspec.Struct, frozen=True, tag_field="do", kw_only=True):
    """Base of all actions."""

    def undo(self) -> AnyAction | None:
        return None

    def __str__(self) -> str:
        given = {k: v for k, v in msgspec.structs.asdict(self).items() if v not in ("", False)}
        fields = (
            k if v is True else f"{k}={','.join(v) if isinstance(v, tuple) else v}" for k, v in given.items()
        )
        return " ".join((str(self.__struct_config__.tag), *fields))


class RunStage(Action, frozen=True, tag="run-stage"):
    """Run one stage of CGMP on the tag's own tree (spec 2.1), unless it ran on exactly this content."""

    tag: str
    stage: Stage


class Push(Action, frozen=True, tag="push"):
    """Push main and the tag to origin in one atomic push (spec 6.1 phase 2)."""

    tag: str


class FetchTag(Action, frozen=True, tag="fetch-tag"):
    """Fetch main and the tag on the host (spec 5.1 step 1)."""

    tag: str


class AddTree(Action, frozen=True, tag="add-tree"):
    """Write the tag's tree into its own directory; the live checkout does not change."""

    tag: str
    created_by_run: bool = True

    def undo(self) -> AnyAction | None:
        return RemoveTree(tag=self.tag) if self.created_by_run else None


class RemoveTree(Action, frozen=True, tag="remove-tree"):
    """Remove the tree and the snapshots of a release."""

    tag: str


class ReadSettings(Action, frozen=True, tag="read-settings"):
    """Read the release's own settings from its tag, once, and store them with the release.

    `blob` is the expected git blob of the file (empty: not checked). `RemoveTree` removes them with the tree.
    """

    tag: str
    blob: str = ""


class WriteEnv(Action, frozen=True, tag="write-env"):
    """Write the environment that the operator resolved to the host's env file; the old file is kept for rollback."""

    run: str

    def undo(self) -> AnyAction | None:
        return RestoreEnv(run=self.run)


class RestoreEnv(Action, frozen=True, tag="restore-env"):
    """Restore the env file from before the run; remove it where there was none."""

    run: str


class BuildImage(Action, frozen=True, tag="build-image"):
    """Build or pull the release's image and keep its compose and env snapshots (spec 5.1 step 4).

    no_cache: build even if the image exists, without the build cache.
    """

    tag: str
    commit: str
    no_cache: bool = False


class StartServices(Action, frozen=True, tag="start-services"):
    """Start the project's other services that are not running; never restart a running one."""

    tag: str


class EvictSlot(Action, frozen=True, tag="evict-slot"):
    """Free a slot: stop the release in it and keep it under the release's name."""

    slot: Slot
    release: str

    def undo(self) -> AnyAction | None:
        return RestoreSlot(slot=self.slot, release=self.release)


class RestoreSlot(Action, frozen=True, tag="restore-slot"):
    """Move an evicted release back into its slot, stopped."""

    slot: Slot
    release: str


class StartSlot(Action, frozen=True, tag="start-slot"):
    """Create and start a release in a slot from its image and snapshots (spec 5.1 step 5)."""

    slot: Slot
    release: str

    def undo(self) -> AnyAction | None:
        return RemoveSlot(slot=self.slot, release=self.release)


class RemoveSlot(Action, frozen=True, tag="remove-slot"):
    """Stop and remove the slot's container, if it runs that release."""

    slot: Slot
    release: str


class WakeSlot(Action, frozen=True, tag="wake-slot"):
    """Unpause or start a release that is still in its slot."""

    slot: Slot
    release: str
    was: SlotStatus = SlotStatus.PAUSED

    def undo(self) -> AnyAction | None:
        if self.was is SlotStatus.PAUSED:
            return PauseSlot(slot=self.slot, release=self.release)
        return StopSlot(slot=self.slot, release=self.release)


class StopSlot(Action, frozen=True, tag="stop-slot"):
    """Stop a slot gracefully and keep it (spec 5.1 step 8): its standby time is over, or its users were moved away."""

    slot: Slot
    release: str


class SwitchRoute(Action, frozen=True, tag="switch-route"):
    """Send public traffic to a slot: the one commit point (spec 5.1 step 7)."""

    to: Slot
    back: Slot

    def undo(self) -> AnyAction | None:
        return SwitchRoute(to=self.back, back=self.to)


class RecycleSlot(Action, frozen=True, tag="recycle-slot"):
    """Restart the old slot gracefully: open streams end, and their clients reconnect to the new slot."""

    slot: Slot
    release: str


class PauseSlot(Action, frozen=True, tag="pause-slot"):
    """Pause a slot as standby: frozen with its memory, ready to wake."""

    slot: Slot
    release: str

    def undo(self) -> AnyAction | None:
        return WakeSlot(slot=self.slot, release=self.release, was=SlotStatus.PAUSED)


class RecordRelease(Action, frozen=True, tag="record-release"):
    """Move the host's checkout to the live tag; write `.deployed-tag` and `.deployed-metadata.json`.

    No undo: no later step rolls a release back.
    """

    tag: str
    commit: str


class Prune(Action, frozen=True, tag="prune"):
    """Remove only what l9 itself created for releases that are not retained."""

    keep: tuple[str, ...]


AnyAction = (
    RunStage
    | Push
    | FetchTag
    | AddTree
    | RemoveTree
    | ReadSettings
    | WriteEnv
    | RestoreEnv
    | BuildImage
    | StartServices
    | EvictSlot
    | RestoreSlot
    | StartSlot
    | RemoveSlot
    | WakeSlot
    | StopSlot
    | SwitchRoute
    | RecycleSlot
    | PauseSlot
    | RecordRelease
    | Prune
)
