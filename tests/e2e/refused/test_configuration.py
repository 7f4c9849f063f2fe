"""Configurations and command lines that make no sense."""

from __future__ import annotations

import pytest

from e2e.refusals import Desk
from e2e.refusing_stage import LIVE, NEXT

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(120)]


GOOD = 'app = "l9-api"\n[targets.production]\nhost = "local"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("app = ", "l9.toml is not TOML"),
        (GOOD.replace("host", "hots"), "'host'"),
        (GOOD + "[health]\nsoka = 1\n", "'soak'"),
        (GOOD + "[helth]\n", "'health'"),
        (GOOD + "[health]\nsoak = 'long'\n", "Expected `float`, got `str`"),
        (GOOD + "[[smoke]]\npaht = '/x'\n", "'path'"),
        ('app = "l9-api"\ntargets = 3\n', "Expected `object`, got `int`"),
        ('app = "l9-api"\n', "targets"),
        ('app = "l9-api"\n[targets]\n', "has no target"),
        (GOOD.replace("l9-api", "L9 Api"), "l9.toml"),
        (GOOD.replace("local", "-oProxyCommand=id"), "a host as ssh takes it"),
        (GOOD + 'path = "opt"\n', "an absolute path on the host"),
        (GOOD + '[release]\ntag = "release"\n', "has no <major>"),
        ("\udcff", "l9.toml"),
    ],
    ids=ascii,
)
def test_malformed_configuration(desk: Desk, text: str, says: str) -> None:
    (desk.work / "l9.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    desk.refused("deploy", NEXT, code=2, says=(says,))


def test_no_such_target(desk: Desk) -> None:
    answer = desk.refused("deploy", NEXT, "--target", "produktion", code=2, says=("no target 'produktion'",))
    assert answer.remedies == ["l9 status --target production"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("deploy",), "Missing argument 'TAG'"),
        (("plan",), "Missing argument 'TAG'"),
        (("deploy", NEXT, "--target"), "requires an argument"),
        (("rollback", "--wait"), "requires an argument"),
        (("deploy", NEXT, LIVE), "unexpected extra argument"),
        (("deploy", NEXT, "--wait", "long"), "not a valid float"),
        (("history", "-n", "0"), "not in the range"),
        (("logs", "--slot", "red"), "'red' is not one of 'blue', 'green'"),
        (("deplyo", NEXT), "no such command: deplyo; did you mean deploy?"),
        (("frobnicate",), "no such command: frobnicate"),
        (("status", "--tarmac"), "No such option '--tarmac'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_command_line(desk: Desk, args: tuple[str, ...], says: str) -> None:
    answer = desk.refused(*args, code=2, says=(says,))
    assert answer.remedies[0].endswith("--help")


def test_explain_of_nothing(desk: Desk) -> None:
    answer = desk.refused("explain", "NOPE", code=2, says=("no such run in the journal", "NOPE"))
    assert answer.remedies == ["l9 history"]


@pytest.mark.usefixtures("ssh")
def test_remedies_stay_with_the_target(desk: Desk) -> None:
    answer = desk.refused("explain", "NOPE", "--target", "over-ssh", code=2, says=("no such run",))
    assert answer.remedies == ["l9 history --target over-ssh"]
