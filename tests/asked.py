"""An agent in this process: what a client sends, and what the agent of a provisioned target answers."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from l9 import __version__
from l9.configuration import parse
from l9.graph import GRAPH
from l9.host import server
from l9.host.agent import serve
from l9.host.server import Server
from l9.protocol import requests as ask
from l9.protocol.answers.error import Error
from l9.protocol.messages import AnyMessage, Failed, Hello, decode
from l9.provision.wanted import want

RUN = "20261130T120000Z-abcd"


def provisioned_directory(root: Path, more: str = "", signers: str | None = None) -> Path:
    """A target's directory as `l9 provision` makes it without root. `more` are keys of `l9.toml`, before its target."""
    root.mkdir(exist_ok=True)
    text = f'app = "l9-api"\n{more}\n[targets.production]\nhost = "local"\nruntime = "process"\npath = "{root}"\n'
    wanted = replace(want(parse(text), signers=signers), by_root=False)
    settings = Path(wanted.settings)
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(wanted.settings_text, encoding="utf-8")
    if signers is not None:
        Path(wanted.allowed_signers).write_text(signers, encoding="utf-8")
    return root


def request(asked: Any, **more: Any) -> dict[str, Any]:
    """A request as it is sent; `asked` is a typed one or whatever an attacker writes in its place."""
    base = {
        "version": __version__,
        "graph": GRAPH.digest,
        "instance": "l9-api",
        "who": "ada@laptop",
        "ask": msgspec.to_builtins(asked),
        "schema": ask.SCHEMA,
    }
    return {**base, **more}


def tell(sent: dict[str, Any] | bytes, find: Callable[[], Server]) -> tuple[int, list[AnyMessage]]:
    """The agent's exit code and its messages to one line."""
    line = sent if isinstance(sent, bytes) else msgspec.json.encode(sent) + b"\n"
    out = io.BytesIO()
    code = serve(io.BytesIO(line), out, find)
    return code, [decode(said) for said in out.getvalue().splitlines()]


def refused(sent: dict[str, Any] | bytes, find: Callable[[], Server]) -> Error:
    """The error that a request ends in, after the greeting and nothing else."""
    code, (hello, failed) = tell(sent, find)
    assert isinstance(hello, Hello)
    assert isinstance(failed, Failed)
    assert code == failed.error.exit_code != 0
    return failed.error


def in_directory(root: Path) -> Callable[[], Server]:
    """Return the function by which an agent started with `--path` finds its settings."""
    return lambda: server.of_directory(root)
