"""What may be done to a host or a repository. Each action stands beside its undo.

An action is data: it is journalled before it is performed, and performing it twice does no more than
performing it once. `undo` gives the action that takes it back, or None where there is nothing to take back.
"""

from __future__ import annotations

import msgspec

from l9.core.states import Slot, SlotStatus, Stage


class Action(msgspec.Struct, frozen=True, tag_field="do", kw_only=True):
    """Base of all actions."""

    def undo(self) -> AnyAction | None:
        return None

    def __str__(self) -> str:
        given = {k: v for k, v in msgspec.structs.asdict(self).items() if v not in ("", None, False)}
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
    """Write the tag's tree into a directory of its own, so that the live checkout stays as it is."""

    tag: str
    created_by_run: bool = True

    def undo(self) -> AnyAction | None:
        return RemoveTree(tag=self.tag) if self.created_by_run else None


class RemoveTree(Action, frozen=True, tag="remove-tree"):
    """Take the tree and the snapshots of a release away."""

    tag: str


class ReadSettings(Action, frozen=True, tag="read-settings"):
    """Read the release's own settings from its tag, once, and keep them with the release.

    `blob` is the git blob that the file must be; empty where nobody said. Its undo is that of `AddTree`.
    """

    tag: str
    blob: str = ""


class WriteEnv(Action, frozen=True, tag="write-env"):
    """Make what the run's operator resolved the host's environment file; what was there is kept for the way back."""

    run: str

    def undo(self) -> AnyAction | None:
        return RestoreEnv(run=self.run)


class RestoreEnv(Action, frozen=True, tag="restore-env"):
    """Put the environment file back that was there before the run, or none where there was none."""

    run: str


class BuildImage(Action, frozen=True, tag="build-image"):
    """Build or pull the release's image and keep its compose and env snapshots (spec 5.1 step 4).

    no_cache: build in any case, and from nothing.
    """

    tag: str
    commit: str
    no_cache: bool = False


class StartServices(Action, frozen=True, tag="start-services"):
    """Start the project's other services where they are missing; never restart one that runs."""

    tag: str


class EvictSlot(Action, frozen=True, tag="evict-slot"):
    """Make room in a slot: what stands in it is stopped and kept under its release's name."""

    slot: Slot
    release: str

    def undo(self) -> AnyAction | None:
        return RestoreSlot(slot=self.slot, release=self.release)


class RestoreSlot(Action, frozen=True, tag="restore-slot"):
    """Put a kept release back into its slot, stopped."""

    slot: Slot
    release: str


class StartSlot(Action, frozen=True, tag="start-slot"):
    """Create and start a release in a slot from its image and snapshots (spec 5.1 step 5)."""

    slot: Slot
    release: str

    def undo(self) -> AnyAction | None:
        return RemoveSlot(slot=self.slot, release=self.release)


class RemoveSlot(Action, frozen=True, tag="remove-slot"):
    """Stop and remove what runs in a slot, if it is that release."""

    slot: Slot
    release: str


class WakeSlot(Action, frozen=True, tag="wake-slot"):
    """Bring a release that still stands in its slot back to running: unpause it, or start it."""

    slot: Slot
    release: str
    was: SlotStatus = SlotStatus.PAUSED

    def undo(self) -> AnyAction | None:
        if self.was is SlotStatus.PAUSED:
            return PauseSlot(slot=self.slot, release=self.release)
        return StopSlot(slot=self.slot, release=self.release)


class StopSlot(Action, frozen=True, tag="stop-slot"):
    """Stop a slot gracefully and keep it (spec 5.1 step 8): one that stood by long enough, or that users left."""

    slot: Slot
    release: str


class SwitchRoute(Action, frozen=True, tag="switch-route"):
    """Send public traffic to a slot: the one commit point (spec 5.1 step 7)."""

    to: Slot
    back: Slot

    def undo(self) -> AnyAction | None:
        return SwitchRoute(to=self.back, back=self.to)


class RecycleSlot(Action, frozen=True, tag="recycle-slot"):
    """Restart the old slot gracefully, so that streams still open on it end and their clients reconnect."""

    slot: Slot
    release: str


class PauseSlot(Action, frozen=True, tag="pause-slot"):
    """Put a slot on standby: frozen, with its memory, ready to be woken."""

    slot: Slot
    release: str

    def undo(self) -> AnyAction | None:
        return WakeSlot(slot=self.slot, release=self.release, was=SlotStatus.PAUSED)


class RecordRelease(Action, frozen=True, tag="record-release"):
    """Move the host's checkout to the live tag; write `.deployed-tag` and `.deployed-metadata.json`.

    No undo: nothing that comes after it takes a release back.
    """

    tag: str
    commit: str


class Prune(Action, frozen=True, tag="prune"):
    """Remove what l9 itself made for releases older than those retained; nothing else."""

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
