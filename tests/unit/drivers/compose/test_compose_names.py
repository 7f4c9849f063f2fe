"""Names that never meet: instances, releases and slots of all spellings."""

from __future__ import annotations

import re

import pytest

from l9.core.states import Slot
from l9.drivers.compose import names


def test_names_as_people_read_them() -> None:
    assert names.container("l9-api", Slot.BLUE) == "l9-api-blue"
    assert names.kept("l9-api", Slot.GREEN, "v0.5.1-l9") == "l9-api-green-v0.5.1-l9"
    assert names.job("l9-api", "migrate", "v0.5.1-l9") == "l9-api-migrate-v0.5.1-l9"
    assert names.base_project("l9_api") == "l9_api"
    assert names.project("l9-api", "blue", "v0.5.1-l9") == "l9-api-blue-v0-5-1-l9"
    assert names.image("l9-api", "v0.5.1-l9") == "l9/l9-api:v0.5.1-l9"
    assert names.image("l9-api", "v0.5.1-l9", "migrate") == "l9/l9-api:v0.5.1-l9_migrate"
    assert names.superseded("l9-api", "v1", "sha256:" + "ab" * 32) == "l9/l9-api:v1_abababababab"


@pytest.mark.parametrize("text", ["a.b", "a_b", "A-B", "a/b", "ü", "-a", "a-", "", "_", "a..b"])
def test_what_is_lost_in_a_slug_is_made_up_for(text: str) -> None:
    slug = names.slug(text)
    assert re.fullmatch(r"[a-z0-9]+(-+[a-z0-9]+)*", slug)
    assert slug != names.slug("a-b")


def test_names_that_docker_would_not_take() -> None:
    assert re.fullmatch(r"release-v1-[0-9a-f]{6}", names.tag("release/v1"))
    assert re.fullmatch(r"my-app-[0-9a-f]{6}", names.base_project("my.app"))
    assert names.base_project("my.app") != names.base_project("my-app")
    assert names.project("x", "blue", "V1") != names.project("x", "blue", "v1")
    assert names.repository("my.app") != names.repository("my-app")
