"""A release's image: built from its tree, or pulled; always with l9's labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from l9.checks.compose import services as compose
from l9.core.facts import Image
from l9.core.ports import Say
from l9.drivers.compose import names
from l9.drivers.compose.project_document import build_document, slot_build
from l9.drivers.compose.slot_document import ReleaseDocument
from l9.drivers.docker import compose_commands as argv
from l9.drivers.docker.engine_commands import ImageInfo
from l9.drivers.docker.releases import Releases

REVISION = "org.opencontainers.image.revision"


def build(releases: Releases, release: str, commit: str, say: Say, *, no_cache: bool = False) -> Image:
    """Return the image of a release at a commit; build it unless it was built for exactly these.

    no_cache: build in any case, without the build cache. Raises ActionError with the last lines when it fails.
    """
    document = releases.resolve(release, commit)
    known = releases.image(release)
    if known and known.labels.get(names.COMMIT) == commit and not no_cache:
        say(f"image {known.id[7:19]} of {release} already exists")
        return _fact(known)
    instance = releases.config.instance
    if known:  # it may still run in a slot: keep it under a name, so that it can be removed later
        releases.engine.tag(known.id, names.superseded(instance, release, known.id))
    commit = _pulled(releases, document, release, commit, say)
    wanted = ReleaseDocument(instance, release, commit)
    places = releases.places(release)
    derived = releases.as_action(lambda: build_document(document, releases.config, wanted, places))
    file = releases.write(release, "build.json", derived)
    _run(releases, argv.build(file, sorted(derived["services"]), no_cache=no_cache), release, "build", say)
    found = releases.require_image(release)
    say(f"image {found.id[7:19]} of {release}, {found.size // 1_000_000} MB")
    return _fact(found)


def _pulled(releases: Releases, document: Mapping[str, Any], release: str, commit: str, say: Say) -> str:
    """Pull an image that is not built; return the commit in its labels, or else the tag's."""
    name = releases.as_action(lambda: slot_build(document, compose.choose(document, releases.config)))
    service = compose.services(document)[name]
    if service.get("build"):
        return commit
    _run(releases, argv.pull(releases.layout.compose_snapshot(release), name), release, "pull", say)
    image = releases.engine.image(service["image"])
    return (image.labels.get(REVISION) if image else None) or commit


def _run(releases: Releases, command: argv.Argv, release: str, what: str, say: Say) -> None:
    secrets = releases.secrets()

    def say_safely(line: str) -> None:
        say(" ".join(argv.without_values(line, secrets)))

    done = releases.cli.stream(command, releases.layout.release(release), say_safely)
    if done.code != 0:
        raise releases.failure(
            f"the {what} of {release} failed", done, expected="an image", remedy=f"l9 explain {release}"
        )


def _fact(found: ImageInfo) -> Image:
    return Image(found.id, found.labels.get(names.COMMIT, ""), found.size)
