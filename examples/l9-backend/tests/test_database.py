"""With PostgreSQL: packets last, slots may start at once, and losing the memory is noticed."""

import asyncio
import os
from collections.abc import Iterator
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from api import database
from conftest import KEY, Server, launch


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    """A schema of our own in the database at MEMORY_DSN, dropped at the end."""
    if not (base := os.environ.get("MEMORY_DSN")):
        if os.environ.get("CI_DATABASE") == "required":
            pytest.fail("CI_DATABASE=required, and MEMORY_DSN is not set")
        pytest.skip("needs PostgreSQL: set MEMORY_DSN")
    schema = f"test_{uuid4().hex}"
    with psycopg.connect(base, autocommit=True, connect_timeout=3) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        yield make_conninfo(base, options=f"-c search_path={schema}")
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(scope="module")
def server(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = launch(tmp_path_factory.mktemp("database") / "server.log", dsn)
    yield server
    server.stop()


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def test_health_says_everything_the_spec_asks_for(server: Server) -> None:
    with server.client(key=None) as client:
        answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "healthy",
        "service": "L9 Phase 2 Memory System",
        "version": "1.2.3",
        "database": "connected",
        "memory_system": "operational",
    }


@pytest.mark.parametrize(
    "packet",
    [
        {"content": "hello", "metadata": {}},
        {"content": "zwölf \N{BRAIN}'; --", "metadata": {"nested": {"list": [1, None, "x"]}}},
    ],
)
def test_a_packet_comes_back(client: httpx.Client, packet: dict[str, object]) -> None:
    answer = client.post("/memory/packet", json=packet)
    assert answer.status_code == 200
    stored = answer.json()
    assert stored.pop("status") == "stored"
    assert client.get(f"/memory/packet/{stored['id']}").json() == stored | packet


def test_metadata_and_content_type_may_be_left_out(client: httpx.Client) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # what `curl -d` says
    for headers in ({}, form):
        answer = client.post("/memory/packet", content='{"content": "hello"}', headers=headers)
        assert answer.status_code == 200


def test_an_unknown_packet_is_404(client: httpx.Client) -> None:
    assert client.get(f"/memory/packet/{uuid4()}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        r'{"content": "\u0000"}',
        r'{"content": "x", "metadata": {"k": "\u0000"}}',
        '{"content": "x", "metadata": {"k": NaN}}',
    ],
)
def test_what_postgresql_cannot_hold_is_the_clients_fault(client: httpx.Client, body: str) -> None:
    answer = client.post("/memory/packet", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


def test_slots_may_make_the_table_at_once(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORY_DSN", dsn)

    async def start() -> None:
        async with database.Database().connect() as connection:
            await database.create_schema(connection)

    async def all_at_once() -> None:
        await asyncio.gather(*(start() for _ in range(8)))

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS memory_packet")
    asyncio.run(all_at_once())


def test_a_database_that_hangs_is_asked_once_by_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A try a request would keep a database that is merely busy from ever coming back."""
    asked = 0

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        try:
            await asyncio.sleep(60)
        finally:
            writer.close()

    async def all_at_once() -> list[object]:
        silent = await asyncio.start_server(hang, "127.0.0.1", 0)
        monkeypatch.setenv("MEMORY_DSN", f"postgresql://u@127.0.0.1:{silent.sockets[0].getsockname()[1]}/d")
        memory = database.Database()

        async def connect() -> None:
            async with memory.connect():
                pass

        found = await asyncio.gather(*(connect() for _ in range(20)), return_exceptions=True)
        silent.close()
        return list(found)

    found = asyncio.run(all_at_once())
    assert asked == 1
    assert {str(error) for error in found} == {"timeout"}


def test_a_busy_pool_is_waited_for(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits longer than it takes to connect, while others are served, is slow and not refused."""
    monkeypatch.setenv("MEMORY_DSN", dsn)
    monkeypatch.setattr(database, "CONNECT_SECONDS", 0.5)

    async def all_at_once() -> list[object]:
        memory = database.Database()

        async def use() -> None:
            async with memory.connect() as connection:
                await connection.execute("SELECT pg_sleep(0.2)")

        found = await asyncio.gather(*(use() for _ in range(8 * database.POOL_SIZE)), return_exceptions=True)
        await memory.close()
        return list(found)

    assert [error for error in asyncio.run(all_at_once()) if error] == []


def test_a_pool_that_serves_nobody_is_replaced_for_those_who_wait(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMORY_DSN", dsn)
    monkeypatch.setattr(database, "CONNECT_SECONDS", 0.5)

    async def all_at_once() -> list[object]:
        memory = database.Database()

        async def use(seconds: float) -> str:
            async with memory.connect() as connection:
                await connection.execute("SELECT pg_sleep(%s)", (seconds,))
            return "served"

        holders = [asyncio.create_task(use(3.0)) for _ in range(database.POOL_SIZE)]
        await asyncio.sleep(0.4)
        first = asyncio.create_task(use(0.0))
        await asyncio.sleep(0.2)
        found = await asyncio.gather(first, use(0.0), use(0.0), *holders, return_exceptions=True)
        await memory.close()
        return list(found)

    found = asyncio.run(all_at_once())
    assert str(found[0]) == "timeout"
    assert found[1:] == ["served"] * (2 + database.POOL_SIZE)


def test_losing_the_memory_is_noticed(client: httpx.Client, dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE memory_packet RENAME TO lost")
        answer = client.get("/health")
        connection.execute("ALTER TABLE lost RENAME TO memory_packet")
    assert answer.status_code == 503
    assert answer.json()["error"] == "database: does not exist (UndefinedTable)"
    assert client.get("/health").status_code == 200


def test_no_secret_in_the_log(server: Server, client: httpx.Client) -> None:
    client.post("/memory/packet", json={"content": "private words"})
    log = server.log.read_text()
    for secret in (KEY, "private words", conninfo_to_dict(os.environ["MEMORY_DSN"]).get("password")):
        assert not secret or secret not in log
