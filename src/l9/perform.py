"""From actions to the ports: the only writer. Performing an action twice does no more than once."""

from __future__ import annotations

from l9.config.model import Config
from l9.core import actions as do
from l9.core.run import Run
from l9.core.states import Slot
from l9.errors import ActionError, NoAnswer
from l9.observe import HostObserver, HostPorts
from l9.ports import Repo, Say


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
                source.remove_tree(tag)
            case do.BuildImage(tag=tag, commit=commit):
                return f"image {runtime.build(tag, commit, self._say).digest}"
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
                self._leave(run, slot)
                runtime.pause(slot, release)
            case do.RecycleSlot(slot=slot, release=release):
                self._refuse_live(slot)
                runtime.stop(slot, release)
                runtime.wake(slot, release)
                return self._until_healthy(slot)
            case do.SwitchRoute(to=to):
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

    def _leave(self, run: Run, slot: Slot) -> None:
        """Before a slot that users may still be on goes: wait until its requests have ended, or the grace is over."""
        if run.old is not None:
            self._refuse_live(slot)
        if not run.switched or slot is not run.new:
            return
        clock, until, quiet = self._ports.clock, self._ports.clock.now() + self._config.drain.grace, 0
        while quiet < 3 and clock.now() < until:
            quiet = quiet + 1 if not self._ports.router.in_flight(slot)[0] else 0
            clock.sleep(0.05)

    def _until_healthy(self, slot: Slot) -> str:
        clock, health = self._ports.clock, self._config.health
        began = clock.now()
        while clock.now() - began < health.deadline:
            try:
                url = self._observer.slot_url(slot) + health.path
                headers = self._observer.public_host()
                if self._ports.http.request("GET", url, headers=headers, timeout=1).status in health.status:
                    return f"healthy again after {clock.now() - began:.1f} s"
            except NoAnswer:
                pass
            clock.sleep(0.05)
        return f"not healthy within {health.deadline:g} s; it stands by as it is"

    def _record(self, run: Run, tag: str, commit: str) -> str:
        at = self._ports.source.checkout(tag)
        who = {"deploy": "deployed", "rollback": "rolled_back"}[run.kind]
        stamp = _iso(self._ports.clock.now())
        status = "SUCCESS" if run.kind == "deploy" else "ROLLED_BACK"
        reason = {} if run.kind == "deploy" else {"reason": str(run.settings.get("reason") or "manual")}
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


class RepoPerformer:
    """Performs the actions of workspace and repository."""

    def __init__(self, repo: Repo, say: Say) -> None:
        self._repo = repo
        self._say = say

    def __call__(self, _run: Run, action: do.AnyAction) -> str:
        """As for the host."""
        match action:
            case do.RunTests(tag=tag):
                result = self._repo.test(tag, self._say)
                return f"exit code {result.exit_code} after {result.seconds:.1f} s"
            case do.Push(tag=tag):
                return self._repo.push(tag)
            case _:
                raise ActionError(
                    f"{action} belongs to the host", expected="a local action", found=str(action)
                )


def _iso(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
