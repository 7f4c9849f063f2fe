"""Removes l9's own objects of releases that are no longer retained, and nothing else.

The build cache stays: the engine does not record which project it belongs to.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from l9.core.states import Slot
from l9.drivers.compose import names
from l9.drivers.docker.releases import Releases

RemoveTree = Callable[[str], None]
_PARTS = ("tree", "env", "compose.json")


def prune(releases: Releases, keep: Collection[str], remove_tree: RemoveTree) -> str:
    """Remove containers, images and trees of releases outside `keep`, unless they are in a slot."""
    engine, instance = releases.engine, releases.config.instance
    slots = {names.container(instance, slot) for slot in Slot}
    containers = [c for c in engine.containers(f"{names.INSTANCE}={instance}") if c.of(instance)]
    standing = {c.labels.get(names.RELEASE, "") for c in containers if c.name in slots}
    kept = {*keep, *standing}
    gone = [c for c in containers if c.labels.get(names.RELEASE) not in kept and c.name not in slots]
    for container in gone:
        if container.status == "paused":
            engine.unpause(container.id)
        if container.running:
            engine.stop(container.id)
        engine.remove(container.id)
    images, freed = _prune_images(releases, kept)
    trees = [r for r in _known(releases.layout.state / "releases") if r not in kept]
    for release in trees:
        remove_tree(release)
    counts = ((len(gone), "container"), (images, "image"), (len(trees), "tree"))
    parts = [f"{n} {what}{'s' if n > 1 else ''}" for n, what in counts if n]
    if not parts:
        return "nothing to remove"
    size = f", {freed // 1_000_000} MB" if freed > 1_000_000 else ""
    return f"removed {', '.join(parts)}{size} of releases that are no longer retained"


def _prune_images(releases: Releases, kept: Collection[str]) -> tuple[int, int]:
    """Remove images by names in l9's own repository only: an image based on one of l9's has its labels, too."""
    engine, instance = releases.engine, releases.config.instance
    own, count, freed = f"{names.repository(instance)}:", 0, 0
    for image in engine.images(f"{names.INSTANCE}={instance}"):
        release = image.labels.get(names.RELEASE, "")
        for tag in (t for t in image.tags if t.startswith(own)):
            old = tag == names.superseded(instance, release, image.id)
            if (old or release not in kept) and engine.remove_image(tag) and len(image.tags) == 1:
                count, freed = count + 1, freed + image.size
    return count, freed


def _known(folder: Path, depth: int = 3) -> Iterator[str]:
    """Yield the releases that have a folder; a tag may contain slashes."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if any((path / part).exists() for part in _PARTS):
            yield path.name
        elif depth and path.is_dir():
            yield from (f"{path.name}/{inside}" for inside in _known(path, depth - 1))


def remove_folder(releases: Releases) -> RemoveTree:
    """Return a function that removes a release's folder."""
    return lambda release: shutil.rmtree(releases.layout.release(release), ignore_errors=True)
