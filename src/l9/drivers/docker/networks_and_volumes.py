"""The networks and volumes that slots share with the other services, created by compose."""

from __future__ import annotations

from l9.checks.compose import services as compose
from l9.drivers.compose.project_document import GROUND, base_document, needed
from l9.drivers.docker import compose_commands as argv
from l9.drivers.docker.releases import Releases
from l9.errors import ActionError


def ensure_networks_and_volumes(releases: Releases, release: str) -> None:
    """Let compose create the networks and volumes that the slots share with the other services."""
    document, config = releases.document(release), releases.config
    chosen = releases.as_action(lambda: compose.choose(document, config))
    missing = {
        name: (kind[:-1], by_hand)
        for kind in ("networks", "volumes")
        for name, by_hand in needed(document, chosen, kind).items()
        if not releases.engine.has(kind, name)
    }
    for name, (kind, by_hand) in missing.items():
        if by_hand:
            raise ActionError(
                f"{kind} {name} does not exist",
                expected=f"the external {kind} that the compose file names",
                found="none",
                remedy=f"docker {kind} create {name}",
            )
    if missing:
        image, places = releases.require_image(release).id, releases.places(release)
        derived = base_document(document, config, config.instance, places, image)
        file = releases.write(release, "ground.json", derived)
        done = releases.cli.read(argv.up_missing(file, (GROUND,)), file.parent, timeout=120)
        if done.code != 0:
            wanted = ", ".join(sorted(missing))
            raise releases.failure(
                "cannot create networks and volumes", done, expected=wanted, remedy="docker network ls"
            )
