"""Servers as people run them: each answers health, a slow request, and watches its workers as it does by default."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import NamedTuple

from hosts.images import cache
from l9.demo.child import PartError

WSGI = """
import time


def app(environ, start):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(0.4)
    body = b'{"status": "healthy"}'
    start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
"""
ASGI = """
import asyncio


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(0.4)
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"status": "healthy"}'})
"""
NODE = """
const http = require("http");

http.createServer((request, answer) => {
  const wait = request.url === "/slow" ? 400 : 0;
  setTimeout(() => {
    answer.writeHead(200, { "Content-Type": "application/json" });
    answer.end('{"status": "healthy"}');
  }, wait);
}).listen(Number(process.argv[2]), process.argv[3]);
"""
JAVA = """
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

public class Main {
    public static void main(String[] arguments) throws Exception {
        var server = HttpServer.create(new InetSocketAddress(arguments[1], Integer.parseInt(arguments[0])), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", exchange -> {
            if (exchange.getRequestURI().getPath().equals("/slow")) {
                try { Thread.sleep(400); } catch (InterruptedException error) { throw new RuntimeException(error); }
            }
            byte[] body = "{\\"status\\": \\"healthy\\"}".getBytes();
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }
}
"""
WHEELS = ("gunicorn==23.0.0", "uvicorn==0.35.0")
# Workers that do not report for this long are killed; less than every standby of these tests.
TIMEOUT = "3"


class Server(NamedTuple):
    """A program that serves on `@host` and `{port}`; `@python` has gunicorn and uvicorn.

    `frozen`: whether it stands by frozen where nobody says how.
    """

    name: str
    files: dict[str, str]
    command: tuple[str, ...]
    frozen: bool

    def filled(self, python: str, host: str) -> tuple[str, ...]:
        """Return the command with its interpreter and address."""
        return tuple(word.replace("@python", python).replace("@host", host) for word in self.command)


def python() -> str:
    """Return the interpreter of a virtual environment with gunicorn and uvicorn, which is made once."""
    folder = cache() / ("standby-" + "-".join(WHEELS).replace("==", "-"))
    program = folder / "bin" / "python"
    if not (folder / "made").exists():
        for argv in (
            (sys.executable, "-m", "venv", "--clear", str(folder)),
            (str(program), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *WHEELS),
        ):
            done = subprocess.run(argv, capture_output=True, text=True)
            if done.returncode != 0:
                raise PartError(
                    "the servers of these tests cannot be installed",
                    expected=" and ".join(WHEELS),
                    found=done.stderr.strip()[-300:],
                    remedy=" ".join(argv),
                )
        (folder / "made").touch()
    return str(program)


def missing(server: Server) -> list[str]:
    """Return the programs that the server needs and this machine does not have."""
    program = server.command[0]
    return [] if program == "@python" or shutil.which(program) else [program]


def gunicorn(name: str, app: str, *options: str) -> Server:
    """gunicorn with two workers that are killed when they do not report."""
    command = ("@python", "-m", "gunicorn", "--workers=2", f"--timeout={TIMEOUT}", "--bind=@host:{port}")
    return Server(name, {"app.py": WSGI, "asgi.py": ASGI}, (*command, *options, app), frozen=False)


def servers() -> dict[str, Server]:
    """Return all servers by name."""
    uvicorn = ("@python", "-m", "uvicorn", "--no-access-log", "--host=@host", "--port={port}")
    heap = ("-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    found = (
        gunicorn("gunicorn-sync", "app:app"),
        gunicorn("gunicorn-gthread", "app:app", "--worker-class=gthread", "--threads=4"),
        gunicorn("gunicorn-uvicorn", "asgi:app", "--worker-class=uvicorn.workers.UvicornWorker"),
        Server("uvicorn", {"asgi.py": ASGI}, (*uvicorn, "asgi:app"), frozen=True),
        Server("uvicorn-workers", {"asgi.py": ASGI}, (*uvicorn, "--workers=2", "asgi:app"), frozen=False),
        Server("node", {"server.js": NODE}, ("node", "server.js", "{port}", "@host"), frozen=True),
        Server("jvm", {"Main.java": JAVA}, ("java", *heap, "Main.java", "{port}", "@host"), frozen=True),
    )
    return {server.name: server for server in found}
