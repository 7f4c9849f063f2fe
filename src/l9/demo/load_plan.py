"""The plan of the load, and its command line: the handle writes it, the generator parses it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from l9.demo.load_report import Traffic

# One cycle: half GET and a quarter POST on kept-alive connections, a quarter GET on new ones.
MIX: tuple[tuple[Traffic, str], ...] = (
    ("keepalive_get", "GET"),
    ("keepalive_post", "POST"),
    ("keepalive_get", "GET"),
    ("new_connection", "GET"),
)
API_KEY_VARIABLE = "L9_LOAD_API_KEY"


@dataclass(frozen=True, slots=True)
class Plan:
    """The target and the traffic of the load.

    rate: quick requests per second (GET, POST, new connections). slow_rate: additional slow requests per second;
    slow_seconds: the normal duration of one. seconds: the most that the load runs.
    host: the Host header, if the URL is an address. insecure: accept any certificate.
    probe: request the release in each answer (X-L9-Probe).
    """

    url: str
    report: Path
    rate: float = 100.0
    seconds: float = 600.0
    host: str = ""
    api_key: str = field(default="", repr=False)
    get_path: str = "/health"
    post_path: str = "/memory/packet"
    post_body: str = '{"content": "l9 load"}'
    slow_path: str = "/slow?seconds=2"
    slow_rate: float = 3.0
    slow_seconds: float = 2.0
    ws_path: str = "/ws"
    websockets: int = 1
    sse_path: str = "/events"
    streams: int = 1
    probe: bool = True
    insecure: bool = False

    def argv(self) -> tuple[str, ...]:
        """Return the generator's arguments. The key is passed in the environment instead."""
        words: list[str] = []
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "api_key":
                words += ["--api-key-env", API_KEY_VARIABLE] if value else []
            elif isinstance(value, bool):
                words.append(("--" if value else "--no-") + item.name)
            elif value != "":
                words.append(f"--{item.name.replace('_', '-')}={value}")
        return tuple(words)


def parse(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> tuple[Plan, bool]:
    """Parse the arguments of `python -m l9.demo.load`: the plan, and True if the parent controls it over stdin.

    Exits 2 with a line on stderr if they are invalid (argparse).
    """
    parser = argparse.ArgumentParser(
        prog="python -m l9.demo.load", description="Open-loop load, as JSON Lines."
    )
    for item in fields(Plan):
        flag = f"--{item.name.replace('_', '-')}"
        if item.name == "api_key":
            parser.add_argument(
                "--api-key-env", metavar="NAME", help="the variable that holds the bearer key"
            )
        elif item.name in ("url", "report"):
            parser.add_argument(flag, required=True, type=Path if item.name == "report" else str)
        elif isinstance(item.default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=item.default)
        else:
            parser.add_argument(flag, type=type(item.default), default=item.default)
    parser.add_argument(
        "--control", action="store_true", help="read marks from stdin; its end stops the load"
    )
    given = vars(parser.parse_args(argv))
    control = bool(given.pop("control"))
    name = given.pop("api_key_env")
    if name and not environ.get(name):
        parser.error(
            f"--api-key-env: expected the key in the variable {name}, found it empty; export {name}=…"
        )
    plan = Plan(**given, api_key=environ.get(name, "") if name else "")
    if plan.rate <= 0 or plan.seconds <= 0:
        parser.error(f"--rate and --seconds: expected more than 0, found {plan.rate:g} and {plan.seconds:g}")
    return plan, control
