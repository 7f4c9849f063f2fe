"""From actions to the ports: the only writer; it decides nothing. Actions are idempotent."""

from __future__ import annotations

from l9.core import actions as do
from l9.core.ports import Say
from l9.core.run import Run
from l9.core.states import Kind
from l9.errors import ActionError
from l9.host.observe import HostPorts


class HostPerformer:
    """Performs the host's actions for one run. `say` takes the output lines of long actions."""

    def __init__(self, ports: HostPorts, say: Say) -> None:
        self._ports = ports
        self._say = say

    def __call__(self, run: Run, action: do.AnyAction) -> str:
        """Perform an action and return its result in one line. Raises L9Error if it fails."""
        runtime, router, source = self._ports.runtime, self._ports.router, self._ports.source
        match action:
            case do.FetchTag(tag=tag):
                return source.fetch(tag)
            case do.AddTree(tag=tag):
                return source.add_tree(tag)
            case do.RemoveTree(tag=tag):
                source.remove_tree(tag)
            case do.ReadSettings(tag=tag, blob=blob):
                return self._ports.settings.keep(tag, blob)
            case do.WriteEnv(run=of):
                return self._ports.env.write(of)
            case do.RestoreEnv(run=of):
                self._ports.env.restore(of)
            case do.BuildImage(tag=tag, commit=commit, no_cache=no_cache):
                source.add_tree(tag)  # exactly the tag's tree, without files added to its directory since
                return f"image {runtime.build(tag, commit, self._say, no_cache=no_cache).digest}"
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
                runtime.remove(slot, release)
            case do.StopSlot(slot=slot, release=release):
                runtime.stop(slot, release)
            case do.PauseSlot(slot=slot, release=release):
                return runtime.pause(slot, release)
            case do.RecycleSlot(slot=slot, release=release):
                runtime.stop(slot, release)
                return runtime.wake(slot, release)
            case do.SwitchRoute(to=to):
                router.switch(to)
                return f"traffic goes to {to}"
            case do.RecordRelease(tag=tag, commit=commit):
                return self._record(run, tag, commit)
            case do.Prune(keep=keep):
                return runtime.prune(keep)
            case _:
                raise ActionError(
                    f"{action} is not an action of the host",
                    expected="an action of the table",
                    found=str(action),
                )
        return "done"

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
