"""The documents that l9 gives to compose for a whole project: the builds, and the other services. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from l9.checks.compose.services import Chosen, Document, choose, jobs, other_services, services
from l9.config.model import Config
from l9.drivers.compose import names
from l9.drivers.compose.slot_document import (
    ReleaseDocument,
    ReleasePaths,
    escaped,
    files,
    is_named,
    labels,
    mount,
)
from l9.errors import ConfigError

GROUND = "l9-ground"  # a service without a container: compose creates the networks and volumes that it names


def build_document(
    document: Mapping[str, Any], config: Config, release: ReleaseDocument, places: ReleasePaths
) -> Document:
    """Return the builds of a release: the slots' image, and the images of jobs with their own build.

    A service that is pulled also gets its own image, which adds labels to the pulled one: so each
    image that l9 uses is found, kept and removed by its own labels.
    """
    name, known = slot_build(document, choose(document, config)), services(document)
    wanted = {name: names.image(release.instance, release.tag)}
    for job in jobs(document, config):
        if known[job].get("build") and not slot_image_runs(document, config, job):
            wanted[job] = names.image(release.instance, release.tag, job)
    built = {n: _build(known[n], i, release, config, places) for n, i in wanted.items()}
    secrets = {"secrets": files(document.get("secrets"), places)} if document.get("secrets") else {}
    return {"name": names.base_project(release.instance), "services": built, **secrets}


def slot_build(document: Mapping[str, Any], chosen: Chosen) -> str:
    """Return the service that the slots' image is built from (or pulled for). Raises ConfigError."""
    known = services(document)
    both = (chosen.blue, chosen.green)
    for key in ("build", "image"):
        named = {n: known[n][key] for n in both if known[n].get(key)}
        if len(named) == 2 and named[chosen.blue] != named[chosen.green]:
            raise ConfigError(
                f"{chosen.blue} and {chosen.green} run different images",
                expected="one image for both slots",
                found=f"two {key} sections" if key == "build" else " and ".join(named.values()),
                remedy="$EDITOR docker-compose.yml",
            )
        if named:
            return next(iter(named))
    raise ConfigError(
        f"service {chosen.blue} has neither build nor image",
        expected="a build section or an image",
        found="none",
        remedy="$EDITOR docker-compose.yml",
    )


def slot_image_runs(document: Mapping[str, Any], config: Config, name: str) -> bool:
    """True if a service runs the slots' image, by the same build or by name."""
    known = services(document)
    slot, other = known[slot_build(document, choose(document, config))], known[name]
    if other.get("build"):
        return bool(other["build"] == slot.get("build"))
    return "image" in other and other["image"] == slot.get("image")


def base_document(
    document: Mapping[str, Any], config: Config, instance: str, places: ReleasePaths, image: str = ""
) -> Document:
    """Return the other services as the user wrote them, for the base project.

    image: any image; adds a service without containers that names the slots' networks and volumes.
    """
    others = set(other_services(document, config)) - set(jobs(document, config))
    kept: Document = {n: _lasting(s, others, places) for n, s in services(document).items() if n in others}
    if image:
        kept[GROUND] = _ground(document, choose(document, config), image)
    shared = {k: document[k] for k in ("networks", "volumes") if document.get(k)}
    for key in ("secrets", "configs"):
        if document.get(key):
            shared[key] = {
                n: {**v, "file": places.of_host(v["file"])} if "file" in v else v
                for n, v in document[key].items()
            }
    return {"name": names.base_project(instance), "services": kept, **shared}


def needed(document: Mapping[str, Any], chosen: Chosen, kind: str) -> dict[str, bool]:
    """Return the real names of the slots' networks or volumes (`kind`), each with True if it is external."""
    ground = _ground(document, chosen, "")
    keys = (
        ground.get("networks", {}) if kind == "networks" else [v["source"] for v in ground.get("volumes", ())]
    )
    found = (document[kind][k] for k in keys)
    return {v["name"]: bool(v.get("external")) for v in found}


def _build(
    service: Mapping[str, Any], image: str, release: ReleaseDocument, config: Config, places: ReleasePaths
) -> Document:
    build = dict(
        service.get("build") or {"context": places.tree, "dockerfile_inline": f"FROM {service['image']}\n"}
    )
    build.pop("tags", None)  # never move the user's own tags
    if str(build.get("context", "")).startswith("/"):
        build["context"] = places.of_release(build["context"])
    if more := build.get("additional_contexts"):
        build["additional_contexts"] = {k: places.of_release(v) for k, v in more.items()}
    own = {"L9_RELEASE": release.tag, "L9_COMMIT": release.commit, **config.compose.build_args}
    build["args"] = {**(build.get("args") or {}), **escaped(own)}
    build["labels"] = {**(build.get("labels") or {}), **labels(release, {})}
    return {"build": build, "image": image}


def _ground(document: Mapping[str, Any], chosen: Chosen, image: str) -> Document:
    both = [services(document)[n] for n in (chosen.blue, chosen.green)]
    networks = {k: None for s in both for k in s.get("networks") or ()}
    sources = {v["source"] for s in both for v in s.get("volumes", ()) if is_named(v)}
    volumes = [{"type": "volume", "source": s, "target": f"/{i}"} for i, s in enumerate(sorted(sources))]
    ground: Document = {"image": image, "scale": 0}
    ground.update({"networks": networks} if networks else {"network_mode": "none"})
    return {**ground, "volumes": volumes} if volumes else ground


def _lasting(service: Mapping[str, Any], others: set[str], places: ReleasePaths) -> Document:
    """Return a service with paths into the release's tree, which is removed later, replaced."""
    found = dict(service)
    if "volumes" in found:
        found["volumes"] = [mount(v, places.of_host) for v in found["volumes"]]
    if "depends_on" in found:
        found["depends_on"] = {k: v for k, v in found["depends_on"].items() if k in others}
    return found
