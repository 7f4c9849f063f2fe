"""The L9 Phase 2 memory system: packets in PostgreSQL behind a small HTTP API."""

import asyncio
import hmac
import logging
import os
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Self
from uuid import UUID

import psycopg
from fastapi import Depends, FastAPI, HTTPException, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg.types.json import Jsonb
from pydantic import BaseModel, Field, ValidationError

from api import database
from api.shutdown import stop_event

SERVICE = "L9 Phase 2 Memory System"
EVENT_SECONDS = 0.5

log = logging.getLogger("uvicorn.error")


def release() -> str:
    """Return the running tag, such as v0.5.1-l9: set by the deploy, else from this source's version."""
    if tag := os.environ.get("L9_RELEASE"):
        return tag
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    return f"v{project['version']}-l9"


RELEASE = release()
VERSION = RELEASE.removeprefix("v").removesuffix("-l9")
PRODUCTION = os.environ.get("ENV", "production") == "production"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.stopping = stop_event()
    app.state.schema_ready = False
    app.state.database = database.Database()
    try:
        async with memory():
            pass
    except psycopg.Error as error:  # /health reports it until the database is back
        log.warning("Starting without a %s", database.cause(error))
    yield
    await app.state.database.close()


app = FastAPI(
    title="L9 Phase 2 Secure AI OS",
    version=VERSION,
    lifespan=lifespan,
    openapi_url=None if PRODUCTION else "/openapi.json",
)


@asynccontextmanager
async def memory() -> AsyncIterator[database.Connection]:
    """Yield a connection to a database with the table, which the first connection creates."""
    async with app.state.database.connect() as connection:
        if not app.state.schema_ready:
            await database.create_schema(connection)
            app.state.schema_ready = True
        yield connection


@app.exception_handler(psycopg.Error)
async def unhealthy(_: Request, error: psycopg.Error) -> JSONResponse:
    reason = database.cause(error)
    log.warning(reason)
    return JSONResponse({"status": "unhealthy", "error": reason}, status_code=503)


@app.exception_handler(psycopg.DataError)
async def unstorable(_: Request, error: psycopg.DataError) -> JSONResponse:
    """Reject data that PostgreSQL cannot store, such as NUL in text or NaN in jsonb: a client error."""
    return JSONResponse({"detail": f"cannot be stored ({type(error).__name__})"}, status_code=422)


def authorized(
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
) -> None:
    key = os.environ.get("L9_EXECUTOR_API_KEY", "")
    given = bearer.credentials if bearer else ""
    # An empty key denies all access, so that an unset one is safe.
    if not key or not hmac.compare_digest(given.encode(), key.encode()):
        raise HTTPException(401, "a valid bearer token is required", {"WWW-Authenticate": "Bearer"})


class Packet(BaseModel):
    content: str = Field(min_length=1, max_length=100_000)
    metadata: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    async def of(cls, request: Request) -> Self:
        """Parse a body of any content type: the spec's smoke test (5.1 step 6) sends a wrong one."""
        try:
            return cls.model_validate_json(await request.body())
        except ValidationError as error:
            raise RequestValidationError(error.errors(include_url=False, include_input=False)) from None


@app.get("/health")
async def health() -> dict[str, str]:
    """Readiness and liveness (spec 4.2): 200 only if packets can be read now; else see unhealthy()."""
    async with memory() as connection:
        await connection.execute("SELECT FROM memory_packet LIMIT 1")
    return {
        "status": "healthy",
        "service": SERVICE,
        "version": VERSION,
        "database": "connected",
        "memory_system": "operational",
    }


@app.get("/version")
async def version() -> dict[str, str]:
    """Return the release of this process, without the database."""
    return {"service": SERVICE, "version": VERSION, "release": RELEASE}


@app.post("/memory/packet", dependencies=[Depends(authorized)])
async def store(packet: Annotated[Packet, Depends(Packet.of)]) -> dict[str, Any]:
    async with memory() as connection:
        cursor = await connection.execute(
            "INSERT INTO memory_packet (content, metadata) VALUES (%s, %s) RETURNING id, created_at",
            (packet.content, Jsonb(packet.metadata)),
        )
        row = await cursor.fetchone()
    return {"status": "stored", **(row or {})}


@app.get("/memory/packet/{packet_id}", dependencies=[Depends(authorized)])
async def load(packet_id: UUID) -> dict[str, Any]:
    async with memory() as connection:
        cursor = await connection.execute(
            "SELECT id, content, metadata, created_at FROM memory_packet WHERE id = %s", (packet_id,)
        )
        row = await cursor.fetchone()
    if row is None:
        raise HTTPException(404, "no such packet")
    return row


@app.websocket("/ws")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    with suppress(WebSocketDisconnect):  # also how the server's shutdown arrives (close code 1012)
        while True:
            await socket.send_text(await socket.receive_text())


@app.get("/events")
async def events() -> StreamingResponse:
    """A counter as server-sent events, until the client leaves or the server stops."""
    stopping: asyncio.Event = app.state.stopping

    async def numbers() -> AsyncIterator[str]:
        for number in count(1):
            yield f"data: {number}\n\n"
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), EVENT_SECONDS)
                return

    return StreamingResponse(
        numbers(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@app.get("/slow")
async def slow(seconds: Annotated[float, Query(ge=0, le=10)] = 2) -> dict[str, float]:
    """Answer after a delay, to be in flight when traffic is switched or the process stops."""
    await asyncio.sleep(seconds)
    return {"slept": seconds}
