"""PostgreSQL: pooled connections, and a cause without secrets if there is none."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

# Its warnings contain libpq's own text (see _CAUSES). The app logs the cause itself.
logging.getLogger("psycopg").setLevel(logging.ERROR)

CONNECT_SECONDS = 3
WAIT_SECONDS = (
    10  # for a connection of a pool that serves others meanwhile: a busy machine is slow, not broken
)
POOL_SIZE = 8

Connection = psycopg.AsyncConnection[dict[str, Any]]

_SCHEMA_LOCK = 0x4C39  # "L9": any number, as long as both slots use the same
_SCHEMA = """
CREATE TABLE IF NOT EXISTS memory_packet (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    content    text NOT NULL,
    metadata   jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
)
"""
# An allow-list: libpq's own text may contain parts of a mistyped DSN, password included.
_CAUSES = (
    "MEMORY_DSN is not set",
    "connection refused",
    "timeout",
    "password authentication failed",
    "name or service not known",
    "failed to resolve host",
    "does not exist",
    "starting up",
    "shutting down",
    "too many clients",
)


def cause(error: psycopg.Error) -> str:
    """Return the cause of a database error, without secrets."""
    text = str(error).lower()
    known = next((known for known in _CAUSES if known.lower() in text), "unavailable")
    return f"database: {known} ({type(error).__name__})"


class Database:
    """A connection pool, opened once the database answers; until then each request fails with the cause."""

    def __init__(self) -> None:
        self._pool: AsyncConnectionPool[Connection] | None = None
        self._opening: asyncio.Task[AsyncConnectionPool[Connection]] | None = None
        self._closing: asyncio.Task[None] | None = None  # keeps a reference, or the task may be collected
        self._served = 0

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        """Yield a pooled connection in autocommit mode. Raises psycopg.Error within seconds."""
        pool, connection = await self._checked_out()
        try:
            yield connection
        finally:
            await pool.putconn(connection)

    async def _checked_out(self) -> tuple[AsyncConnectionPool[Connection], Connection]:
        pool = self._pool or await self._shared_open()
        try:
            return pool, await self._checkout(pool)
        except PoolClosed:  # by another request, which had waited for nothing
            pool = self._pool or await self._shared_open()
            return pool, await self._checkout(pool)

    async def _checkout(self, pool: AsyncConnectionPool[Connection]) -> Connection:
        """Wait for a connection as long as others get theirs; the pool is dropped only if nobody does."""
        until = asyncio.get_running_loop().time() + WAIT_SECONDS
        checkout = asyncio.create_task(pool.getconn(timeout=WAIT_SECONDS))
        try:
            while asyncio.get_running_loop().time() < until:
                served = self._served
                # Not wait_for(): that waits for the cancellation, and psycopg up to 10 s for a frozen server.
                await asyncio.wait({checkout}, timeout=CONNECT_SECONDS)
                if checkout.done():
                    connection = checkout.result()
                    self._served += 1
                    return connection
                if served == self._served:
                    self._retire(pool)
                    break
        except PoolTimeout:
            pass
        finally:
            checkout.cancel()
        raise psycopg.errors.ConnectionTimeout("timeout")

    def _retire(self, pool: AsyncConnectionPool[Connection]) -> None:
        """Drop the pool, so that the next request reconnects or reports the cause."""
        if self._pool is pool:
            self._pool = None
            self._closing = asyncio.create_task(pool.close())

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def _shared_open(self) -> AsyncConnectionPool[Connection]:
        """Share one connection attempt among all waiting requests, to spare a recovering database."""
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._open())
        return await asyncio.shield(self._opening)

    async def _open(self) -> AsyncConnectionPool[Connection]:
        await (await _connect()).close()
        if self._pool is None:
            self._pool = AsyncConnectionPool(
                os.environ["MEMORY_DSN"],
                connection_class=psycopg.AsyncConnection[dict[str, Any]],
                kwargs={"autocommit": True, "row_factory": dict_row},
                min_size=1,
                max_size=POOL_SIZE,
                timeout=CONNECT_SECONDS,
                reconnect_timeout=CONNECT_SECONDS,
                check=AsyncConnectionPool.check_connection,  # after a restart of the database
                open=False,
            )
            await self._pool.open()
        return self._pool


async def _connect() -> Connection:
    dsn = os.environ.get("MEMORY_DSN")
    if not dsn:  # libpq would take this for "the local socket"
        raise psycopg.OperationalError("MEMORY_DSN is not set")
    try:
        # libpq's own connect_timeout excludes the lookup of the host
        async with asyncio.timeout(CONNECT_SECONDS):
            return await psycopg.AsyncConnection.connect(dsn, autocommit=True, row_factory=dict_row)
    except TimeoutError:
        raise psycopg.errors.ConnectionTimeout("timeout") from None


async def create_schema(connection: Connection) -> None:
    """Create the schema under a lock: IF NOT EXISTS alone is not safe with two slots starting at once."""
    async with connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = '3s'")
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
        await connection.execute(_SCHEMA)
