"""The containers in slots. Each action checks the state first, so that it can be repeated after any crash."""

from __future__ import annotations

import time

from l9.checks.compose import services as compose
from l9.core.states import Slot
from l9.drivers.compose import names
from l9.drivers.compose.slot_document import slot_document
from l9.drivers.docker import compose_commands as argv
from l9.drivers.docker.engine import NOT_FOUND, Engine, EngineRefused
from l9.drivers.docker.engine_commands import Container, rests
from l9.drivers.docker.networks_and_volumes import ensure_networks_and_volumes
from l9.drivers.docker.releases import Releases
from l9.drivers.process.standby import why_not_paused
from l9.errors import ActionError

# Seconds: the quiet time that pausing a container needs, and the limit of the wait for it.
REST = 1.0
REST_AT_LEAST = 0.25  # with probe intervals of a few seconds or less
REST_WITHIN = 10.0


class SlotContainers:
    """Both slots' containers of one instance."""

    def __init__(self, releases: Releases) -> None:
        self._releases = releases
        self._engine: Engine = releases.engine
        self._instance = releases.config.instance

    def find(self, slot: Slot) -> Container | None:
        """Return the container with the slot's name, whoever created it; else l9's own, if somebody renamed it."""
        return self._engine.container(names.container(self._instance, slot)) or self._renamed(slot)

    def _renamed(self, slot: Slot) -> Container | None:
        """Return the slot's container under a name that is neither the slot's nor that of one kept for its release.

        It holds the slot's port, and may have its users.
        """
        labels = (f"{names.INSTANCE}={self._instance}", f"{names.SLOT}={slot}")
        found = [
            one
            for one in self._engine.containers(*labels)
            if one.name != names.kept(self._instance, slot, one.labels.get(names.RELEASE, ""))
        ]
        return max(found, key=lambda one: (one.running, one.started_at), default=None)

    def start(self, slot: Slot, release: str) -> str:
        """Create and start a release in a free slot. A partly created container of it is replaced."""
        found = self._own(slot, release)
        if found and found.running:
            return self.wake(slot, release)
        if found:
            self._engine.remove(found.id)
        older = self._kept(slot, release)
        if older:  # of the same project: compose would start it instead
            self._engine.remove(older.id)
        return self._create(slot, release)

    def wake(self, slot: Slot, release: str) -> str:
        """Make a release run in its slot from any state; create its container if it is gone."""
        found = self._own(slot, release)
        if found is None:
            if self._kept(slot, release) is None:
                return self._create(slot, release)
            self.restore(slot, release)
            found = self._own(slot, release)
        if found is None:
            return self._create(slot, release)
        if found.name != names.container(self._instance, slot):
            self._engine.rename(found.id, names.container(self._instance, slot))
        self._restarts(found, names.RESTARTS)
        if found.status == "paused":
            self._engine.unpause(found.id)
            return f"{found.name} unpaused"
        if found.running:
            return f"{found.name} runs"
        try:
            self._engine.start(found.id)
        except EngineRefused as refused:
            if refused.status != NOT_FOUND:
                raise
            self._engine.remove(found.id)  # its network was recreated, and it refers to the old one by id
            return self._create(slot, release)
        return f"{found.name} started"

    def pause(self, slot: Slot, release: str) -> str:
        """Pause a running release; a restart of the engine or the machine does not start it.

        It is stopped instead if health probes or other commands start in it all the time, or if it is not to be paused
        (`why_not_paused`).
        """
        found = self._own(slot, release)
        if found is None or not found.running:
            return "nothing runs"
        self._restarts(found, "no")
        if found.status == "paused":
            return f"{found.name} is paused"
        why = why_not_paused(self._releases.config.standby.mode, found.pid)
        if not why and not self._comes_to_rest(found.id):
            why = "commands such as its healthcheck start in it all the time"
        if not why:
            try:
                self._engine.pause(found.id)
            except ActionError as refused:  # an engine whose freezer fails, or hangs
                why = refused.found
        if why:
            # A pause that failed may have frozen it all the same, and then it hears no signal.
            self._stop(self.find(slot) or found)
            return f"{found.name} stopped, not paused: {why}"
        return f"{found.name} paused"

    def stop(self, slot: Slot, release: str) -> None:
        """Stop a release gracefully and keep its container. Another release in the slot is not touched."""
        found = self.find(slot)
        if found and found.of(self._instance, release):
            self._stop(found)

    def remove(self, slot: Slot, release: str) -> None:
        """Stop and remove a release, if it is the one in the slot."""
        found = self.find(slot)
        if found and found.of(self._instance, release):
            self._stop(found)
            self._engine.remove(found.id)

    def evict(self, slot: Slot, release: str) -> None:
        """Stop a release and rename its container, so that the slot is free."""
        found = self.find(slot)
        if found is None or not found.of(self._instance, release):
            return
        self._stop(found)
        older = self._kept(slot, release)
        if older:
            self._engine.remove(older.id)
        self._engine.rename(found.id, names.kept(self._instance, slot, release))

    def restore(self, slot: Slot, release: str) -> None:
        """Rename a kept container back into its slot, stopped; without one the slot stays free.

        Raises ActionError if the slot is not free.
        """
        if self._own(slot, release):
            return
        older = self._kept(slot, release)
        if older:
            self._engine.rename(older.id, names.container(self._instance, slot))

    # ── one container ────────────────────────────────────────────────────────────────────────────

    def _own(self, slot: Slot, release: str) -> Container | None:
        """Return the release's container in the slot, None if it is free. Raises ActionError for another release's."""
        found = self.find(slot)
        if found is None or found.of(self._instance, release):
            return found
        mine = found.of(self._instance)
        raise ActionError(
            f"slot {slot} is not free",
            expected=f"{release}, or nothing, in container {found.name}",
            found=found.labels.get(names.RELEASE, "?") if mine else "a container that l9 did not make",
            remedy="l9 status" if mine else f"docker rename {found.name} {found.name}-before-l9",
        )

    def _kept(self, slot: Slot, release: str) -> Container | None:
        found = self._engine.container(names.kept(self._instance, slot, release))
        return found if found and found.of(self._instance, release) else None

    def _comes_to_rest(self, container: str) -> bool:
        """Wait for a quiet time between two health probes; False if there is none."""
        until = time.time() + REST_WITHIN
        while (now := time.time()) < until:
            found = self._engine.container(container)
            if found is None or not found.running:
                return False
            interval = found.probe_interval or 0.0
            unpaused_at = self._engine.unpaused_at(container, now - interval) if interval else 0.0
            if rests(found, unpaused_at, now, max(REST_AT_LEAST, min(REST, interval / 2))):
                return True
            time.sleep(0.05)
        return False

    def _restarts(self, found: Container, policy: str) -> None:
        if found.restart_policy != policy:
            self._engine.restart_policy(found.id, policy)

    def _stop(self, found: Container) -> None:
        """Stop a container, and see to it that no start of the engine or the machine starts it."""
        self._restarts(found, "no")
        if found.status == "paused":
            self._engine.unpause(found.id)
        if found.running:
            self._engine.stop(found.id)

    def _create(self, slot: Slot, release: str) -> str:
        releases = self._releases
        document, image = releases.document(release), releases.require_image(release)
        quick = self._engine.checks_quickly() and (image.checks_health or self._checks_health(document, slot))
        derived = releases.as_action(
            lambda: slot_document(
                document, releases.config, slot, releases.release(release, image),
                releases.places(release), quick_health=quick,
            )
        )  # fmt: skip
        ensure_networks_and_volumes(releases, release)
        file = releases.write(release, f"{slot}.json", derived)
        done = releases.cli.read(argv.up(file), file.parent, timeout=120)
        found = self.find(slot)
        # A compose process left by a killed worker may have created it concurrently: check for the container.
        if done.code == 0 or (found and found.running and found.of(self._instance, release)):
            return f"{names.container(self._instance, slot)} created from image {image.id[7:19]}"
        wanted = f"container {names.container(self._instance, slot)} running"
        message = f"cannot start {release} in {slot}"
        raise releases.failure(message, done, expected=wanted, remedy="docker ps --all")

    def _checks_health(self, document: compose.Document, slot: Slot) -> bool:
        name = compose.choose(document, self._releases.config).of(slot)
        return bool(compose.services(document)[name].get("healthcheck"))
