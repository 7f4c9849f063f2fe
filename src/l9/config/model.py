"""`l9.toml` as frozen objects, one a section. Every default is the spec's.

A key's meaning and an example are beside its type: the JSON Schema, `docs/configuration.md` and `docs/l9.toml` are
generated from them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=0)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
END = r"$(?!\n)"  # end of a pattern: `$` alone also matches before a final line end
Name = Annotated[str, msgspec.Meta(pattern=rf"^[a-z0-9][a-z0-9._-]{{0,40}}{END}")]
UrlPath = Annotated[str, msgspec.Meta(pattern=rf"^/[!-~]*{END}")]
Statuses = Annotated[tuple[int, ...], msgspec.Meta(min_length=1)]
Inside = r"(?!/)(?!(.*/)?\.\.(/|$))[^\x00-\x1f]"  # a relative path without `..`
InsidePath = Annotated[str, msgspec.Meta(pattern=rf"^{Inside}+{END}")]
MaybeInsidePath = Annotated[str, msgspec.Meta(pattern=rf"^({Inside}+)?{END}")]
SignersPath = Annotated[str, msgspec.Meta(pattern=rf"^([^/:\0-\x1f][^:\0-\x1f]*)?{END}")]
Argv = tuple[str, ...]
Command = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
Reason = Annotated[str, msgspec.Meta(min_length=1)]
Reasons = dict[str, Reason]


def key(meaning: str, example: object) -> msgspec.Meta:
    """Describe a key in one or two sentences, with an example value."""
    return msgspec.Meta(description=meaning, examples=[example])


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections: frozen and strict."""


class Release(Section, frozen=True):
    """The form of a release, and the rules for pushes (spec 3.1, 3.3)."""

    tag: Annotated[
        str,
        key("The form of a release's tag. A number without a placeholder is 0.", "v<major>.<minor>.<patch>"),
    ] = "v<major>.<minor>.<patch>-l9"
    main: Annotated[str, key("The branch that releases come from.", "trunk")] = "main"
    branches: Annotated[
        tuple[str, ...], key("The forms that names of branches beside main have.", ["feature/*", "fix/*"])
    ] = ("feature/*", "bugfix/*", "hotfix/*")
    signatures: Annotated[
        Literal["optional", "required"],
        key(
            "`required` demands a valid signature of every tag; `optional` verifies one where it is.",
            "required",
        ),
    ] = "optional"
    allowed_signers: Annotated[
        SignersPath,
        key(
            "The allowed-signers file of the repository (ssh-keygen(1)), read from origin's main. "
            "Empty: git's own `gpg.ssh.allowedSignersFile`.",
            "allowed_signers",
        ),
    ] = ""
    signing_key: Annotated[
        str, key("The SSH key that signs attestations. Empty: git's `user.signingKey`.", "~/.ssh/id_ed25519")
    ] = ""
    require_attestation: Annotated[
        bool, key("Refuse a tree of which no allowed signer has attested that it passed the pipeline.", True)
    ] = False
    review: Annotated[
        Literal["required", "merge", "none"],
        key(
            "How commits come to main. `required`: by merges with a `Reviewed-by:` of another person; `merge`: by "
            "merges, reviewed elsewhere; `none`: directly.",
            "none",
        ),
    ] = "required"
    other_tags: Annotated[
        tuple[str, ...],
        key("Patterns of tags that are no releases; no rule for tags applies to them.", ["nightly-*"]),
    ] = ()


class Check(Section, frozen=True):
    """The gates of workspace and repository. `l9 check --explain ID` tells an invariant's weight."""

    test: Annotated[
        Argv,
        key("The tests, run in the tag's own tree. Empty: no tests.", ["{python}", "-m", "pytest"]),
    ] = ("docker", "compose", "run", "--rm", "test", "pytest", "tests/test_cgmp.py", "-v")  # fmt: skip
    test_timeout: Annotated[Seconds, key("The tests' limit, in seconds.", 300)] = 900
    requirements: Annotated[
        tuple[str, ...], key("The requirements files that must be locked.", ["requirements.txt"])
    ] = ("requirements*.txt",)
    hashes: Annotated[bool, key("Demand a hash of every locked dependency.", True)] = False
    allow_untracked: Annotated[
        tuple[str, ...], key("Untracked files that may lie in the workspace.", [".env.local", "notes/*"])
    ] = (".env.local", ".env.*.local")
    waive: Annotated[
        Reasons,
        key(
            "Invariants of workspace and repository, of weight `rule`, that may not hold; each with its reason, which "
            "goes on record.",
            {"workspace.os-packages-pinned": "the base image is pinned by digest"},
        ),
    ] = {}
    require: Annotated[
        tuple[str, ...],
        key("Invariants of weight `advice` that close their gate all the same.", ["workspace.not-root"]),
    ] = ()


class Hooks(Section, frozen=True):
    """The git hooks that `l9 hooks install` puts in place."""

    commands: Annotated[
        tuple[Command, ...] | None,
        key(
            "Commands run on what is staged. Left out: those of the stage FIX, where it needs no container.",
            [["ruff", "check"]],
        ),
    ] = None
    message_form: Annotated[
        Literal["required", "advised"],
        key("`required` refuses a commit whose message is not in the form of spec 3.2.", "advised"),
    ] = "required"


class Smoke(Section, frozen=True):
    """One request and the answer that is expected. `headers` and `json` may hold `{env:KEY}`, filled in on the host."""

    path: Annotated[UrlPath, key("The URL path, escaped where needed.", "/api/items")]
    method: Annotated[
        Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"], key("The method.", "POST")
    ] = "GET"
    name: Annotated[str, key("A name for messages. Empty: method and path.", "create an item")] = ""
    headers: Annotated[
        dict[str, str], key("Request headers.", {"Authorization": "Bearer {env:API_KEY}"})
    ] = {}
    json: Annotated[Any, key("A JSON body. Left out: none.", {"name": "smoke"})] = None
    status: Annotated[Statuses, key("The statuses that are right.", [200, 201])] = (200,)
    fields: Annotated[
        dict[str, Any],
        key("Fields of the JSON answer, by their path, and their values.", {"status": "stored"}),
    ] = {}
    timeout: Annotated[Seconds, key("The request's limit, in seconds.", 5)] = 10


class Cgmp(Section, frozen=True):
    """The pipeline's stages FIX, SIM, COV and ORACLE (spec 2.1). Commands are argument vectors.

    `{python}` and `{evidence}` (a directory for reports) are filled in.
    """

    where: Annotated[
        Literal["auto", "container", "process"],
        key(
            "`container` runs the stages in the image of `service`, and ORACLE in the release's own; `process` "
            "runs them on this machine; `auto` goes by the target's runtime.",
            "process",
        ),
    ] = "auto"
    service: Annotated[str, key("The compose service that runs the tests.", "tests")] = "test"
    fix: Annotated[
        tuple[Command, ...] | None,
        key(
            "FIX: commands that find nothing to change. Left out: ruff and mypy where the project has them.",
            [["ruff", "check"]],
        ),
    ] = None
    cov: Annotated[
        Argv,
        key(
            "COV: a command that writes `{evidence}/coverage.xml`. Empty: the tests of SIM are measured.",
            ["make", "coverage"],
        ),
    ] = ()
    coverage: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=100)],
        key("COV: percent of the changed lines that must have run. 0: none.", 80),
    ] = 100
    env: Annotated[
        dict[str, str],
        key(
            "ORACLE: variables of the started release besides `.env.example` and `.env.local`.",
            {"LOG_LEVEL": "warning"},
        ),
    ] = {}
    openapi: Annotated[
        str,
        key(
            "ORACLE: where the release serves its OpenAPI document. Empty: no API is compared.",
            "/api/openapi.json",
        ),
    ] = "/openapi.json"
    golden: Annotated[
        tuple[Smoke, ...],
        key(
            "ORACLE: requests and their recorded answers, as in `[[smoke]]`.",
            [{"path": "/version", "fields": {"major": 1}}],
        ),
    ] = ()
    golden_file: Annotated[
        MaybeInsidePath, key("ORACLE: a JSON file with more golden requests.", "tests/golden.json")
    ] = "tests/golden.json"
    skip: Annotated[
        dict[Literal["fix", "sim", "cov", "oracle"], Reason],
        key("Stages that are not run; each with its reason, which goes on record.", {"cov": "no tests yet"}),
    ] = {}


class Compose(Section, frozen=True):
    """The user's compose file, which stays as it is.

    Either `blue` and `green` name two services (the spec's form), or `service` names one that both slots are made from.
    """

    file: Annotated[
        MaybeInsidePath,
        key("The compose file. Empty: the first of compose's usual names.", "compose.prod.yaml"),
    ] = ""
    service: Annotated[str, key("The service that both slots are made from.", "web")] = ""
    blue: Annotated[str, key("The service that is slot blue.", "app-blue")] = ""
    green: Annotated[str, key("The service that is slot green.", "app-green")] = ""
    port: Annotated[Port, key("The port inside the container.", 3000)] = 8000
    port_variable: Annotated[
        str,
        key("The variable that gets the slot's port where the service uses the host's network.", "APP_PORT"),
    ] = "PORT"
    build_args: Annotated[dict[str, str], key("Build arguments.", {"EXTRAS": "postgres"})] = {}


class Process(Section, frozen=True):
    """The embedded runtime: a slot is a process. `{python}` and `{port}` are filled in."""

    command: Annotated[
        Argv, key("The command that serves on `{port}`.", ["{python}", "-m", "app", "--port", "{port}"])
    ] = ("{python}", "-m", "uvicorn", "api.server_memory:app", "--port", "{port}")
    prepare: Annotated[
        Argv, key("A command that is run once in a release's tree before it is started.", ["make", "assets"])
    ] = ()


class Env(Section, frozen=True):
    """The environment file on the host, and its schema in the release (spec 2.2)."""

    file: Annotated[InsidePath, key("The file on the host, below the target's directory.", "deploy/.env")] = (
        ".env"
    )
    example: Annotated[
        InsidePath, key("The example file of the release, which is the file's schema.", "env.example")
    ] = ".env.example"
    source: Annotated[
        MaybeInsidePath,
        key(
            "A file of the release whose values may be references (`op://…`, `vault://…#…`, `sops:…`, `cmd:…`). A "
            "deploy resolves them here and writes `file` on the host. Empty: `file` is kept by hand.",
            "deploy/production.env",
        ),
    ] = ""
    ignore: Annotated[
        tuple[str, ...], key("Variables that the code may read without a line in the example.", ["CI_*"])
    ] = ()


class Health(Section, frozen=True):
    """The conditions under which a slot is healthy (spec 4.2)."""

    path: Annotated[UrlPath, key("The health endpoint.", "/up")] = "/health"
    status: Annotated[Statuses, key("The statuses of a healthy answer.", [200, 204])] = (200,)
    field: Annotated[str, key("A path in the JSON answer. Empty: any body will do.", "checks.database")] = (
        "status"
    )
    equals: Annotated[str, key("The value that `field` has in a healthy answer.", "ok")] = "healthy"
    deadline: Annotated[Seconds, key("The time to the first healthy answer, in seconds.", 120)] = 60
    soak: Annotated[
        Seconds, key("How long a slot must be healthy without a break before the switch, in seconds.", 20)
    ] = 10
    timeout: Annotated[Seconds, key("One probe's limit, in seconds.", 5)] = 3


class Route(Section, frozen=True):
    """The switch. Where the public URL is https, `url` is https://127.0.0.1 unless it is given."""

    kind: Annotated[
        Literal["caddy-file", "caddy-admin"],
        key(
            "`caddy-file`: a flag file decides, and no request fails. `caddy-admin`: the admin API, for a Caddy whose "
            "configuration may not be touched.",
            "caddy-admin",
        ),
    ] = "caddy-file"
    site: Annotated[str, key("The address that Caddy listens on for the public.", "app.example.com")] = ":80"
    url: Annotated[str, key("How the host itself reaches that site.", "http://127.0.0.1:8080")] = (
        "http://127.0.0.1"
    )
    admin: Annotated[str, key("Caddy's admin API.", "http://127.0.0.1:2020")] = "http://127.0.0.1:2019"
    id: Annotated[str, key("For `caddy-admin`: the `@id` of the reverse_proxy handler.", "app")] = ""
    caddyfile: Annotated[str, key("The host's Caddyfile.", "/srv/caddy/Caddyfile")] = "/etc/caddy/Caddyfile"
    access_log: Annotated[
        str, key("The site's access log. Empty: /var/log/caddy/INSTANCE.log.", "/var/log/caddy/app.log")
    ] = ""
    proofs: Annotated[
        Annotated[int, msgspec.Meta(ge=1)],
        key("Answers in a row through the public route that must name the new release.", 10),
    ] = 5


class Bake(Section, frozen=True):
    """The watch over a release under real traffic, after the switch."""

    seconds: Annotated[Seconds, key("How long a release is watched, in seconds. 0: not at all.", 120)] = 30
    failures: Annotated[
        Annotated[int, msgspec.Meta(ge=1)],
        key("Failed health or smoke answers that take the release back.", 3),
    ] = 2
    max_error_share: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=1)],
        key("The share of 5xx among real answers that is too much.", 0.05),
    ] = 0.02
    after_rollback: Annotated[
        Seconds,
        key(
            "How long the release that a rollback went back to is watched, in seconds. Nothing is taken back for what "
            "it answers; the end of the run reports it. 0: not at all.",
            30,
        ),
    ] = 5
    min_answers: Annotated[
        Annotated[int, msgspec.Meta(ge=1)], key("Real answers below which their share says nothing.", 50)
    ] = 20


class Drain(Section, frozen=True):
    """The end of the old slot's requests."""

    grace: Annotated[
        Seconds,
        key("The time that requests in flight get to end, in seconds (spec 4.2 `stop_grace_period`).", 60),
    ] = 30


class Standby(Section, frozen=True):
    """The old slot after the switch."""

    mode: Annotated[
        Literal["auto", "pause", "stop"],
        key(
            "How it waits. `pause`: frozen, and awake in milliseconds; `stop`: its container stopped; `auto`: frozen "
            "if it is one process, else stopped, since a server that watches its workers (gunicorn) kills them when "
            "it wakes. Where `pause` says so, a rollback looks at what it woke for two seconds before the switch.",
            "stop",
        ),
    ] = "auto"

    seconds: Annotated[Seconds, key("How long it waits frozen before it is stopped, in seconds.", 3600)] = 600


class Retention(Section, frozen=True):
    """The releases that a rollback can go back to."""

    releases: Annotated[
        Annotated[int, msgspec.Meta(ge=2, le=50)],
        key("How many are kept, with image, snapshots and container.", 10),
    ] = 5


class Needs(Section, frozen=True):
    """The conditions for a deploy to begin on the host."""

    disk: Annotated[int, key("Free disk, in bytes.", 5_000_000_000)] = 1_000_000_000
    memory: Annotated[int, key("Available memory, in bytes.", 500_000_000)] = 200_000_000
    waive: Annotated[
        Reasons,
        key(
            "Invariants of the host, of weight `rule`, that may not hold; each with its reason, which goes on record.",
            {"host.newer-than-live": "a staging server goes back and forth"},
        ),
    ] = {}
    require: Annotated[
        tuple[str, ...],
        key(
            "Invariants of the host of weight `advice` that close their gate all the same.",
            ["host.drift-watched"],
        ),
    ] = ()


class Ports(Section, frozen=True):
    """The two slots' ports on the host's loopback (spec 5.1). They stay while a release is live."""

    blue: Annotated[Port, key("The port of slot blue.", 9000)] = 8000
    green: Annotated[Port, key("The port of slot green.", 9001)] = 8001


class Target(Section, frozen=True):
    """One server that releases go to. A target may have every shared section below its own name."""

    host: Annotated[
        str, key("The server as `ssh` takes it, or `local` for this machine.", "deploy@203.0.113.10")
    ]
    path: Annotated[str, key("The target's directory on the server.", "/srv/app")] = "/opt/l9"
    runtime: Annotated[
        Literal["compose", "process"], key("What a slot is: a container, or a process.", "process")
    ] = "compose"
    instance: Annotated[
        str, key("The name of containers, projects and images. Empty: APP, or APP-TARGET.", "shop-eu")
    ] = ""
    public_url: Annotated[str, key("The address that users know.", "https://app.example.com")] = ""
    ports: Ports = Ports()
    ssh_options: Annotated[tuple[str, ...], key("Options for `ssh`.", ["-p", "2222"])] = ()


class Config(Section, frozen=True):
    """One application and one of its targets, all sections resolved."""

    app: Annotated[Name, key("The application's name.", "shop")]
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
