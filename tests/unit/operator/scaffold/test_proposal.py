"""Test cases for a proposal: service, port, health, settings, example file, and what is left to a person."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from msgspec.structs import replace

from l9.checks.environment.reads import EnvRead
from l9.checks.environment.schema import read_schema
from l9.configuration import parse
from l9.operator.scaffold import env_example, health, python_app, service, settings
from l9.operator.scaffold.proposal import Proposal, propose
from l9.operator.scaffold.settings import Asked
from l9.operator.scaffold.snapshot import RepoSnapshot

BUILT = {"build": ".", "ports": ["8000:8000"]}
ASKED = Asked(host="ada@host", url="https://shop.example")


def seen(
    services: dict[str, Any] | None = None,
    file: str = "compose.yaml",
    texts: dict[str, str] | None = None,
    **more: Any,
) -> RepoSnapshot:
    """A repository with one compose file and these texts."""
    compose = {} if services is None else {file: {"services": services}}
    paths = frozenset({*compose, *(texts or {}), *more.pop("paths", ())})
    return RepoSnapshot(directory="Shop", paths=paths, compose=compose, texts=texts or {}, **more)


def proposed(there: RepoSnapshot, asked: Asked = ASKED) -> tuple[dict[str, Any], str, Proposal]:
    """The settings as read, all notes as one text, and the proposal."""
    proposal = propose(there, asked)
    text = proposal.files[-1].text
    assert parse(text).app == tomllib.loads(text)["app"]
    return tomllib.loads(text), "\n".join(n.what for n in proposal.notes), proposal


# ── services ─────────────────────────────────────────────────────────────────────────────────────


def chosen(services: dict[str, Any], **more: Any) -> service.Service:
    found = service.find(seen(services, **more))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("services", "name"),
    [
        ({"web": BUILT, "db": {"image": "postgres:16"}}, "web"),
        ({"site": BUILT, "nginx": {"build": "./nginx", "ports": ["80:80"]}}, "site"),
        ({"site": BUILT, "front": {"build": {"context": "deploy/nginx"}}}, "site"),
        ({"a": BUILT, "web": {"build": ".", "expose": [8000]}}, "web"),
        ({"a": {"build": "."}, "b": BUILT}, "b"),
        ({"a": {"image": "x"}, "b": {"build": "."}}, "b"),
        ({"app": BUILT, "jobs": {"build": ".", "command": "celery -A x worker"}}, "app"),
        ({"b": BUILT, "a": {"build": ".", "command": ["rq", "worker"]}}, "b"),
        ({"b": BUILT, "migrate": BUILT, "test": BUILT}, "b"),
        (
            {
                "b": {**BUILT, "depends_on": {"a": {"condition": "service_completed_successfully"}, "c": {}}},
                "a": BUILT,
            },
            "b",
        ),
        ({"b": BUILT, "a": {**BUILT, "profiles": ["dev"]}}, "b"),
        ({"x-blue": BUILT, "x-green": BUILT, "a": BUILT, "y-blue": {}}, "x"),
    ],
)
def test_which_service_a_release_is(services: dict[str, Any], name: str) -> None:
    assert chosen(services).name == name


def test_where_no_service_can_be_one() -> None:
    assert service.find(seen({"db": {"image": "postgres"}, "odd": {}})) is None
    assert service.find(seen()) is None


def test_the_file_for_production_comes_first() -> None:
    there = replace(
        seen(),
        compose={
            p: {"services": {"web": BUILT}}
            for p in ("compose.yaml", "x/compose.yml", "docker-compose.prod.yml")
        },
    )
    assert list(service.files(there)) == ["docker-compose.prod.yml", "compose.yaml", "x/compose.yml"]
    override = replace(
        there,
        compose={**there.compose, "docker-compose.prod.yml": {"services": {"web": {"restart": "always"}}}},
    )
    found = service.find(override)
    assert found is not None
    assert found.file == "compose.yaml"


@pytest.mark.parametrize(
    ("definition", "dockerfile", "port"),
    [
        ({"ports": ["127.0.0.1:8000:8080/tcp"]}, "", 8080),
        ({"ports": ["9000"]}, "", 9000),
        ({"ports": [{"target": 7000, "published": "80"}]}, "", 7000),
        ({"ports": ["${PORT}"]}, "", None),
        ({"expose": ["9000"]}, "", 9000),
        ({"healthcheck": {"test": ["CMD", "curl", "http://localhost:5000/up"]}}, "", 5000),
        ({"command": "uvicorn main:app --port 8123"}, "", 8123),
        ({"command": ["gunicorn", "x", "--bind", "0.0.0.0:8124"]}, "", 8124),
        ({}, "FROM x\nEXPOSE 3000/tcp\n", 3000),
        ({}, 'FROM x\nCMD ["uvicorn", "main:app", "--port", "8125"]\n', 8125),
        ({}, "FROM x\nHEALTHCHECK CMD curl http://127.0.0.1:8126/\n", 8126),
        ({}, "FROM x\n", None),
        ({"expose": ["70000"]}, "", None),
    ],
)
def test_the_port_inside_the_container(definition: dict[str, Any], dockerfile: str, port: int | None) -> None:
    assert chosen({"web": {"build": ".", **definition}}, texts={"Dockerfile": dockerfile}).port == port


@pytest.mark.parametrize(
    ("build", "file", "dockerfile"),
    [
        (".", "compose.yaml", "Dockerfile"),
        (
            {"context": "..", "dockerfile": "docker/Dockerfile"},
            "docker/docker-compose.yml",
            "docker/Dockerfile",
        ),
        ({"context": "/opt/l9", "dockerfile": "docker/Dockerfile"}, "compose.yaml", "docker/Dockerfile"),
        ("./backend", "compose.yaml", ""),
        (None, "compose.yaml", ""),
    ],
)
def test_the_dockerfile_of_a_service(build: Any, file: str, dockerfile: str) -> None:
    paths = ("Dockerfile", "docker/Dockerfile")
    assert chosen({"web": {"build": build, "image": "x"}}, file=file, paths=paths).dockerfile == dockerfile


def test_the_env_files_of_a_service() -> None:
    named = [{"path": "../.env", "required": False}, "prod.env", "/opt/l9/.env", {}]
    found = chosen({"web": {**BUILT, "env_file": named}}, file="docker/compose.yml")
    assert found.env_files == (".env", "docker/prod.env", ".env")
    assert chosen({"web": {**BUILT, "env_file": ".env"}}).env_files == (".env",)


@pytest.mark.parametrize(
    ("definition", "more", "variable"),
    [
        ({"environment": {"PORT": "${PORT:-8000}"}}, {}, "PORT"),
        ({"command": "serve --port $HTTP_PORT"}, {}, "HTTP_PORT"),
        ({"environment": ["PORT=8000"]}, {}, "PORT"),
        ({}, {"listens": frozenset({"PORT"})}, "PORT"),
        ({}, {}, ""),
    ],
)
def test_what_tells_two_slots_apart_on_the_hosts_network(
    definition: dict[str, Any], more: dict[str, Any], variable: str
) -> None:
    there = seen({"web": {"build": ".", "network_mode": "host", **definition}}, **more)
    found = service.find(there)
    assert found is not None
    assert (found.host_network, found.port_variable) == (True, variable)
    assert ("both slots would listen" in proposed(there)[1]) is (variable == "")


# ── health ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "path", "equals"),
    [
        (
            {"main.py": '@app.get("/health")\ndef h():\n    return {"status": "healthy"}\n'},
            "/health",
            "healthy",
        ),
        ({"main.py": "@app.route('/healthz')\ndef h():\n    return 'fine'\n"}, "/healthz", ""),
        ({"main.py": 'router = APIRouter(prefix="/api")\n\n@router.get("/health")\n'}, "/api/health", ""),
        ({"app.js": "app.get('/up', (q, r) => r.json({ status: 'ok' }))"}, "/up", "ok"),
        ({"routes.rb": 'get "up" => "rails/health#show"\n'}, "/up", ""),
        (
            {
                "urls.py": "path('health/', views.ok)",
                "views.py": "def ok(r):\n  return J({'status': 'up'})\n",
            },
            "/health/",
            "up",
        ),
        ({"urls.py": "re_path(r'^healthz/$', include('x'))"}, "/healthz/", ""),
        ({"urls.py": "path('ping/', gone)"}, "/ping/", ""),
        (
            {"a.py": 'app.get("/status")', "b.py": 'app.get("/healthz")', "c.py": 'app.get("/v1/ready")'},
            "/healthz",
            "",
        ),
    ],
)
def test_a_health_endpoint_in_the_code(code: dict[str, str], path: str, equals: str) -> None:
    found = health.find("", "", code)
    assert found is not None
    assert (found.path, found.equals) == (path, equals)


def test_a_healthcheck_knows_better_than_the_code() -> None:
    code = {
        "main.py": '@app.get("/health")\n{"status": "healthy"}\n@app.get("/deep/ready")\n{"status": "ready"}\n'
    }
    found = health.find("CMD curl -f http://localhost:8000/deep/ready || exit 1", "", code)
    assert found == health.HealthProposal("/deep/ready", "ready", "the healthcheck")
    dockerfile = 'FROM x\nHEALTHCHECK --interval=30s \\\n    CMD curl http://127.0.0.1/ || exit 1\nCMD ["http://localhost/no"]\n'
    assert health.find("", dockerfile, code) == health.HealthProposal("/", "", "HEALTHCHECK")
    assert health.find("CMD python -m api.healthcheck", "", code) == health.HealthProposal(
        "/health", "healthy", "main.py:1"
    )
    assert health.find("", "", {"main.py": 'app.get("/items")'}) is None


# ── settings ─────────────────────────────────────────────────────────────────────────────────────


def test_the_specs_own_layout_takes_five_lines() -> None:
    services = {"l9-api-blue": BUILT, "l9-api-green": BUILT, "test": {"build": ".", "profiles": ["test"]}}
    code = {"api/main.py": '@app.get("/health")\n{"status": "healthy"}'}
    there = seen(services, "docker/docker-compose.yml", code, paths=("tests/test_cgmp.py", ".env.example"))
    assert propose(there, Asked()).files[-1].text == (
        'app = "l9-api"\n\n[targets.production]\nhost = "admin@203.0.113.10"\npublic_url = "https://l9.example.com"\n'
    )


def test_only_what_differs_is_written() -> None:
    found, _, _ = proposed(seen({"web": {"build": ".", "ports": ["80:8080"], "env_file": "prod.env"}}))
    assert found == {
        "app": "shop",
        "check": {"test": []},
        "compose": {"service": "web", "port": 8080},
        "env": {"file": "prod.env"},
        "targets": {
            "production": {"host": "ada@host", "path": "/opt/shop", "public_url": "https://shop.example"}
        },
    }


def test_a_pair_under_another_name_than_the_app() -> None:
    services = {"x-blue": BUILT, "x-green": BUILT}
    assert "compose" not in proposed(seen(services))[0]
    found = proposed(seen(services), replace(ASKED, app="other"))[0]
    assert found["compose"] == {"blue": "x-blue", "green": "x-green"}


@pytest.mark.parametrize(
    ("directory", "project", "asked", "name"),
    [
        ("My Shop!", "", "", "my-shop"),
        ("x", "stack", "", "stack"),
        ("x", "stack", "mine", "mine"),
        ("___", "", "", "app"),
        ("a" * 60, "", "", "a" * 41),
    ],
)
def test_the_apps_name(directory: str, project: str, asked: str, name: str) -> None:
    there = replace(seen({"web": BUILT}), directory=directory)
    there = replace(there, compose={"compose.yaml": {"name": project, "services": {"web": BUILT}}})
    assert proposed(there, replace(ASKED, app=asked))[0]["app"] == name


def test_tags_and_branch_as_they_are() -> None:
    found, _, proposal = proposed(seen({"web": BUILT}, tags=("nightly", "v1.2.3"), branch="master"))
    assert found["release"] == {"tag": "v<major>.<minor>.<patch>", "main": "master"}
    assert proposal.steps[-2:] == ("l9 release", "l9 deploy TAG")
    assert "release" not in proposed(seen({"web": BUILT}, tags=("v1.2.3", "v1.2.4-l9")))[0]


def test_the_way_to_a_first_deploy() -> None:
    first = proposed(seen({"web": BUILT}))[2].steps
    assert first[0] == "git add --all && git commit -m 'Add: Deploy with l9'"
    assert first[-1] == "l9 deploy v0.1.0-l9"
    reviewed = proposed(seen({"web": BUILT}, published=True, branch="master"))[2].steps
    assert reviewed[0].startswith("git switch --create feature/deploy-with-l9 && git add --all")
    assert reviewed[2] == "git switch master && git pull  # after the merge"
    assert reviewed[3:] == first[1:]


def test_ports_that_others_publish_are_left_to_them() -> None:
    others = {
        "admin": {"image": "x/admin", "ports": ["8001:80"]},
        "b": {"image": "y", "ports": [{"published": "8010"}]},
    }
    found = proposed(
        seen({"web": {"build": "."}, **others, "c": {"image": "z", "ports": ["127.0.0.1:8020:80", "9000"]}})
    )[0]
    assert found["targets"]["production"]["ports"] == {"blue": 8030, "green": 8031}


def test_another_file_and_another_example() -> None:
    there = seen(
        {"web": {**BUILT, "env_file": [".env", "b.env"]}}, "deploy/compose.yaml", paths=("env.example",)
    )
    found, notes, _ = proposed(there)
    assert found["compose"]["file"] == "deploy/compose.yaml"
    assert found["env"] == {"file": "deploy/.env", "example": "env.example"}
    assert "several env files (deploy/.env, deploy/b.env)" in notes


def test_a_port_variable_of_another_name() -> None:
    definition = {"build": ".", "network_mode": "host", "command": "serve $APP_PORT", "ports": ["9000"]}
    assert proposed(seen({"shop": definition}))[0]["compose"] == {"port_variable": "APP_PORT"}


def test_an_env_file_from_elsewhere() -> None:
    found, notes, _ = proposed(seen({"web": {**BUILT, "env_file": "../secrets.env"}}))
    assert "env" not in found
    assert "../secrets.env is outside the repository" in notes


@pytest.mark.parametrize(
    ("found", "written"),
    [
        (None, {}),
        (health.HealthProposal("/health", "healthy"), {}),
        (health.HealthProposal("/up", "healthy"), {"path": "/up"}),
        (health.HealthProposal("/up"), {"path": "/up", "field": ""}),
        (health.HealthProposal("/health", "ok"), {"equals": "ok"}),
    ],
)
def test_health_as_it_differs(found: health.HealthProposal | None, written: dict[str, str]) -> None:
    assert settings.sections(seen({"web": BUILT}), None, found, ASKED)["health"] == written


# ── without containers, and tests ────────────────────────────────────────────────────────────────


UVICORN = ["{python}", "-m", "uvicorn"]
GUNICORN = ["{python}", "-m", "gunicorn"]
BOUND = ["--bind", "127.0.0.1:{port}"]
LISTENS = ["--host", "127.0.0.1", "--port", "{port}"]


@pytest.mark.parametrize(
    ("texts", "command", "ready"),
    [
        ({"src/shop/main.py": "app: FastAPI = FastAPI()"},
         [*UVICORN, "shop.main:app", "--app-dir", "src", *LISTENS], True),
        ({"x.go": "", "web.py": "a = 1", "web/__init__.py": "site = Flask(__name__)"},
         [*GUNICORN, "web:site", *BOUND], True),
        ({"src/web.py": "site = Flask(__name__)"}, [*GUNICORN, "web:site", "--chdir", "src", *BOUND], True),
        ({"manage.py": "", "mysite/wsgi.py": ""}, [*GUNICORN, "mysite.wsgi:application", *BOUND], True),
        ({"api/server_memory.py": "app = FastAPI()"}, None, True),
        ({"mysite/wsgi.py": ""}, None, False),
        ({"manage.py": ""}, None, False),
    ],
)  # fmt: skip
def test_how_an_application_without_containers_is_started(
    texts: dict[str, str], command: list[str] | None, ready: bool
) -> None:
    found, notes, proposal = proposed(seen(texts=texts))
    assert found["targets"]["production"]["runtime"] == "process"
    assert found.get("process", {}).get("command") == command
    assert "no compose file and no Dockerfile" in notes
    assert proposal.ready is ready


def test_a_fresh_application_gets_a_dockerfile_too() -> None:
    texts = {
        "main.py": 'app = FastAPI()\n@app.get("/health")\n{"status": "healthy"}',
        "requirements.txt": "uvicorn==1\n",
    }
    found, notes, proposal = proposed(seen(texts=texts))
    assert [file.path for file in proposal.files[:3]] == ["Dockerfile", ".dockerignore", "compose.yaml"]
    made = proposal.files[0].text
    assert "RUN pip install --no-cache-dir -r requirements.txt\n" in made
    assert "http://127.0.0.1:8000/health" in made
    assert made.endswith('CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]\n')
    assert "runtime" not in found["targets"]["production"]
    assert "no Dockerfile" not in notes
    bare = proposed(seen(texts={"main.py": "app = FastAPI()", "requirements.in": "fastapi[standard]\n"}))[2]
    assert "HEALTHCHECK" not in bare.files[0].text
    assert "--require-hashes" in bare.files[0].text


@pytest.mark.parametrize(
    "texts",
    [
        {"requirements.txt": "fastapi==1\n"},
        {"requirements.txt": "uvicorn==1\n", "uv.lock": ""},
        {"pyproject.toml": 'requires-python = ">=3.13"\ndependencies = ["uvicorn"]'},
        {"pyproject.toml": 'requires-python = ">=3.9, <3.12"\ndependencies = ["uvicorn"]'},
        {"requirements.txt": "uvicorn==1\n", "backend.Dockerfile": ""},
    ],
)
def test_no_dockerfile_that_would_not_run(texts: dict[str, str]) -> None:
    proposal = proposed(seen(texts={"main.py": "app = FastAPI()", **texts}))[2]
    assert "Dockerfile" not in [file.path for file in proposal.files]
    unread = proposed(seen(texts={"main.py": "app = FastAPI()"}, unread={"compose.yaml": "no"}))[2]
    assert "Dockerfile" not in [file.path for file in unread.files]


COMPOSE_RUN = ("docker", "compose", "run", "--rm", "test")
PYTEST = ("python", "-m", "pytest", "-q")
HERE = ("{python}", "-m", "uv", "run")
MEASURED = (*PYTEST, "--cov", "--cov-report=xml:{evidence}/coverage.xml")


@pytest.mark.parametrize(
    ("services", "paths", "test"),
    [
        ({"web": BUILT, "test": BUILT}, ("tests/test_cgmp.py",), None),
        ({"web": BUILT, "test": BUILT}, ("tests/test_x.py",), (*COMPOSE_RUN, *PYTEST)),
        ({"web": BUILT, "test": BUILT}, (), COMPOSE_RUN),
        ({"web": BUILT, "test": {"command": ["npm", "test"]}}, (), (*COMPOSE_RUN, "npm", "test")),
        ({"web": BUILT, "test": {"command": "npm test"}}, (), (*COMPOSE_RUN, "npm", "test")),
        ({"web": BUILT}, ("tests/test_x.py", "uv.lock"), (*HERE, "--frozen", "--with", "pytest-cov", *MEASURED)),
        (None, ("pkg/x_test.py", "requirements.txt", "requirements-dev.txt"),
         (*HERE, "--no-project", "--isolated", "--with-requirements=requirements.txt",
          "--with-requirements=requirements-dev.txt",
          "--with", "pytest", "--with", "pytest-cov", *MEASURED)),
        (None, ("pkg/latest.py",), ()),
    ],
)  # fmt: skip
def test_how_it_is_tested(
    services: dict[str, Any] | None, paths: tuple[str, ...], test: tuple[str, ...] | None
) -> None:
    there = seen(services, paths=paths)
    assert python_app.tests(there, service.find(there)) == test


# ── files ────────────────────────────────────────────────────────────────────────────────────────


def test_a_lonely_dockerfile_gets_a_compose_file() -> None:
    texts = {
        "Dockerfile": "FROM python:3.12-slim\nEXPOSE 8080\n",
        "main.py": '@app.get("/health")\n{"status": "healthy"}',
        "requirements.txt": "fastapi==1\n",
    }
    found, notes, proposal = proposed(seen(texts=texts))
    made = proposal.files[0]
    assert made.path == "compose.yaml"
    assert "  shop:\n    build:\n      context: .\n      dockerfile: Dockerfile\n" in made.text
    assert 'ports: ["127.0.0.1:8000:8080"]' in made.text
    assert "http://127.0.0.1:8080/health" in made.text
    assert found["compose"] == {"port": 8080}
    assert ".env is not ignored by git" in notes
    own = {**texts, "Dockerfile": "FROM python:3.12\nHEALTHCHECK CMD curl http://localhost:80/x\n"}
    assert "healthcheck" not in proposed(seen(texts=own))[2].files[0].text
    assert "healthcheck" not in proposed(seen(texts={"docker/Dockerfile": "FROM node\n"}))[2].files[0].text
    worker = proposed(seen(texts={"Dockerfile": ""}), replace(ASKED, app="worker"))[2]
    assert "compose.yaml" not in [file.path for file in worker.files]


def test_an_example_file_has_nobodys_values() -> None:
    reads = (
        EnvRead(("API_KEY",), "main.py:1"), EnvRead(("API_KEY",), "b.py:1", default=True),
        EnvRead(("MODE",), "main.py:2"),
        EnvRead(("DATABASE_URL",), "main.py:3"), EnvRead(("LEVEL",), "main.py:4", default=True),
    )  # fmt: skip
    text = env_example.text(seen(reads=reads))
    assert "# Read in main.py:1.\n# secret\nAPI_KEY=YOUR_API_KEY_HERE\n" in text
    assert "# Read in main.py:2.\nMODE=\n" in text
    assert "DATABASE_URL=YOUR_DATABASE_URL_HERE" in text
    assert "# LEVEL=\n" in text
    schema = read_schema(text)
    assert schema.problems == ()
    assert {(r.key, r.required, r.secret) for r in schema.rules} == {
        ("API_KEY", True, True), ("MODE", True, False), ("DATABASE_URL", True, False),
    }  # fmt: skip
    assert next(iter(proposed(seen({"web": BUILT}, reads=reads))[2].files)).path == ".env.example"
    assert env_example.text(seen()) == ""


def test_what_is_there_stays_and_the_settings_come_last() -> None:
    proposal = proposed(seen({"web": BUILT}, paths=("scripts/deploy.sh", ".env.example")))[2]
    assert [(f.path, f.mode, f.there) for f in proposal.files] == [
        ("scripts/deploy.sh", 0o755, True),
        ("scripts/rollback.sh", 0o755, False),
        ("scripts/drift-check.sh", 0o755, False),
        ("l9.toml", 0o644, False),
    ]


def test_what_is_left_to_a_person() -> None:
    services = {
        "web": BUILT, "api": BUILT, "nginx": {"image": "nginx", "ports": ["80:80"]}, "caddy": {"image": "caddy"},
        "worker": {"build": ".", "command": "celery worker"}, "beat": {"image": "x", "command": "celery beat"},
    }  # fmt: skip
    texts = {
        "pyproject.toml": "dependencies = []",
        "requirements-dev.txt": "pytest\nx==1\n",
        "tests/test_x.py": "",
    }
    there = seen(services, texts=texts, unread={"docker-compose.yml": "line 3: no"}, origin=False)
    notes = proposed(there, Asked(host="ada@host"))[1]
    for said in (
        "l9.toml has example values for public_url",
        "docker-compose.yml cannot be read: line 3: no",
        "using service api as the app; other candidates: web",
        "service nginx publishes a port",
        "service worker is also built here",
        "no service `test` in the compose file",
        "no health endpoint found",
        "the dependencies are not locked",
        "requirements-dev.txt: 1 lines have no exact version, such as pytest",
        "no remote named origin",
    ):
        assert said in notes
    assert "caddy publishes" not in notes
    assert "beat is also built" not in notes
    quiet = seen(
        {"web": {**BUILT, "env_file": ".env"}, "test": BUILT}, ignored=frozenset({".env"}),
        texts={"a.py": 'app.get("/health")', "requirements.in": "x\n", "requirements.txt": "x==1\n"},
    )  # fmt: skip
    assert proposed(quiet)[1] == ""
    loose = seen(
        {"web": BUILT},
        texts={"requirements.txt": "x\n", "requirements-a.txt": "x\n", "requirements-a.in": "x\n"},
    )
    assert {n.next for n in propose(loose, ASKED).notes} >= {
        "mv requirements.txt requirements.in && l9 lock",
        "l9 lock",
    }
    unread = seen(unread={"compose.yaml": "no"}, texts={"requirements.in": "x"})
    assert "no compose file" not in proposed(unread)[1]
    assert "not locked" in proposed(unread)[1]
