"""The JSON Schema says what the loader does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import jsonschema
import pytest
from l9_files import FIVE_LINES, TWO

from l9.configuration import FILE, parse, schema

SCHEMA = schema()
TOP = Path(__file__).parents[3]


def valid(text: str) -> bool:
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(tomllib.loads(text))


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", [FIVE_LINES, TWO], ids=["five lines", "two targets"])
def test_it_takes_what_the_loader_takes(text: str) -> None:
    jsonschema.validate(tomllib.loads(text), SCHEMA)


def test_every_file_that_people_are_shown_is_of_the_schema_and_can_be_loaded() -> None:
    shown = [path.read_text(encoding="utf-8") for path in (TOP / "examples").rglob(FILE)]
    for page in (TOP / "README.md", *(TOP / "docs").rglob("*.md")):
        blocks = re.findall(
            r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
        shown += [block for block in blocks if "[targets." in block]
    for text in shown:
        document = tomllib.loads(text)
        jsonschema.validate(document, SCHEMA)
        for name in document["targets"]:
            assert parse(text, name).app


@pytest.mark.parametrize(
    "text",
    [
        "aps = 1\n" + FIVE_LINES,
        FIVE_LINES + "hots = 1\n",
        FIVE_LINES + "[targets.production.ports]\nbleu = 1\n",
        FIVE_LINES + "[targets.production.bake]\nsecond = 1\n",
        FIVE_LINES + "[health]\nstatuss = [200]\n",
        FIVE_LINES + '[[smoke]]\npath = "/"\nmethode = "GET"\n',
        'app = "l9-api"\n',
        'app = "l9-api"\n[targets]\n',
        'app = "l9-api"\n[targets.production]\npath = "/opt/l9"\n',
        'app = "l9-api"\n[targets."Staging 1"]\nhost = "h"\n',
        FIVE_LINES + "[targets.production.ports]\nblue = 0\n",
    ],
)
def test_it_refuses_what_the_loader_refuses(text: str) -> None:
    assert not valid(text)
