"""`l9.toml` as frozen objects, one a section. Every default is the spec's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=0, description="seconds")]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,40}$")]
UrlPath = Annotated[str, msgspec.Meta(pattern=r"^/[!-~]*$", description="a URL path, escaped where needed")]
Statuses = Annotated[tuple[int, ...], msgspec.Meta(min_length=1)]
Inside = r"(?!/)(?!(.*/)?\.\.(/|$))[^\x00-\x1f]"  # a path that stays below where it begins
InsidePath = Annotated[str, msgspec.Meta(pattern=rf"^{Inside}+$", description="a relative path without `..`")]
MaybeInsidePath = Annotated[
    str, msgspec.Meta(pattern=rf"^({Inside}+)?$", description="a relative path without `..`, or empty")
]
Reasons = dict[str, Annotated[str, msgspec.Meta(min_length=1)]]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections: frozen and strict."""


class Release(Section, frozen=True):
    """What a release is, and what a push may do (spec 3.1, 3.3).

    `branches` are the forms that names of branches beside main have. `allowed_signers` is the path of an
    allowed-signers file (ssh-keygen(1)) in the repository, read from origin's main; where it is empty, git's
    own `gpg.ssh.allowedSignersFile` is used. `signing_key` is the SSH key that attestations are signed with,
    if not git's own. With `require_attestation` nothing goes live whose tree no allowed signer attested to
    have passed CGMP.
    `review` is how commits come to main. required: by merges that somebody who wrote nothing of them has
    reviewed (`Reviewed-by:`); merge: by merges, reviewed elsewhere; none: straight away, for who works alone.
    `other_tags` are patterns of tags that are no releases, and free of all rules for tags.
    """

    tag: str = "v<major>.<minor>.<patch>-l9"
    main: str = "main"
    branches: tuple[str, ...] = ("feature/*", "bugfix/*", "hotfix/*")
    signatures: Literal["optional", "required"] = "optional"
    allowed_signers: Annotated[str, msgspec.Meta(pattern=r"^([^/:\0-\x1f][^:\0-\x1f]*)?$")] = ""
    signing_key: str = ""
    require_attestation: bool = False
    review: Literal["required", "merge", "none"] = "required"
    other_tags: tuple[str, ...] = ()


class Check(Section, frozen=True):
    """The local gates. `test` is an argv, run in the exported tree of the tag; empty means no tests.

    `waive`: invariants of weight `rule` that may not hold, each with the reason, which goes on record.
    `require`: invariants of weight `advice` that close their gate all the same. `l9 check --explain ID` tells
    the weight.
    """

    test: tuple[str, ...] = (
        "docker", "compose", "run", "--rm", "test", "pytest", "tests/test_cgmp.py", "-v",
    )  # fmt: skip
    test_timeout: Seconds = 900
    requirements: tuple[str, ...] = ("requirements*.txt",)
    hashes: bool = False
    allow_untracked: tuple[str, ...] = (".env.local", ".env.*.local")
    waive: Reasons = {}
    require: tuple[str, ...] = ()


class Hooks(Section, frozen=True):
    """The git hooks. `message_form`: whether a message that is not in the form of spec 3.2 stops its commit.

    `commands` (argv, `{python}` filled in) are run on what is staged. Left out, they are those of the stage FIX,
    where it needs no container.
    """

    commands: tuple[Annotated[tuple[str, ...], msgspec.Meta(min_length=1)], ...] | None = None
    message_form: Literal["required", "advised"] = "required"


class Smoke(Section, frozen=True):
    """One smoke request. `headers` and `json` may hold `{env:KEY}`: filled in on the host from its `.env`."""

    path: UrlPath
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] = "GET"
    name: str = ""
    headers: dict[str, str] = {}
    json: Any = None
    status: Statuses = (200,)
    fields: dict[str, Any] = {}
    timeout: Seconds = 10


class Cgmp(Section, frozen=True):
    """The stages FIX, SIM, COV and ORACLE (spec 2.1). Commands are argv; `{python}` and `{evidence}` are filled in.

    where: `container` runs them in the image of the compose service `service`, and ORACLE in the release's own;
    `process` runs them here; `auto` goes by the target's runtime, and runs a `[check] test` that names
    `{python}` here. fix: left out, ruff and mypy where the project configures them. cov: a command that writes
    `{evidence}/coverage.xml`; left out, the tests of SIM are measured. coverage: percent of the changed lines
    that must be covered; 0 asks for none. env: what the started release gets besides `.env.example` and
    `.env.local`. openapi: empty compares no API. golden: requests and their answers, here or in `golden_file`.
    skip: stages that are not to run, each with the reason, which goes on record.
    """

    where: Literal["auto", "container", "process"] = "auto"
    service: str = "test"
    fix: tuple[Annotated[tuple[str, ...], msgspec.Meta(min_length=1)], ...] | None = None
    cov: tuple[str, ...] = ()
    coverage: Annotated[float, msgspec.Meta(ge=0, le=100)] = 100
    env: dict[str, str] = {}
    openapi: str = "/openapi.json"
    golden: tuple[Smoke, ...] = ()
    golden_file: MaybeInsidePath = "tests/golden.json"
    skip: dict[Literal["fix", "sim", "cov", "oracle"], Annotated[str, msgspec.Meta(min_length=1)]] = {}


class Compose(Section, frozen=True):
    """The user's compose file, which stays as it is.

    Either `blue` and `green` name two services (the spec's form), or `service` names one from which both
    slots are derived. `port` is the port inside the container; `port_variable` is set to the slot's port
    where the service uses the host's network.
    """

    file: MaybeInsidePath = ""
    service: str = ""
    blue: str = ""
    green: str = ""
    port: Port = 8000
    port_variable: str = "PORT"
    build_args: dict[str, str] = {}


class Process(Section, frozen=True):
    """The embedded runtime: a slot is a process. `{python}` and `{port}` are filled in."""

    command: tuple[str, ...] = ("{python}", "-m", "uvicorn", "api.server_memory:app", "--port", "{port}")
    prepare: tuple[str, ...] = ()


class Env(Section, frozen=True):
    """The environment file on the host, and its schema in the release (spec 2.2).

    `source`: a file of the release whose values may be references (`op://…`, `vault://…#…`, `sops:…`, `cmd:…`); a
    deploy resolves them on the operator's side and writes `file` on the host. Empty: `file` is kept by hand.
    `ignore`: variables (`CI_*`) that the code may read without a line in the example.
    """

    file: InsidePath = ".env"
    example: InsidePath = ".env.example"
    source: MaybeInsidePath = ""
    ignore: tuple[str, ...] = ()


class Health(Section, frozen=True):
    """When a slot is healthy (spec 4.2). `field` is a path in the JSON answer; empty accepts any body."""

    path: UrlPath = "/health"
    status: Statuses = (200,)
    field: str = "status"
    equals: str = "healthy"
    deadline: Seconds = 60
    soak: Seconds = 10
    timeout: Seconds = 3


class Route(Section, frozen=True):
    """The switch. Where the public URL is https, `url` is https://127.0.0.1 unless it is told.

    `site` is the address that Caddy listens on for the public; `url` is how the host reaches it.

    kind `caddy-file`: a flag file decides (zero failed requests). kind `caddy-admin`: the admin API, for a
    Caddy whose configuration may not be touched; `id` is the `@id` of its reverse_proxy handler.
    """

    kind: Literal["caddy-file", "caddy-admin"] = "caddy-file"
    site: str = ":80"
    url: str = "http://127.0.0.1"
    admin: str = "http://127.0.0.1:2019"
    id: str = ""
    caddyfile: str = "/etc/caddy/Caddyfile"
    access_log: str = ""
    proofs: Annotated[int, msgspec.Meta(ge=1)] = 5


class Bake(Section, frozen=True):
    """How long a release is watched under real traffic after the switch, and what it may do."""

    seconds: Seconds = 30
    failures: Annotated[int, msgspec.Meta(ge=1)] = 2
    max_error_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.02
    min_answers: Annotated[int, msgspec.Meta(ge=1)] = 20


class Drain(Section, frozen=True):
    """Spec 4.2 `stop_grace_period`."""

    grace: Seconds = 30


class Standby(Section, frozen=True):
    """How long the old slot waits, paused, before it is stopped."""

    seconds: Seconds = 600


class Retention(Section, frozen=True):
    """How many releases are kept with image, snapshots and container."""

    releases: Annotated[int, msgspec.Meta(ge=2, le=50)] = 5


class Needs(Section, frozen=True):
    """The conditions for a deploy to begin on the host. `disk` and `memory` must be free; bytes.

    `waive`: invariants of the host of weight `rule` that may not hold, each with the reason, which goes on record.
    `require`: invariants of the host of weight `advice` that close their gate all the same.
    """

    disk: int = 1_000_000_000
    memory: int = 200_000_000
    waive: Reasons = {}
    require: tuple[str, ...] = ()


class Ports(Section, frozen=True):
    """The two slots' ports on the host's loopback (spec 5.1)."""

    blue: Port = 8000
    green: Port = 8001


class Target(Section, frozen=True):
    """One server that releases go to. `host` is what `ssh` takes, or `local` for this machine."""

    host: str
    path: str = "/opt/l9"
    runtime: Literal["compose", "process"] = "compose"
    instance: str = ""
    public_url: str = ""
    ports: Ports = Ports()
    ssh_options: tuple[str, ...] = ()


class Config(Section, frozen=True):
    """One application and one of its targets, all sections resolved."""

    app: Name
    name: Name
    target: Target
    release: Release = Release()
    check: Check = Check()
    hooks: Hooks = Hooks()
    cgmp: Cgmp = Cgmp()
    compose: Compose = Compose()
    process: Process = Process()
    env: Env = Env()
    health: Health = Health()
    smoke: tuple[Smoke, ...] = ()
    route: Route = Route()
    bake: Bake = Bake()
    drain: Drain = Drain()
    standby: Standby = Standby()
    retention: Retention = Retention()
    needs: Needs = Needs()

    @property
    def instance(self) -> str:
        """The name that containers, projects and images of this app on this target carry."""
        return self.target.instance or (self.app if self.name == "production" else f"{self.app}-{self.name}")

    @property
    def waived(self) -> Mapping[str, str]:
        """Invariant to the reason for which it may not hold."""
        return {**self.check.waive, **self.needs.waive}

    @property
    def required(self) -> Collection[str]:
        """Invariants of weight `advice` that close their gate all the same."""
        return (*self.check.require, *self.needs.require)
