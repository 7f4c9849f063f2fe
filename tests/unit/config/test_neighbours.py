"""Several targets of one application on one host."""

from __future__ import annotations

import pytest

from l9.config.load import parse
from l9.errors import ConfigError

TWO = """app = "l9-api"
[targets.production]
host = "vps"
[targets.staging]
host = "{host}"
{more}
"""


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("", "path /opt/l9 twice"),
        ('path = "/opt/l9-staging"', "port 8000 twice"),
        ('path = "/opt/l9-staging"\nports = { blue = 8001, green = 9001 }', "port 8001 twice"),
    ],
)
def test_they_must_not_meet(more: str, found: str) -> None:
    with pytest.raises(ConfigError) as told:
        parse(TWO.format(host="vps", more=more), "staging")
    assert told.value.found == found


def test_they_may_live_side_by_side() -> None:
    apart = 'path = "/opt/l9-staging"\nports = { blue = 9000, green = 9001 }'
    assert parse(TWO.format(host="vps", more=apart), "staging").instance == "l9-api-staging"


def test_on_hosts_of_their_own_they_may_be_alike() -> None:
    assert parse(TWO.format(host="other", more=""), "staging").target.host == "other"
