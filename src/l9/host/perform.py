"""From actions to the ports: the only writer. Performing an action twice does no more than once."""

from __future__ import annotations

from l9.checks.host.facts import SmokeResult
from l9.config.model import Config
from l9.core import actions as do
from l9.core.ports import Say
from l9.core.run import Run
from l9.core.states import Kind, Slot
from l9.errors import ActionError
from l9.host.observe import HostObserver, HostPorts


class HostPerformer:
    """Performs the host's actions for one run. `say` takes the lines of long ones."""

    def __init__(self, ports: HostPorts, config: Config, observer: HostObserver, say: Say) -> None:
        self._ports = ports
        self._config = config
        self._observer = observer
        self._say = say

    def __call__(self, run: Run, action: do.AnyAction) -> str:
        """Perform; what came of it in one line. Raises L9Error when it could not be done."""
        runtime, router, source = self._ports.runtime, self._ports.router, self._ports.source
        match action:
            case do.FetchTag(tag=tag):
                return source.fetch(tag)
            case do.AddTree(tag=tag):
                return source.add_tree(tag)
            case do.RemoveTree(tag=tag):
                self._refuse_standing(tag)
                source.remove_tree(tag)
            case do.ReadSettings(tag=tag, blob=blob):
                return self._ports.settings.keep(tag, blob)
            case do.WriteEnv(run=of):
                return self._ports.env.write(of)
            case do.RestoreEnv(run=of):
                self._ports.env.restore(of)
            case do.BuildImage(tag=tag, commit=commit, anew=anew):
                return f"image {runtime.build(tag, commit, self._say, anew=anew).digest}"
            case do.StartServices(tag=tag):
                runtime.start_services(tag, self._say)
            case do.EvictSlot(slot=slot, release=release):
                runtime.evict(slot, release)
            case do.RestoreSlot(slot=slot, release=release):
                runtime.restore(slot, release)
            case do.StartSlot(slot=slot, release=release):
                router.label(slot, release)
                return runtime.start(slot, release)
            case do.WakeSlot(slot=slot, release=release):
                router.label(slot, release)
                return runtime.wake(slot, release)
            case do.RemoveSlot(slot=slot, release=release):
                self._leave(run, slot)
                runtime.remove(slot, release)
            case do.StopSlot(slot=slot, release=release):
                self._leave(run, slot)
                runtime.stop(slot, release)
            case do.PauseSlot(slot=slot, release=release):
                if self._leave(run, slot):
                    return runtime.pause(slot, release)
                runtime.stop(slot, release)  # a paused stream hangs for ever
            case do.RecycleSlot(slot=slot, release=release):
                self._refuse_live(slot)
                runtime.stop(slot, release)
                runtime.wake(slot, release)
                return self._stands_by(slot)
            case do.SwitchRoute(to=to):
                self._make_ready(run, to)
                router.switch(to)
                return f"traffic goes to {to}"
            case do.RecordRelease(tag=tag, commit=commit):
                return self._record(run, tag, commit)
            case do.Prune(keep=keep):
                return runtime.prune(keep)
            case _:
                raise ActionError(
                    f"{action} is no action of the host's", expected="one of the table's", found=str(action)
                )
        return "done"

    def _refuse_live(self, slot: Slot) -> None:
        if self._ports.router.active() is slot:
            raise ActionError(
                f"slot {slot} is live",
                expected="an idle slot",
                found="public traffic goes to it",
                remedy="l9 status",
            )

    def _refuse_standing(self, tag: str) -> None:
        slots = self._ports.runtime.slots()
        for slot in Slot:
            if slots[slot].release == tag:
                raise ActionError(
                    f"{tag} still stands in {slot}",
                    expected="a release that stands in no slot",
                    found=slots[slot].status,
                    remedy="l9 status",
                )

    def _leave(self, run: Run, slot: Slot) -> bool:
        """Before a slot that users may still be on goes: wait until its requests have ended, or the grace is over.

        Whether nothing was left open on it.
        """
        if run.old is not None:
            self._refuse_live(slot)
        if not run.switched or slot is not run.new:
            return True
        clock, until, quiet = self._ports.clock, self._ports.clock.now() + self._config.drain.grace, 0
        streams = 0
        while quiet < 3 and clock.now() < until:
            requests, streams = self._ports.router.in_flight(slot)
            quiet = quiet + 1 if requests == 0 else 0
            clock.sleep(0.05)
        return quiet >= 3 and not streams

    def _make_ready(self, run: Run, slot: Slot) -> None:
        """Users are sent to a slot that answers healthily, or not at all; a run may have slept since its gates.

        On the way back the old slot is started again where it ended, and waited for. Of two sick slots the
        known one is taken, as when the database that both need is away.
        """
        patience = self._config.health.timeout
        if run.going_back:
            if run.previous is None or slot is not run.old:
                return
            self._ports.runtime.wake(slot, run.previous)
            standing = self._ports.runtime.slots()[slot]
            if standing.started_at > run.started_at:
                patience = self._config.health.deadline
        answer = self._until_healthy(slot, patience)
        if answer.ok or (run.going_back and not self._observer.healthy(slot.other).ok):
            return
        raise ActionError(
            f"slot {slot} is not healthy", expected=answer.expected, found=answer.found, remedy="l9 status"
        )

    def _until_healthy(self, slot: Slot, patience: float) -> SmokeResult:
        """The first healthy answer, or the last one when so many seconds are over."""
        clock = self._ports.clock
        until = clock.now() + patience
        while not (answer := self._observer.healthy(slot)).ok and clock.now() < until:
            clock.sleep(0.05)
        return answer

    def _stands_by(self, slot: Slot) -> str:
        began, deadline = self._ports.clock.now(), self._config.health.deadline
        if self._until_healthy(slot, deadline).ok:
            return f"healthy again after {self._ports.clock.now() - began:.1f} s"
        return f"not healthy within {deadline:g} s; it stands by as it is"

    def _record(self, run: Run, tag: str, commit: str) -> str:
        at = self._ports.source.checkout(tag)
        back = run.kind is Kind.ROLLBACK
        who, status = ("rolled_back", "ROLLED_BACK") if back else ("deployed", "SUCCESS")
        stamp = _iso(self._ports.clock.now())
        reason = {"reason": run.reason or "manual"} if back else {}
        self._ports.record.write(
            {
                "deployed_tag": tag,
                f"{who}_at": stamp,
                f"{who}_by": run.who,
                "commit": commit,
                "status": status,
                **reason,
                "run": run.id,
                "slot": str(run.new),
                "previous_tag": run.previous,
            }
        )
        return f"checkout on {at[:12]}"


def _iso(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
