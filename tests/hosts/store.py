"""Docker's image store, filled once and then shared: imports take seconds, hard links a fraction of one."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from hosts.images import Image, cache, locked

KEPT = 3


def fill_store(
    images: Sequence[Image], data_root: Path, make: Callable[[Sequence[Image], Path], None]
) -> None:
    """Put `images` into a new data root, from a store that `make(images, directory)` made, or makes now."""
    data_root.mkdir(mode=0o710)
    if not images:
        return
    version = subprocess.run(("/usr/sbin/dockerd", "--version"), check=True, capture_output=True, text=True)
    recipe = [version.stdout, *((image.tag, image.tar.name, image.changes) for image in images)]
    stores = cache() / "stores"
    stores.mkdir(exist_ok=True)
    store = stores / hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]
    with locked(stores / ".lock"):
        if not store.exists():
            partial = stores / "partial"
            shutil.rmtree(partial, ignore_errors=True)
            make(images, partial)
            partial.rename(store)
        store.touch()
        newest_first = sorted(stores.glob("[0-9a-f]*"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in newest_first[KEPT:]:
            shutil.rmtree(old)
        for part in store.iterdir():
            # Docker never writes to a layer again; the index beside the layers it does change.
            how = "--archive" if part.name == "image" else "--archive --link"
            subprocess.run(("cp", *how.split(), str(part), str(data_root / part.name)), check=True)
