"""The files that `l9 init` would write into a repository, and notes for a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from shlex import quote

import msgspec

from l9.checks.compose.services import services
from l9.checks.dependencies.locks import read_requirements
from l9.operator.scaffold import env_example, health, image, python_app, scripts, service, settings
from l9.operator.scaffold.snapshot import Note, RepoSnapshot

SETTINGS = "l9.toml"
DOCKERFILES = ("Dockerfile", "docker/Dockerfile")
COMPOSE = "compose.yaml"
BRANCH = "feature/deploy-with-l9"
_CODE = (".py", ".js", ".mjs", ".cjs", ".ts", ".rb", ".go")
_OF_PYTHON = re.compile(r"^FROM\s+\S*python", re.MULTILINE)
_LOCKS = ("requirements.txt", "uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")


class NewFile(msgspec.Struct, frozen=True):
    """A file to write; `there` if it already exists, in which case it is not changed."""

    path: str
    text: str
    mode: int = 0o644
    there: bool = False


class Proposal(msgspec.Struct, frozen=True):
    """The files, the settings last: if they exist, so do all others.

    ready: there is an application to deploy. steps: the commands from here to a first deploy.
    """

    files: tuple[NewFile, ...]
    notes: tuple[Note, ...]
    ready: bool = True
    steps: tuple[str, ...] = ()


def propose(snapshot: RepoSnapshot, asked: settings.Asked) -> Proposal:
    """Derive the files and notes from a snapshot and the command line's options."""
    files, notes = [], list[Note]()
    app = python_app.find(snapshot)
    if app and (made := _dockerfile(snapshot, app)):
        files.append(NewFile(DOCKERFILES[0], made))
        files.append(NewFile(".dockerignore", image.LEFT_OUT, there=".dockerignore" in snapshot.paths))
        texts = {**snapshot.texts, DOCKERFILES[0]: made}
        snapshot = msgspec.structs.replace(snapshot, paths=snapshot.paths | {DOCKERFILES[0]}, texts=texts)
    if (dockerfile := _lonely_dockerfile(snapshot)) and (made := compose_text(snapshot, dockerfile, asked)):
        files.append(NewFile(COMPOSE, made))
        snapshot = _with_compose(snapshot, dockerfile, asked)
    chosen = service.find(snapshot)
    found = _health(snapshot, chosen)
    wanted = settings.sections(snapshot, chosen, found, asked)
    name = settings.app_name(snapshot, chosen, asked)
    if not settings.example_file(snapshot) and (text := env_example.text(snapshot)):
        files.append(NewFile(".env.example", text))
    for path, text in scripts.SCRIPTS.items():
        files.append(NewFile(path, text, 0o755, there=path in snapshot.paths))
    files.append(NewFile(SETTINGS, settings.text(name, wanted), there=SETTINGS in snapshot.paths))
    notes += _notes(snapshot, chosen, found, asked)
    tag = str(wanted["release"].get("tag", "v<major>.<minor>.<patch>-l9"))
    ready = chosen is not None or app is not None
    steps = (
        _steps(snapshot, _first(tag, snapshot.tags))
        if ready
        else ("$EDITOR Dockerfile", f"rm {SETTINGS} && l9 init")
    )
    return Proposal(tuple(files), tuple(notes), ready, steps)


def _health(snapshot: RepoSnapshot, chosen: service.Service | None) -> health.HealthProposal | None:
    code = {path: text for path, text in snapshot.texts.items() if path.endswith(_CODE)}
    if chosen is None:
        return health.find("", "", code)
    return health.find(
        service.words(chosen.definition.get("healthcheck")), snapshot.texts.get(chosen.dockerfile, ""), code
    )


def _dockerfile(snapshot: RepoSnapshot, app: python_app.App) -> str:
    """Return a Dockerfile if nothing builds or runs a container yet; else an empty text."""
    if snapshot.compose or snapshot.unread or any("ockerfile" in path for path in snapshot.paths):
        return ""
    found = _health(snapshot, None)
    return image.text(snapshot, app, found.path if found else "")


def _lonely_dockerfile(snapshot: RepoSnapshot) -> str:
    """Return the path of the Dockerfile of a repository without a compose file; else an empty path."""
    found = next((p for p in DOCKERFILES if p in snapshot.paths), "")
    return "" if snapshot.compose or snapshot.unread else found


def _with_compose(snapshot: RepoSnapshot, dockerfile: str, asked: settings.Asked) -> RepoSnapshot:
    """Return the snapshot with the proposed compose file in it."""
    name = settings.app_name(snapshot, None, asked)
    definition = {
        "build": {"context": ".", "dockerfile": dockerfile},
        "env_file": [{"path": ".env"}],
    }
    return msgspec.structs.replace(snapshot, compose={COMPOSE: {"services": {name: definition}}})


def compose_text(snapshot: RepoSnapshot, dockerfile: str, asked: settings.Asked) -> str:
    """Return a compose file for production (spec 4.2); it has a healthcheck only if the image has Python."""
    snapshot = _with_compose(snapshot, dockerfile, asked)
    chosen = service.find(snapshot)
    if chosen is None:  # the app has the name of a database or a worker
        return ""
    found, port, text = _health(snapshot, chosen), chosen.port or 8000, snapshot.texts.get(dockerfile, "")
    lines = [
        "services:",
        f"  {chosen.name}:",
        "    build:",
        "      context: .",
        f"      dockerfile: {dockerfile}",
        "    restart: unless-stopped",
        "    env_file:",
        "      - path: .env",
        "        required: false",
        f'    ports: ["127.0.0.1:8000:{port}"]',
        "    stop_grace_period: 30s",
        "    stop_signal: SIGTERM",
    ]
    if found and "HEALTHCHECK" not in text and _OF_PYTHON.search(text):
        ask = (
            f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}{found.path}', timeout=5)"
        )
        lines += [
            "    healthcheck:",
            f'      test: ["CMD", "python", "-c", "{ask}"]',
            "      interval: 30s",
            "      timeout: 10s",
            "      retries: 3",
            "      start_period: 30s",
        ]
    return "\n".join(lines) + "\n"


def _steps(snapshot: RepoSnapshot, tag: str) -> tuple[str, ...]:
    """Return the commands from here to a first deploy, on a branch if main is published (spec 3.1)."""
    commit = "git add --all && git commit -m 'Add: Deploy with l9'"
    commits = (
        (f"git switch --create {BRANCH} && {commit}", f"git push --set-upstream origin {BRANCH}",
         f"git switch {snapshot.branch} && git pull  # after the merge")
        if snapshot.published
        else (commit,)
    )  # fmt: skip
    return (*commits, "l9 check", "l9 provision", f"l9 release {tag}".rstrip(), f"l9 deploy {tag or 'TAG'}")


def _first(form: str, tags: tuple[str, ...]) -> str:
    """Return the tag of the first release; empty if there are tags, since `l9 release` then chooses it."""
    return "" if tags else form.replace("<major>", "0").replace("<minor>", "1").replace("<patch>", "0")


def _notes(
    snapshot: RepoSnapshot,
    chosen: service.Service | None,
    found: health.HealthProposal | None,
    asked: settings.Asked,
) -> Iterator[Note]:
    if not (asked.host and asked.url):
        missing = " and ".join(
            n for n, value in (("host", asked.host), ("public_url", asked.url)) if not value
        )
        yield Note(f"{SETTINGS} has example values for {missing}: replace them", f"$EDITOR {SETTINGS}")
    for path, why in sorted(snapshot.unread.items()):
        yield Note(f"{path} cannot be read: {why}", f"$EDITOR {quote(path)}")
    if chosen:
        yield from service.notes(snapshot, chosen)
        yield from _env_notes(snapshot, chosen)
        if "test" not in services(snapshot.compose[chosen.file]) and python_app.tests(snapshot, chosen):
            yield Note(
                "no service `test` in the compose file: the tests run on this machine, not in the image that goes live",
                f"$EDITOR {chosen.file}",
            )
    elif not snapshot.unread:
        yield Note(
            "no compose file and no Dockerfile: a release would run as a process on the host, with the programs"
            " installed there; with a Dockerfile, l9 init also writes the compose file",
            "$EDITOR Dockerfile",
        )
    if found is None:
        yield Note(
            "no health endpoint found: a release needs a path that answers 200 when the app and its database work"
            f" (set [health] path in {SETTINGS}; default: /health)",
            f"$EDITOR {SETTINGS}",
        )
    if python_app.tests(snapshot, chosen) == ():
        yield Note("no tests found: only the health of a release is checked", f"$EDITOR {SETTINGS}")
    if _declares(snapshot) and not any(path in snapshot.paths for path in _LOCKS):
        yield Note("the dependencies are not locked", "l9 lock")
    for path in sorted(p for p in snapshot.paths if re.fullmatch(r"requirements[^/]*\.txt", p)):
        if loose := read_requirements(snapshot.texts.get(path, "")).loose:
            source = f"{path.removesuffix('.txt')}.in"
            lock = "l9 lock" if source in snapshot.paths else f"mv {path} {source} && l9 lock"
            yield Note(f"{path}: {len(loose)} lines have no exact version, such as {loose[0].line}", lock)
    if not snapshot.origin:
        yield Note("no remote named origin: the host fetches releases from it", "git remote add origin URL")


def _env_notes(snapshot: RepoSnapshot, chosen: service.Service) -> Iterator[Note]:
    if len(chosen.env_files) > 1:
        yield Note(
            f"several env files ({', '.join(chosen.env_files)}): the host uses only {chosen.env_files[0]}",
            f"$EDITOR {chosen.file}",
        )
    for path in chosen.env_files[:1]:
        if path.startswith("../"):
            yield Note(f"env file {path} is outside the repository", f"$EDITOR {chosen.file}")
        elif path not in snapshot.ignored:
            yield Note(
                f"{path} is not ignored by git, so its values could be committed", "$EDITOR .gitignore"
            )


def _declares(snapshot: RepoSnapshot) -> bool:
    return "dependencies" in snapshot.texts.get("pyproject.toml", "") or "requirements.in" in snapshot.paths
