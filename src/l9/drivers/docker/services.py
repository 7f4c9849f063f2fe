"""The project's other services: started if missing, never restarted by a deploy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from l9.checks.compose import services as compose
from l9.core.facts import Services
from l9.core.ports import Clock, Say
from l9.drivers.compose import names
from l9.drivers.compose.project_document import base_document, slot_image_runs
from l9.drivers.docker import compose_commands as argv
from l9.drivers.docker.engine_commands import Container, service_status
from l9.drivers.docker.jobs import Jobs, unwell
from l9.drivers.docker.networks_and_volumes import ensure_networks_and_volumes
from l9.drivers.docker.releases import Releases
from l9.errors import ActionError

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
HASH = "com.docker.compose.config-hash"
_GOOD = ("running", "done")
_LEFT_ALONE = ("paused", "restarting", "unhealthy", "removing")
PATIENCE = 60.0  # seconds, for a service to become healthy
SETTLED = 1.0  # seconds; gates detect a later exit


class OtherServices:
    """The services of one instance's base project."""

    def __init__(self, releases: Releases, clock: Clock) -> None:
        self._releases = releases
        self._engine = releases.engine
        self._clock = clock
        self._config = releases.config
        self._jobs = Jobs(releases, clock)
        self._project = names.base_project(releases.config.instance)

    def status(self, release: str) -> Services:
        """Return each service's status, for the services of the release's compose file."""
        document = self._releases.document(release)
        found = self._running()
        status = {n: self._status_of(document, n, found.get(n)) for n in self._others(document)}
        return Services({**status, **{n: self._jobs.status(n, release) for n in self._jobs.names(document)}})

    def changed(self, release: str) -> tuple[str, ...]:
        """Return running services whose definition differs from the release's; a deploy does not restart them."""
        document = self._releases.document(release)
        if not self._others(document):
            return ()
        file = self._write_base(release, document)
        done = self._releases.cli.read(argv.derived_hashes(file), file.parent)
        ours = argv.parse_hashes(done.out)
        by_hand = document.get(compose.EXTENSION, {}).get("hashes", {})
        wanted = {n: {ours.get(n, ""), by_hand.get(n, "")} for n in self._others(document)}
        running = {n: c.labels.get(HASH, "") for n, c in self._running().items() if c.running}
        return compose.changed_services(wanted, running)

    def start(self, release: str, say: Say) -> None:
        """Start missing services, wait until they are healthy, then run the release's one-shots.

        Raises ActionError, with the last lines of the log, if a service does not start.
        """
        document = self._releases.document(release)
        others = self._others(document)
        for name in self.changed(release):
            say(f"{name}: its definition has changed; a deploy does not restart it")
        missing = self._missing(document, others)
        self._check_projects(missing)
        self._check_names(document, missing, say)
        ensure_networks_and_volumes(self._releases, release)
        if missing:
            self._up(document, missing, release, say)
        self._wait(document, others, set(missing))
        for name in self._jobs.names(document):
            self._jobs.run(document, name, release, say)

    def revive(self, release: str, say: Say) -> str:
        """Start what has stopped of the services that a release needs; return what was done, empty if nothing.

        For a release that was live before: it needs them as then, but none of its one-shots again. Where they cannot
        be started, the release's own health decides, so that nothing is raised.
        """
        try:
            document = self._releases.document(release)
            others = self._others(document)
            if not (missing := self._missing(document, others)):
                return ""
            self._up(document, missing, release, say)
            self._wait(document, others, set(missing))
        except ActionError as error:
            return f"{error.message}: {error.found}"
        return f"{', '.join(missing)} started again"

    def stopped(self, release: str) -> tuple[str, ...]:
        """Return the services that `revive` would start; none for a release whose compose file is not kept."""
        try:
            document = self._releases.document(release)
        except ActionError:
            return ()
        return tuple(self._missing(document, self._others(document)))

    def _missing(self, document: Mapping[str, Any], others: Iterable[str]) -> list[str]:
        found = self._running()
        return [n for n in others if self._is_missing(document, n, found.get(n))]

    def _up(self, document: Mapping[str, Any], missing: list[str], release: str, say: Say) -> None:
        """Start services that do not run. Raises ActionError."""
        say(f"starting {', '.join(missing)}")
        self._lend_image(document, missing, release)
        file = self._write_base(release, document)
        done = self._releases.cli.stream(argv.up_missing(file, missing), file.parent, say)
        if done.code != 0:
            raise self._releases.failure(
                "cannot start the other services", done,
                expected=f"{', '.join(missing)} running", remedy="docker ps --all",
            )  # fmt: skip

    # ── services ─────────────────────────────────────────────────────────────────────────────────

    def _others(self, document: Mapping[str, Any]) -> tuple[str, ...]:
        jobs = self._jobs.names(document)
        others = self._releases.as_action(lambda: compose.other_services(document, self._config))
        return tuple(n for n in others if n not in jobs)

    def _running(self) -> dict[str, Container]:
        """Return the newest container of each service; a running one is preferred."""
        found = self._engine.containers(f"{PROJECT}={self._project}", "com.docker.compose.oneoff=False")
        ordered = sorted(found, key=lambda c: (c.running, c.started_at))
        return {c.labels.get(SERVICE, ""): c for c in ordered}

    def _status_of(self, document: Mapping[str, Any], name: str, found: Container | None) -> str:
        return service_status(found, one_shot=compose.is_one_shot(document, name))

    def _is_missing(self, document: Mapping[str, Any], name: str, found: Container | None) -> bool:
        return self._status_of(document, name, found) not in (*_GOOD, *_LEFT_ALONE)

    def _check_projects(self, missing: Iterable[str]) -> None:
        """Refuse services that another project runs: a second, empty database would hide the first."""
        root, own = self._releases.layout.root, self._releases.layout.state
        for container in self._engine.containers(SERVICE, "com.docker.compose.oneoff=False"):
            project, name = container.labels.get(PROJECT, ""), container.labels[SERVICE]
            folder = Path(container.labels.get("com.docker.compose.project.working_dir", "/"))
            here = folder.is_relative_to(root) and not folder.is_relative_to(own)
            if here and project != self._project and name in missing:
                raise ActionError(
                    f"service {name} belongs to project {project} here",
                    expected=f"the service in project {self._project}, or in none",
                    found=f"container {container.name}, created by compose in {folder}",
                    remedy=f'$EDITOR l9.toml  # [targets.…] instance = "{project}"',
                )

    def _check_names(self, document: Mapping[str, Any], missing: Iterable[str], say: Say) -> None:
        """Refuse a fixed container name that another container has."""
        for service, name in compose.fixed_names(document, tuple(missing)).items():
            holder = self._engine.container(name)
            owner = holder.labels.get(PROJECT, "no project") if holder else self._project
            if owner != self._project:
                raise ActionError(
                    f"the container name of service {service} is already in use",
                    expected=f"a free container name {name}",
                    found=f"a container of project {owner}",
                    remedy="$EDITOR docker-compose.yml  # without container_name, instances share a host",
                )
            if self._config.instance != self._config.app:
                say(f"{service}: the fixed container name {name} allows only one instance on this host")

    def _lend_image(self, document: Mapping[str, Any], missing: Iterable[str], release: str) -> None:
        """Tag the release's image with the name that a worker uses for the slots' service."""
        for name in missing:
            wanted = compose.services(document)[name].get("image")
            lends = wanted and slot_image_runs(document, self._config, name)
            if lends and self._engine.image(wanted) is None:
                self._engine.tag(self._releases.require_image(release).id, wanted)

    def _write_base(self, release: str, document: Mapping[str, Any]) -> Path:
        places, instance = self._releases.places(release), self._config.instance
        base = self._releases.as_action(lambda: base_document(document, self._config, instance, places))
        return self._releases.write(release, "services.json", base)

    def _wait(self, document: Mapping[str, Any], others: Iterable[str], started: set[str]) -> None:
        """Wait until started and starting services run, and are healthy if they have a healthcheck."""
        until = self._clock.now() + PATIENCE
        while True:
            found, now = self._running(), self._clock.now()
            waiting: dict[str, str] = {}
            for name in others:
                container = found.get(name)
                status = self._status_of(document, name, container)
                if status not in _GOOD and name in started:
                    waiting[name] = status
                elif container and container.status == "running" and container.health == "starting":
                    waiting[name] = "not healthy yet"
                elif name in started and status == "running" and not container_settled(container, now):
                    waiting[name] = "running for less than a second"
            ended = [n for n, status in waiting.items() if status.startswith("exited")]
            if ended or (waiting and now > until):
                name = (ended or sorted(waiting))[0]
                raise unwell(self._releases, name, waiting[name], found.get(name), "running and healthy")
            if not waiting:
                return
            self._clock.sleep(0.1)


def container_settled(found: Container | None, now: float) -> bool:
    """True if a container is healthy, or has run for `SETTLED` seconds."""
    return found is not None and (found.health == "healthy" or now - found.started_at >= SETTLED)
