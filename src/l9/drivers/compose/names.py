"""Names that Docker and Compose know l9's things by. One instance's never meet another's on the same host."""

from __future__ import annotations

import hashlib
import re

from l9.core.states import Slot

INSTANCE = "dev.l9.instance"
RELEASE = "dev.l9.release"
COMMIT = "dev.l9.commit"
SLOT = "dev.l9.slot"
JOB = "dev.l9.job"
FOLDER = "com.docker.compose.project.working_dir"  # compose's own: where the document lay

_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def container(instance: str, slot: Slot) -> str:
    """The container that stands in a slot."""
    return f"{instance}-{slot}"


def kept(instance: str, slot: Slot, release: str) -> str:
    """A container that stood in a slot, kept under its release's name."""
    return f"{container(instance, slot)}-{tag(release)}"


def job(instance: str, service: str, release: str) -> str:
    """The container of a one-shot that is run once for each release."""
    return f"{instance}-{service}-{tag(release)}"


def base_project(instance: str) -> str:
    """The project of the other services, as a person who runs compose by hand would name it."""
    return instance if _PROJECT.fullmatch(instance) else slug(instance)


def project(instance: str, part: str, release: str) -> str:
    """A project of its own for one slot (or job) and release, so that compose never touches an older one."""
    return f"{base_project(instance)}-{slug(part)}-{slug(release, plain='.')}"


def repository(instance: str) -> str:
    """The image repository whose every tag is l9's, and so may be removed by l9."""
    return f"l9/{slug(instance)}"


def image(instance: str, release: str, service: str = "") -> str:
    """The image of a release, or of one of its one-shots that is built by itself."""
    return f"{repository(instance)}:{tag(release)}{f'_{slug(service)}' if service else ''}"


def superseded(instance: str, release: str, digest: str) -> str:
    """An image that was built for this release before the one that it has now."""
    return f"{image(instance, release)}_{digest.removeprefix('sha256:')[:12]}"


def tag(release: str) -> str:
    """A release as a word that Docker takes in names and tags."""
    return release if _TAG.fullmatch(release) else slug(release)


def slug(text: str, plain: str = "") -> str:
    """Lower-case letters, digits and dashes. Where that loses something, a digest keeps names apart.

    plain: characters that become dashes without counting as a loss.
    """
    wanted = re.sub(f"[{re.escape(plain)}]", "-", text) if plain else text
    found = re.sub(r"[^a-z0-9-]+", "-", wanted.lower()).strip("-")
    if found and found == wanted:
        return found
    return f"{found}-{hashlib.sha256(text.encode()).hexdigest()[:6]}".lstrip("-")
