"""The four stages in the release's own container, on a real engine; nothing of them is left, also after a crash."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_compose.conftest import clear
from docker_compose.own_docker import BASE, docker
from l9.checks.pipeline.stages import CgmpReport, StageResult
from l9.config.model import Config
from l9.configuration import parse
from l9.core.states import Stage
from l9.drivers.compose.pipeline_document import LABEL
from l9.drivers.docker.engine import Engine
from l9.drivers.git.repo import GitRepo
from l9.operator.pipeline.pipeline import run_stages
from l9.operator.pipeline.tree_under_test import key_of, subject_of

pytestmark = [pytest.mark.host, pytest.mark.timeout(300)]

APP = """
import http.server, json, os, socket, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            socket.create_connection(("db", 5432), 1).close()
            status = "healthy"
        except OSError:
            status = "no database"
        body = json.dumps({"status": status, "mode": os.environ.get("MODE"), "key": os.environ.get("API_KEY")}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""
DOCKERFILE = f"""
FROM {BASE} AS app
RUN ["python3", "-c", "import os; os.symlink('python3', '/usr/bin/python')"]
WORKDIR /app
COPY app.py ./
CMD ["python3", "app.py"]

FROM app AS test
COPY tests.py ./
USER 10001:10001
"""
COMPOSE = """
services:
  shop:
    build: { context: ., target: app }
    container_name: shop
    restart: always
    env_file: .env
    ports: ["8000:8000"]
    volumes: ["data:/data"]
  db:
    image: postgres:16
    pull_policy: never
    container_name: shop-db
    command: ["python3", "-m", "http.server", "5432"]
    ports: ["5432:5432"]
  test:
    profiles: [test]
    build: { context: ., target: test }
volumes:
  data: { name: production-data }
"""
TESTS = """
import os
os.stat("/app/app.py")
print("tested as", os.getuid())
"""
COVER = "open('{{evidence}}/coverage.xml', 'w').write('<coverage line-rate=\\\"0.5\\\"/>')"
SETTINGS = '''app = "shop"
[check]
test = ["docker", "compose", "run", "--rm", "test", "python", "tests.py"]
[cgmp]
fix = [["{{python}}", "-c", "import sys; print(sys.version)"]]
cov = ["{{python}}", "-c", """{cover}"""]
env = {{ MODE = "contract" }}
[[cgmp.golden]]
path = "/"
fields = {{ mode = "contract", key = "local-key-of-mine" }}
[health]
deadline = 20
[targets.production]
host = "local"
'''.replace("{cover}", COVER)


class Shop:
    def __init__(self, engine: str, top: Path) -> None:
        self.engine, self.top = engine, top
        self.settings = SETTINGS.format()
        self.said: list[str] = []
        top.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        files = {"app.py": APP, "tests.py": TESTS, "Dockerfile": DOCKERFILE, "compose.yaml": COMPOSE,
                 ".env.example": "API_KEY=example\n", ".gitignore": ".env.local\n"}  # fmt: skip
        for name, text in files.items():
            (top / name).write_text(text, encoding="utf-8")
        self.commit()
        (top / ".env.local").write_text("API_KEY=local-key-of-mine\n", encoding="utf-8")
        docker(engine, "tag", BASE, "postgres:16")

    def git(self, *args: str) -> None:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@l9.invalid")
        subprocess.run(("git", *who, *args), cwd=self.top, check=True, capture_output=True)

    def commit(self, **changed: str) -> None:
        for name, text in changed.items():
            (self.top / name.replace("_", ".")).write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Add: Something")

    @property
    def config(self) -> Config:
        return parse(self.settings)

    @property
    def repo(self) -> GitRepo:
        return GitRepo(self.top, self.config)

    def run(self, *stages: Stage) -> CgmpReport:
        subject = subject_of(self.repo, self.config, "")
        return run_stages(self.repo, self.config, subject, stages or tuple(Stage), self.said.append)

    def last(self, *stages: Stage) -> StageResult:
        return self.run(*stages).stages[-1]

    def left(self) -> list[str]:
        """All containers, networks and volumes that the stages made."""
        mine = ("--filter", f"label={LABEL}", "--quiet")
        found = docker(self.engine, "ps", "--all", *mine).stdout.split()
        for kind in ("network", "volume"):
            found += docker(self.engine, kind, "ls", *mine).stdout.split()
        return found


@pytest.fixture
def shop(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("DOCKER_HOST", engine)
    yield Shop(engine, tmp_path / "the shop ü")
    clear(Engine(engine))


def test_all_four_are_green_and_nothing_is_left(shop: Shop) -> None:
    report = shop.run()
    assert report.passed, report
    assert (report.where, report.freeze) == ("container", ())
    assert "tested as 10001" in shop.said
    assert report.stages[2].found == "first release: nothing to compare with; 50% of all lines ran"
    assert report.stages[3].found.endswith("1 golden request answered, no API document at /openapi.json")
    assert {"coverage.xml", "stages.log"} <= set(report.evidence)
    assert report.image == docker(shop.engine, "image", "inspect", "--format", "{{.Id}}",
                                  f"l9-cgmp/shop:shop-{report.key[:12]}_released").stdout.strip()  # fmt: skip
    assert shop.left() == []
    assert "production-data" not in docker(shop.engine, "volume", "ls").stdout
    folder = shop.repo.state() / "cgmp"
    assert all(b"local-key-of-mine" not in p.read_bytes() for p in folder.rglob("*") if p.is_file())
    shop.said.clear()
    assert all(result.cached for result in shop.run().stages)
    assert shop.said == []


def test_another_image_under_the_same_key_is_another_content(shop: Shop) -> None:
    report = shop.run()
    name = f"l9-cgmp/shop:shop-{report.key[:12]}_released"
    (shop.top.parent / "other").mkdir()
    (shop.top.parent / "other" / "Dockerfile").write_text(f"FROM {BASE}\nENV OTHER=1\n", encoding="utf-8")
    docker(shop.engine, "rmi", name)
    label = f"{LABEL}={report.key}"
    docker(shop.engine, "build", "--quiet", "--label", label, "--tag", name, str(shop.top.parent / "other"))
    assert not shop.run().stages[0].cached


def test_tests_that_are_red(shop: Shop) -> None:
    shop.commit(tests_py="raise SystemExit('one does not hold')")
    result = shop.last()
    assert (result.stage, result.found, result.tail) == (Stage.SIM, "exit code 1", ("one does not hold",))
    assert result.command == "docker compose --file compose.yaml run --rm --build test python tests.py"
    assert shop.left() == []


def test_a_release_that_ends_at_once(shop: Shop) -> None:
    shop.commit(app_py="raise SystemExit('no configuration')")
    result = shop.last(Stage.ORACLE)
    assert result.found == "the release does not start: its container has exited (1)"
    assert result.tail == ("no configuration",)
    assert shop.left() == []


def test_an_image_that_cannot_be_built(shop: Shop) -> None:
    shop.commit(Dockerfile=DOCKERFILE + 'RUN ["python3", "-c", "raise SystemExit(7)"]\n')
    result = shop.last(Stage.FIX)
    assert result.found.startswith("the image cannot be built")
    assert result.command == "docker compose --file compose.yaml build"


def test_a_file_without_the_service_of_the_tests(shop: Shop) -> None:
    shop.settings = shop.settings.replace('"test", "python"', '"checks", "python"')
    assert shop.last(Stage.FIX).found == (
        "the compose file has no service for the tests: services db, shop, test"
    )


def test_no_engine(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{shop.top}/nothing.sock")
    result = shop.last(Stage.FIX)
    assert result.found.startswith("Docker not found: no socket")
    assert result.command == "docker compose version"


HANG = """
import sys
from pathlib import Path
from l9.drivers.git.repo import GitRepo
from l9.configuration import parse
from l9.checks.pipeline.stages import Stage
from l9.operator.pipeline.pipeline import run_stages
from l9.operator.pipeline.tree_under_test import subject_of
config = parse(sys.argv[2])
repo = GitRepo(Path(sys.argv[1]), config)
run_stages(repo, config, subject_of(repo, config, ""), (Stage.ORACLE,), print)
"""


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_killed_while_the_release_is_up(shop: Shop, sign: signal.Signals) -> None:
    shop.settings = shop.settings.replace("deadline = 20", 'deadline = 60\nequals = "never"')
    child = subprocess.Popen((sys.executable, "-c", HANG, shop.top, shop.settings), stderr=subprocess.DEVNULL)
    until = time.monotonic() + 90
    while len(docker(shop.engine, "ps", "--filter", f"label={LABEL}", "--quiet").stdout.split()) < 2:
        assert child.poll() is None
        assert time.monotonic() < until
        time.sleep(0.2)
    child.send_signal(sign)
    child.wait(60)
    if sign is signal.SIGKILL:
        assert len(shop.left()) >= 4  # two containers, a network, a volume
        assert shop.last(Stage.FIX).ok
    assert shop.left() == []


def test_the_key_knows_the_compose_file(shop: Shop) -> None:
    def key() -> str:
        return key_of(shop.repo, shop.config, subject_of(shop.repo, shop.config, ""))

    before = key()
    shop.commit(compose_yaml=COMPOSE + "\n# changed\n")
    assert key() != before
