"""A repository to release from: a tiny server with an API document, an origin, and a key to sign with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from documented import documents
from keys import allow, make_key

ADA = "ada@l9.invalid"
CONFIG = """app = "l9-api"
[check]
test = []
[cgmp]
coverage = 0
[health]
field = ""
[process]
command = ["{python}", "app.py", "{port}"]
[targets.production]
host = "local"
runtime = "process"
"""
APP = """import http.server, pathlib, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        api = self.path == "/openapi.json"
        body = pathlib.Path("api.json").read_bytes() if api else b"{}"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Desk:
    """`work` with its `origin`, and a home with Ada's key; nothing else of the machine is taken from."""

    def __init__(self, root: Path, config: str = CONFIG) -> None:
        self.root, self.work, self.origin = root, root / "work", root / "origin.git"
        self.home = root / "home"
        (self.home / ".ssh").mkdir(parents=True)
        self.key = make_key(self.home / ".ssh" / "id_ed25519")
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "SSH_"))},
            "HOME": str(self.home),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            **{f"GIT_{who}_NAME": "Ada" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": ADA for who in ("AUTHOR", "COMMITTER")},
        }
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.origin), cwd=root)
        self.git("init", "--quiet", "--initial-branch=main", str(self.work), cwd=root)
        self.git("remote", "add", "origin", str(self.origin))
        self.write("l9.toml", config)
        self.write("app.py", APP)
        self.write(".gitignore", "__pycache__/\n")
        allow(self.work / "allowed_signers", (ADA, self.key))
        self.api("/a")
        self.commit("Add: The server")
        self.git("push", "--quiet", "origin", "main")

    def git(self, *args: str, cwd: Path | None = None, data: str = "") -> str:
        done = subprocess.run(
            ("git", *args), cwd=cwd or self.work, env=self.env, input=data, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        (self.work / path).parent.mkdir(parents=True, exist_ok=True)
        (self.work / path).write_text(text, encoding="utf-8")

    def api(self, *paths: str) -> None:
        """Write the server's API document with these paths, for the next commit."""
        answer = {"get": {"responses": {"200": {"description": "well"}}}}
        document = {"openapi": "3.1.0", "info": {"title": "a", "version": "1"}}
        self.write("api.json", json.dumps({**document, "paths": dict.fromkeys(paths, answer)}))

    def commit(self, message: str, text: str = "") -> str:
        """A commit that changes something, whatever is staged besides."""
        notes = self.work / "CHANGES.md"
        before = notes.read_text(encoding="utf-8") if notes.exists() else ""
        notes.write_text(f"{before}- {text or message.splitlines()[0]!r}\n", encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--cleanup=verbatim", "--file=-", data=message)
        return self.git("rev-parse", "HEAD")

    def l9(self, *args: str, code: int = 0, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            (sys.executable, "-m", "l9", *args),
            cwd=self.work,
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout or done.stderr

    def json(self, *args: str, code: int = 0) -> dict[str, Any]:
        """The one document, read through its published schema."""
        return documents(self.l9(args[0], "--json", *args[1:], code=code))[-1]

    def refused(self, *args: str, code: int) -> tuple[str, str, str, str]:
        """Message, expected, found and remedy of a refusal, after which all is as before."""
        before = self.refs()
        error = self.json(*args, code=code)
        assert self.refs() == before
        (remedy,) = error["remedy"]
        (evidence,) = error["evidence"]
        return error["message"], evidence["expected"], evidence["observed"], remedy["command"]

    def release(self, *args: str) -> dict[str, Any]:
        """`l9 release`, pushed as a deploy would."""
        made = self.json("release", *args)
        refs = self.git("for-each-ref", "--format=%(refname)", "refs/notes/l9").split()
        self.git("push", "--quiet", "origin", "main", made["tag"], *refs)
        return made

    def refs(self) -> str:
        """Every branch, tag and note, here and on origin."""
        return self.git("for-each-ref") + self.git("for-each-ref", cwd=self.origin)
