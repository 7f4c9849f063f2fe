"""The published schemas, and documents that need no host."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from documented import documents
from l9.cli.main import cli
from l9.protocol.answers.answer import Answer
from l9.protocol.schemas import ANSWERS, SCHEMAS, json_schema


def printed(*argv: str) -> str:
    done = CliRunner().invoke(cli, [*argv], standalone_mode=False)
    assert done.exception is None, done.output
    return done.stdout


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_can_be_printed(name: str) -> None:
    found = json.loads(printed("schema", name))
    assert found == json.loads(json.dumps(json_schema(name)))
    assert found["title"] == name


def test_all_of_them_are_named_and_printed_at_once() -> None:
    assert [line.split()[0] for line in printed("schema").splitlines()] == list(SCHEMAS)
    assert list(json.loads(printed("schema", "--json"))) == list(SCHEMAS)


@pytest.mark.parametrize("argv", [("graph",), ("explain", "LOCKED")])
def test_documents_are_as_documented(argv: tuple[str, ...]) -> None:
    assert len(documents(printed(*argv, "--json"))) == 1


def test_a_field_too_many_is_noticed() -> None:
    document = json.loads(printed("explain", "LOCKED", "--json"))
    with pytest.raises(AssertionError, match="surprise"):
        documents(json.dumps({**document, "surprise": 1}))


def test_each_answer_names_its_schema_and_is_published() -> None:
    def leaves(kind: type[Answer]) -> list[type[Answer]]:
        below = kind.__subclasses__()
        return [leaf for one in below for leaf in leaves(one)] if below else [kind]

    assert set(leaves(Answer)) == set(ANSWERS)
    assert [name for name in SCHEMAS if not re.fullmatch(r"l9\.[a-z]+([.-][a-z]+)*/\d+", name)] == []
    assert len(SCHEMAS) == len(ANSWERS) + 1
