"""`l9 init`: an l9.toml for this repository, from what lies in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from l9.adapters.git_repo import find_top
from l9.cli.context import HELP, json_option, show
from l9.config.load import FILE, parse
from l9.errors import UsageError

COMPOSE_FILES = (
    "docker/docker-compose.yml", "docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml",
    "docker-compose.prod.yml",
)  # fmt: skip


@click.command("init", context_settings=HELP)
@click.option("--host", default="", metavar="USER@HOST", help="The server, as ssh takes it.")
@click.option("--url", default="", metavar="URL", help="The public URL.")
@click.option("--app", default="", help="The application's name.")
@json_option
def command(host: str, url: str, app: str, as_json: bool) -> int:
    """Write an l9.toml for this repository; an existing one is never overwritten."""
    top = find_top(Path.cwd())
    path = top / FILE
    if path.exists():
        raise UsageError(
            f"{FILE} is there already", expected=f"no {FILE}", found=str(path), remedy="l9 config show"
        )
    text = write(top, app=app, host=host, url=url)
    parse(text)  # what is written must be readable
    path.write_text(text, encoding="utf-8")
    notes = missing(top)
    document: dict[str, Any] = {"file": str(path), "text": text, "missing": notes}
    show(document, "l9.init/1", as_json=as_json, text=lambda: "\n".join([f"wrote {path}", "", text, *notes]))
    return 0


def write(top: Path, *, app: str = "", host: str = "", url: str = "") -> str:
    """The text of an l9.toml for the repository at `top`: the five lines, and what differs from the spec."""
    compose = next((f for f in COMPOSE_FILES if (top / f).is_file()), "")
    name = app or re.sub(r"[^a-z0-9._-]+", "-", top.name.lower()).strip("-.") or "app"
    lines = [f'app = "{name}"', ""]
    if not compose:
        lines += ["[check]", 'test = ["{python}", "-m", "pytest", "-q"]', ""]
    lines += ["[targets.production]", f'host = "{host or "admin@203.0.113.10"}"']
    if name != "l9-api":
        lines.append(f'path = "/opt/{name}"')
    lines.append(f'public_url = "{url or "https://l9.example.com"}"')
    if not compose:
        lines.append('runtime = "process"')
    return "\n".join(lines) + "\n"


def missing(top: Path) -> list[str]:
    """What a release will need that is not in the repository yet, a line each."""
    wanted = {".env.example": "documents every variable", "requirements.txt": "pins every dependency"}
    return [f"· no {name} yet: it {what}" for name, what in wanted.items() if not (top / name).exists()]
