"""Dockerfiles and compose files, with what the invariants of both say of them: invariant, words, changed facts."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from l9.checks.compose import facts as compose_facts
from l9.checks.compose import invariants as composed
from l9.checks.compose.production import Mount, Production, Published, Service
from l9.checks.dockerfile import facts as dockerfile_facts
from l9.checks.dockerfile import invariants as image
from l9.checks.dockerfile.dockerfile import Base, LintFinding, Recipe
from l9.core.invariant import Invariant
from samples import BASE, DATABASE, SLOT

NOTHING = compose_facts.ComposeFile(absent="no compose file")
NOT_BUILT = dockerfile_facts.Dockerfile(absent="no Dockerfile: nothing is built")


def dockerfile(*findings: str, **changed: Any) -> dockerfile_facts.Dockerfile:
    """The good one, with the linter's codes of its third line and a recipe that differs."""
    said = tuple(LintFinding(3, code, "warning", "Do better") for code in findings)
    return dockerfile_facts.Dockerfile(
        "docker/Dockerfile", Recipe(**{"bases": (BASE,), "user": "10001", **changed}), said
    )


def unread(**changed: Any) -> dockerfile_facts.Dockerfile:
    return replace(
        dockerfile(**changed), unread="hadolint cannot read it", remedy="$EDITOR docker/Dockerfile"
    )


def compose(*others: Service, **changed: Any) -> compose_facts.ComposeFile:
    """The good one, with other services and a slot that differs."""
    return compose_facts.ComposeFile("compose.yaml", Production((replace(SLOT, **changed),), others))


def database(**changed: Any) -> compose_facts.ComposeFile:
    return compose(replace(DATABASE, **changed))


def pulled(name: str) -> compose_facts.ComposeFile:
    return compose(image=name, built=False)


OPEN = Published("", "5432", "5432")
ELSEWHERE = Published("10.0.0.5", "7000", "7000")
LOOPBACK = Published("127.0.0.1", "5432", "5432")
MOUNTS = (Mount(".", "/app", True), Mount("x.yml", "/x.yml", False), Mount("api", "/api", True))
STYLE = LintFinding(1, "DL3059", "info", "Fewer lines")

FAILS = (
    (image.NO_LATEST, "docker/Dockerfile:3: DL3007", (dockerfile("DL3007"),)),
    (image.NO_LATEST, "docker/Dockerfile:3: DL3006 and 1 more", (dockerfile("DL3006", "DL3007"),)),
    (image.NO_LATEST, "docker/Dockerfile:2: uv:latest", (dockerfile(bases=(Base(2, "uv:latest", False),)),)),
    (image.NO_LATEST, "docker/Dockerfile:1: python", (unread(bases=(Base(1, "python"),)),)),
    (image.NO_LATEST, "service db: postgres", (database(image="postgres"),)),
    (image.NO_LATEST, "service l9-api: me/app:latest", (pulled("me/app:latest"), NOT_BUILT)),
    (image.BASE_BY_DIGEST, "docker/Dockerfile:2: python:3.12.7",
     (dockerfile(bases=(BASE, Base(2, "python:3.12.7"), Base(3, "x@sha256:abc"))),)),
    (image.OS_PACKAGES_PINNED, "docker/Dockerfile:3: DL3008", (dockerfile("DL3008", "DL4006"),)),
    (image.EXEC_FORM, "docker/Dockerfile:3: DL3025", (dockerfile("DL3025"),)),
    (image.HEALTHCHECK, "none", (dockerfile(), compose(healthcheck=""))),
    (image.HEALTHCHECK, "none", (dockerfile(healthcheck="off"), NOTHING)),
    (image.HEALTHCHECK, "disabled for l9-api", (compose(healthcheck="off"),)),
    (image.NOT_ROOT, "no USER, which is root", (dockerfile(user=""),)),
    (image.NOT_ROOT, "user root:root", (compose(user="root:root"),)),
    (image.NOT_ROOT, "user 0", (dockerfile(user="0"), NOTHING)),
    (image.DOCKERFILE_LINTED, "docker/Dockerfile:3: DL4006", (dockerfile("DL3008", "DL4006"),)),
    (composed.NO_SOURCE_MOUNTS, "l9-api: .:/app and 1 more", (compose(mounts=MOUNTS),)),
    (composed.NO_REPOSITORY_MOUNTS, "l9-api: x.yml:/x.yml", (compose(mounts=MOUNTS),)),
    (composed.STOP_GRACE_PERIOD, "l9-api: none", (compose(stop_grace_period=""),)),
    (composed.STOP_GRACE_PERIOD, "l9-api: 30", (compose(stop_grace_period="30"),)),
    (composed.STOP_GRACE_PERIOD, "l9-api: 0s", (compose(stop_grace_period="0s"),)),
    (composed.STOP_SIGNAL, "l9-api: none", (compose(stop_signal=""),)),
    (composed.STOP_SIGNAL, "l9-api: sigkill", (compose(stop_signal="sigkill"),)),
    (composed.RESTART_POLICY, "l9-api: restart unset", (compose(restart=""),)),
    (composed.RESTART_POLICY, "db: restart no", (database(restart="no"),)),
    (composed.DATABASE_NOT_PUBLISHED, "db: 5432:5432", (database(ports=(OPEN,)),)),
    (composed.DATABASE_NOT_PUBLISHED, "db: 10.0.0.5:7000:7000", (database(ports=(ELSEWHERE,)),)),
    (composed.DATABASE_NOT_PUBLISHED, "pool: 5432:5432", (compose(Service("pool", ports=(OPEN,))),)),
    (composed.DATABASE_NOT_PUBLISHED, "db: network_mode: host", (database(host_network=True),)),
    (composed.DATABASE_NOT_PUBLISHED, "only on this host: db: 127.0.0.1:5432:5432",
     (database(ports=(LOOPBACK,)),)),
)  # fmt: skip

PASSES = (
    *((each, "nothing is built", (NOT_BUILT, NOTHING)) for each in vars(image).values() if isinstance(each, Invariant)),
    *((each, "no compose file", (NOTHING,)) for each in vars(composed).values() if isinstance(each, Invariant)),
    (image.NO_LATEST, "no image with the tag latest",
     (dockerfile(bases=(Base(2, "uv:0.5", False), Base(3, "uv@sha256:1", False))),)),
    (image.NO_LATEST, "no image with the tag latest", (pulled("me/app:${TAG}"), NOT_BUILT)),
    (image.NO_LATEST, "no image with the tag latest", (compose(image="me/app", built=True),)),
    (image.BASE_BY_DIGEST, "1 images by digest in docker/Dockerfile", ()),
    (image.HEALTHCHECK, "in compose.yaml", ()),
    (image.HEALTHCHECK, "in docker/Dockerfile", (dockerfile(healthcheck="on"), compose(healthcheck=""))),
    (image.HEALTHCHECK, "in docker/Dockerfile", (dockerfile(healthcheck="on"), NOTHING)),
    (image.HEALTHCHECK, "in compose.yaml", (NOT_BUILT,)),
    (image.NOT_ROOT, "user 1000:1000", (dockerfile(user="root"), compose(user="1000:1000"))),
    (image.NOT_ROOT, "user 10001", (NOTHING,)),
    (image.DOCKERFILE_LINTED, "no other warning", (dockerfile("DL3008"),)),
    (image.DOCKERFILE_LINTED, "no other warning", (replace(dockerfile(), findings=(STYLE,)),)),
    (composed.STOP_SIGNAL, "stop_signal in compose.yaml",
     (dockerfile(stop_signal="SIGQUIT"), compose(stop_signal=""))),
    (composed.STOP_SIGNAL, "stop_signal in compose.yaml", (NOT_BUILT,)),
    (composed.RESTART_POLICY, "restart policies in compose.yaml",
     (compose_facts.ComposeFile("compose.yaml", Production((SLOT, replace(SLOT, restart="no")))),)),
    (composed.RESTART_POLICY, "restart policies", (compose(Service("migrate", once=True)),)),
    (composed.RESTART_POLICY, "restart policies", (compose(restart="on-failure:5"),)),
    (composed.DATABASE_NOT_PUBLISHED, "no database port",
     (compose(Service("web", ports=(Published("", "80", "80"),))),)),
)  # fmt: skip

NOBODY_COULD_TELL = (
    (image.OS_PACKAGES_PINNED, "hadolint cannot read it", (unread(),)),
    (image.HEALTHCHECK, "the image is pulled", (NOT_BUILT, compose(healthcheck=""))),
)
