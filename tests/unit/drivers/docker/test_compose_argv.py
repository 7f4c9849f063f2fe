"""docker compose: argument vectors by equality, and what its answers are taken to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from l9.drivers.docker import compose_commands as compose

FILE = Path("/opt/l9 x/compose.yaml")
COMPOSE = ("docker", "compose", "--file", str(FILE))


def test_argument_vectors() -> None:
    env = (Path("/a"), Path("/b"))
    project = ("docker", "compose", "--project-name", "shop", "--file", str(FILE))
    project = (*project, "--env-file", "/a", "--env-file", "/b")
    assert compose.version() == ("docker", "compose", "version", "--format", "json")
    assert compose.config(FILE, "shop", env) == (*project, "--profile", "*", "config", "--format", "json")
    assert compose.hashes(FILE, "shop", env) == (*project, "config", "--hash", "*")
    assert compose.derived_hashes(FILE) == (*COMPOSE, "--profile", "*", "config", "--hash", "*")
    assert compose.build(FILE, ["a", "b"]) == (*COMPOSE, "build", "a", "b")
    assert compose.build(FILE, ["a"], no_cache=True) == (*COMPOSE, "build", "--no-cache", "a")
    assert compose.pull(FILE, "a") == (*COMPOSE, "--profile", "*", "pull", "a")
    up = (*COMPOSE, "up", "--detach", "--no-build", "--pull")
    assert compose.up(FILE) == (*up, "never", "--no-deps")
    assert compose.up(FILE, pull=True) == (*up, "missing", "--no-deps")
    assert compose.up_missing(FILE, ["db"]) == (
        *COMPOSE, "--profile", "*", "up", "--detach", "--no-recreate", "--no-deps", "db",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("out", "version"), [('{"version":"v2.26.1"}', "2.26.1"), ("{}", ""), ("[]", ""), ("unknown flag", "")]
)
def test_the_version(out: str, version: str) -> None:
    assert compose.parse_version(out) == version


@pytest.mark.parametrize(
    ("version", "too_old"),
    [("2.26.1-4", False), ("2.20.0", False), ("2.19.9", True), ("1.29.2", True), ("5.0", False)],
)
def test_a_version_that_is_too_old(version: str, too_old: bool) -> None:
    assert compose.too_old(version) is too_old


def test_hashes() -> None:
    assert compose.parse_hashes("db abc\nshop def\n\nodd\n") == {"db": "abc", "shop": "def"}


def test_documents() -> None:
    assert compose.parse_document('{"services": {}}') == {"services": {}}
    assert compose.parse_document("[]") is None
    assert compose.parse_document("{") is None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("env file /opt/a b.env not found: stat /opt/a b.env: no such file or directory", "/opt/a b.env"),
        ("Failed to load /opt/x: open /opt/x.env: no such file or directory", "/opt/x.env"),
        ("services.db must be a mapping", None),
    ],
)
def test_the_env_file_that_is_missing(text: str, path: str | None) -> None:
    assert compose.missing_file(text) == path


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('failed to read /e: unterminated value "hunter2', "failed to read /e: unterminated value …"),
        ('failed to read /e: Invalid template: "hunter2${"', "failed to read /e: Invalid template: …"),
        ("invalid containerPort: hunter2", "invalid containerPort: ***"),
        ("hunter2 and hunter2hunter", "*** and ***"),
        ("a yes", "a yes"),
    ],
)  # fmt: skip
def test_messages_without_values(text: str, shown: str) -> None:
    assert compose.without_values(text, ["hunter2", "hunter2hunter", "yes"]) == (shown,)


def test_an_empty_message() -> None:
    assert compose.without_values("\n", ["hunter2"]) == ()


def test_values_that_must_not_be_shown() -> None:
    entries = [
        ("API_KEY", "hunter2"), ("db_password", "abcd"), ("PIN_SECRET", "123"), ("ENV", "production"),
        ("MEMORY_DSN", "postgresql://x"), ("NAME", "x" * 20),
    ]  # fmt: skip
    assert compose.secret_values(entries) == ("hunter2", "abcd", "postgresql://x", "x" * 20)


def test_a_command_that_is_run_once() -> None:
    quiet = ("docker", "compose", "--progress", "quiet", *COMPOSE[2:], "run", "--rm", "--no-TTY")
    assert compose.run_once(FILE, "test", ("pytest", "-v")) == (*quiet, "test", "pytest", "-v")
    assert compose.run_once(FILE, "api", ("-c", "x"), entrypoint="python", alone=True) == (
        *quiet, "--entrypoint", "python", "--no-deps", "api", "-c", "x",
    )  # fmt: skip


def test_a_service_with_all_that_it_needs() -> None:
    assert compose.up_with_needs(FILE, ("db", "api")) == (
        *COMPOSE,
        "up",
        "--detach",
        "--no-build",
        "db",
        "api",
    )
    assert compose.port(FILE, "api", 8000) == (*COMPOSE, "port", "api", "8000")


@pytest.mark.parametrize(
    ("out", "port"),
    [("127.0.0.1:32768\n", 32768), ("[::]:80\n", 80), (":0", 0), ("", None), ("no such", None)],
)
def test_where_a_port_is_published(out: str, port: int | None) -> None:
    assert compose.parse_port(out) == port


def test_what_a_person_types() -> None:
    assert compose.by_hand("docker/compose.yml", "up", "api") == (
        "docker", "compose", "--file", "docker/compose.yml", "up", "api",
    )  # fmt: skip
    assert compose.by_hand("", "build") == ("docker", "compose", "build")
