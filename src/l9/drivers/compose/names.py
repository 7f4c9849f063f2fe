"""Names of l9's containers, projects and images. Instances on the same host never share a name."""

from __future__ import annotations

import hashlib
import re

from l9.core.states import Slot

INSTANCE = "dev.l9.instance"
RELEASE = "dev.l9.release"
COMMIT = "dev.l9.commit"
SLOT = "dev.l9.slot"
JOB = "dev.l9.job"
# A slot's restart policy. `unless-stopped` does not hold when the engine itself is killed: as it comes back, it ends
# the containers that it finds running, and takes them for stopped by hand.
RESTARTS = "always"
FOLDER = "com.docker.compose.project.working_dir"  # set by compose: the document's directory

_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def container(instance: str, slot: Slot) -> str:
    """Return the name of a slot's container."""
    return f"{instance}-{slot}"


def kept(instance: str, slot: Slot, release: str) -> str:
    """Return the name of a container that is kept for its release after it left the slot."""
    return f"{container(instance, slot)}-{tag(release)}"


def job(instance: str, service: str, release: str) -> str:
    """Return the name of a one-shot's container; it runs once for each release."""
    return f"{instance}-{service}-{tag(release)}"


def base_project(instance: str) -> str:
    """Return the project of the other services, named as by a person who runs compose by hand."""
    return instance if _PROJECT.fullmatch(instance) else slug(instance)


def project(instance: str, part: str, release: str) -> str:
    """Return the project of one slot (or job) and release, so that compose never touches an older one."""
    return f"{base_project(instance)}-{slug(part)}-{slug(release, plain='.')}"


def repository(instance: str) -> str:
    """Return the image repository that only l9 uses, so that l9 may remove any tag in it."""
    return f"l9/{slug(instance)}"


def image(instance: str, release: str, service: str = "") -> str:
    """Return the image of a release, or of a one-shot that has its own build."""
    return f"{repository(instance)}:{tag(release)}{f'_{slug(service)}' if service else ''}"


def superseded(instance: str, release: str, digest: str) -> str:
    """Return the name of an earlier image of this release."""
    return f"{image(instance, release)}_{digest.removeprefix('sha256:')[:12]}"


def tag(release: str) -> str:
    """Return the release as a valid part of Docker's names and tags."""
    return release if _TAG.fullmatch(release) else slug(release)


def slug(text: str, plain: str = "") -> str:
    """Return lower-case letters, digits and dashes. If that loses characters, a digest keeps names unique.

    plain: characters that become dashes without counting as a loss.
    """
    wanted = re.sub(f"[{re.escape(plain)}]", "-", text) if plain else text
    found = re.sub(r"[^a-z0-9-]+", "-", wanted.lower()).strip("-")
    if found and found == wanted:
        return found
    return f"{found}-{hashlib.sha256(text.encode()).hexdigest()[:6]}".lstrip("-")
