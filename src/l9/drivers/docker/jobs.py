"""One-shots that a slot depends on (migrations): run once for each release, with that release's own image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from l9.checks.compose import services as compose
from l9.core.ports import Clock, Say
from l9.drivers.compose import names
from l9.drivers.compose.project_document import slot_image_runs
from l9.drivers.compose.slot_document import ReleaseDocument, job_document
from l9.drivers.docker import compose_commands as argv
from l9.drivers.docker.engine_commands import Container, service_status
from l9.drivers.docker.releases import Releases
from l9.errors import ActionError

PATIENCE = 900.0  # seconds, for a migration to complete
LOG_LINES = 30


class Jobs:
    """The one-shots of one instance's releases."""

    def __init__(self, releases: Releases, clock: Clock) -> None:
        self._releases = releases
        self._engine = releases.engine
        self._clock = clock
        self._config = releases.config

    def names(self, document: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the one-shots in the order to run them."""
        return self._releases.as_action(lambda: compose.jobs(document, self._config))

    def status(self, name: str, release: str) -> str:
        """Return its status as for services: `done` if it has completed for this release."""
        return service_status(self._find(name, release), one_shot=True)

    def run(self, document: Mapping[str, Any], name: str, release: str, say: Say) -> None:
        """Run it unless it has completed for this release's image. Raises ActionError if it fails."""
        image = self._image(document, name, release)
        found = self._find(name, release)
        if found and not found.running and (found.exit_code != 0 or (image and found.image != image)):
            self._engine.remove(found.id)
            found = None
        if found is None:
            say(f"running {name} of {release}")
            self._start(document, name, release, image, say)
        until = self._clock.now() + PATIENCE
        while (status := self.status(name, release)) != "done":
            if status not in ("running", "created", "restarting") or self._clock.now() > until:
                found = self._find(name, release)
                raise unwell(self._releases, name, status, found, "completed with exit code 0")
            self._clock.sleep(0.05)

    def _find(self, name: str, release: str) -> Container | None:
        found = self._engine.container(names.job(self._config.instance, name, release))
        return found if found and found.of(self._config.instance, release) else None

    def _image(self, document: Mapping[str, Any], name: str, release: str) -> str:
        """Return the image that l9 built for it; empty if it runs its own, pulled one."""
        if slot_image_runs(document, self._config, name):
            return self._releases.require_image(release).id
        built = self._releases.image(release, name)
        return built.id if built else ""

    def _start(self, document: Mapping[str, Any], name: str, release: str, image: str, say: Say) -> None:
        releases = self._releases
        commit = releases.release(release, releases.require_image(release)).commit
        who = ReleaseDocument(self._config.instance, release, commit, image)
        places = releases.places(release)
        derived = releases.as_action(lambda: job_document(document, name, who, places))
        file = releases.write(release, f"job-{names.slug(name)}.json", derived)
        done = releases.cli.stream(argv.up(file, pull=not image), file.parent, say)
        if done.code != 0:
            message = f"cannot start {name}"
            raise releases.failure(message, done, expected=f"{name} running", remedy="docker ps --all")


def unwell(releases: Releases, name: str, status: str, found: Container | None, wanted: str) -> ActionError:
    """Return the error for a service that is not in the wanted state, with the last lines of its log."""
    lines = releases.engine.log_tail(found, LOG_LINES) if found else []
    return ActionError(
        f"service {name} did not start",
        expected=f"{name} {wanted}",
        found=status,
        remedy=f"docker logs {found.name}" if found else "docker ps --all",
        log=argv.without_values("\n".join(line.text for line in lines), releases.secrets()),
    )
