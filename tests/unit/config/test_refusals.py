"""Test cases for refused configurations and their messages."""

from __future__ import annotations

import pytest
from l9_files import FIVE_LINES

from l9.configuration import parse
from l9.errors import ConfigError

STAGING = '\n[targets.staging]\nhost = "staging"\n'


def refusal(text: str, target: str | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as refused:
        parse(text, target)
    error = refused.value
    assert error.exit_code == 2
    assert error.expected
    assert error.found
    assert error.remedy
    return error


def with_target(**fields: object) -> str:
    """The smallest file with one target of these TOML values."""
    lines = "".join(f"{key} = {value}\n" for key, value in fields.items())
    return f'app = "l9-api"\n[targets.production]\n{lines}'


@pytest.mark.parametrize(
    ("extra", "where", "nearest"),
    [
        ("aps = 1\n" + FIVE_LINES, "l9.toml", "'app'"),
        (FIVE_LINES + "[helth]\n", "l9.toml", "'health'"),
        (FIVE_LINES + "hots = 1\n", "targets.production", "'host'"),
        (FIVE_LINES + "[targets.production.ports]\nbleu = 1\n", "targets.production.ports", "'blue'"),
        (FIVE_LINES + "[targets.production.bake]\nsecond = 1\n", "targets.production.bake", "'seconds'"),
        (FIVE_LINES + "[targets.production.backe]\n", "targets.production", "'bake'"),
        (FIVE_LINES + "[health]\nstatuss = [200]\n", "health", "'status'"),
        (
            FIVE_LINES + '[[smoke]]\npath = "/a"\n[[smoke]]\npath = "/b"\nmethode = "GET"\n',
            "smoke",
            "'method'",
        ),
        (FIVE_LINES + '[[targets.production.smoke]]\npaht = "/"\n', "smoke", "'path'"),
        (FIVE_LINES + STAGING + "hots = 1\n", "targets.staging", "'host'"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest_known_one(extra: str, where: str, nearest: str) -> None:
    error = refusal(extra, "production")
    assert error.message.startswith("unknown key ")
    assert error.message.endswith(f" in {where}")
    assert error.expected == nearest


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            '[check]\nwaive = {"workspace.on-main" = "a fork"}',
            "an invariant of the workspace, of weight hard",
        ),
        ('[check]\nwaive = {"workspace.on-moon" = "a fork"}', "no such invariant"),
        ('[check]\nwaive = {"host.newer-than-live" = "a fork"}', "an invariant of the host, of weight rule"),
        ('[check]\nrequire = ["workspace.on-main"]', "an invariant of the workspace, of weight hard"),
        ('[needs]\nwaive = {"host.tag-same" = "a fork"}', "an invariant of the host, of weight hard"),
        (
            '[needs]\nwaive = {"workspace.stop-signal" = "a fork"}',
            "an invariant of the workspace, of weight rule",
        ),
        ('[needs]\nrequire = ["host.newer-than-live"]', "an invariant of the host, of weight rule"),
    ],
)
def test_an_invariant_is_waived_by_its_weight_and_its_side(line: str, found: str) -> None:
    error = refusal(FIVE_LINES + f"{line}\n")
    assert error.found == found
    assert "weight" in error.expected


def test_a_waiver_needs_a_reason() -> None:
    refusal(FIVE_LINES + '[check]\nwaive = {"workspace.on-main" = ""}\n')


def test_a_key_like_no_other_is_answered_with_all_that_there_are() -> None:
    assert refusal(FIVE_LINES + "[drain]\nxyz = 1\n").expected == "one of grace"


def test_names_of_ones_own_are_no_unknown_keys() -> None:
    text = FIVE_LINES + '[compose.build_args]\nANY = "1"\n[[smoke]]\npath = "/"\nheaders = { X-Any = "1" }\n'
    config = parse(text)
    assert config.compose.build_args == {"ANY": "1"}
    assert config.smoke[0].headers == {"X-Any": "1"}


@pytest.mark.parametrize(
    "host", ["-oProxyCommand=x", "--", "", "a b", "a\\tb", "a\\nb", "a\\u0000b", " host", "host "]
)
def test_a_host_that_ssh_would_not_take_for_one(host: str) -> None:
    assert refusal(with_target(host=f'"{host}"')).expected == "a host as ssh takes it"


@pytest.mark.parametrize("host", ["local", "deploy@l9.example.com", "203.0.113.10", "user@[2001:db8::1]"])
def test_a_host_as_ssh_takes_it(host: str) -> None:
    assert parse(with_target(host=f'"{host}"')).target.host == host


@pytest.mark.parametrize(
    "path", ["opt/l9", "", "/", "//", "/.", "/opt/../etc", "/..", "~/l9", "/opt/l9\\n", "/opt/\\u0000"]
)
def test_a_path_where_nothing_of_ours_may_be(path: str) -> None:
    assert refusal(with_target(host='"h"', path=f'"{path}"')).expected == "an absolute path on the host"


@pytest.mark.parametrize("path", ["/opt/l9", "/srv/my app", "/opt/ünï…", "/opt/l9/", "/opt/..l9"])
def test_an_absolute_path(path: str) -> None:
    assert parse(with_target(host='"h"', path=f'"{path}"')).target.path == path


@pytest.mark.parametrize(
    "ports", ["{ blue = 0 }", "{ blue = 65536 }", "{ blue = -1 }", '{ blue = "8000" }', "{ blue = 80.5 }"]
)
def test_a_port_that_there_is_not(ports: str) -> None:
    assert "is malformed" in refusal(with_target(host='"h"', ports=ports)).message


def test_both_slots_on_one_port() -> None:
    error = refusal(with_target(host='"h"', ports="{ blue = 8001 }"))
    assert error.found == "8001 twice"


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ('[compose]\nblue = "a"', "both compose.blue and compose.green, or neither"),
        ('[compose]\ngreen = "a"', "both compose.blue and compose.green, or neither"),
        (
            '[compose]\nservice = "a"\nblue = "b"\ngreen = "c"',
            "either compose.service or compose.blue and compose.green",
        ),
        ('[release]\ntag = "latest"', "a tag format such as v<major>.<minor>.<patch>-l9"),
    ],
)
def test_what_does_not_go_together(section: str, expected: str) -> None:
    assert refusal(f"{FIVE_LINES}\n{section}\n").expected == expected


@pytest.mark.parametrize(
    "text",
    [
        'app = "L9 API"\n[targets.production]\nhost = "h"\n',
        'app = "l9-api"\n[targets."Staging 1"]\nhost = "h"\n',
        'app = "l9-api"\ntargets = 3\n',
        with_target(path='"/opt/l9"'),
        with_target(host="3"),
        FIVE_LINES + "health = 3\n",
        FIVE_LINES + "[targets.production.health]\nsoak = -1\n",
        FIVE_LINES + "[health]\nstatus = []\n",
        FIVE_LINES + '[health]\npath = "health"\n',
        FIVE_LINES + '[[smoke]]\npath = "/a b"\n',
        FIVE_LINES + '[[smoke]]\npath = "/"\nmethod = "BREW"\n',
        FIVE_LINES + "[bake]\nmax_error_share = 2\n",
        FIVE_LINES + "[retention]\nreleases = 1\n",
    ],
)
def test_a_value_of_another_kind(text: str) -> None:
    error = refusal(text)
    assert "is malformed" in error.message or "unknown key" in error.message


def test_a_file_that_is_not_toml_says_where() -> None:
    assert "line 1" in refusal("app = \n").found


def test_a_file_without_a_target() -> None:
    assert refusal('app = "l9-api"\n[targets]\n').message == "l9.toml has no target"


def test_a_target_that_there_is_not_is_answered_with_the_nearest() -> None:
    error = refusal(FIVE_LINES + STAGING, "stagin")
    assert error.expected == "one of production, staging"
    assert error.remedy == "l9 status --target staging"
    assert refusal(FIVE_LINES + STAGING, "x").remedy == "l9 status --target production"


def test_attestations_need_allowed_signers() -> None:
    error = refusal(FIVE_LINES + "[targets.production.release]\nrequire_attestation = true\n")
    assert error.found == "no allowed signers"
    assert "release.allowed_signers" in error.expected


@pytest.mark.parametrize(
    ("text", "expected", "found"),
    [
        ('[env]\nfile = "../x"\n', "env.file: The file on the host", "another form - at `$.env.file`"),
        ("[health]\nsoak = -1\n", "health.soak: How long a slot must be healthy", "`float` >= 0.0"),
        ('[[smoke]]\npath = "no slash"\n', "the documented types", "another form"),
        ('[bake]\nfailures = "two"\n', "bake.failures: Failed health or smoke answers", "got `str`"),
    ],
)
def test_a_wrong_value_is_told_by_what_the_key_means(text: str, expected: str, found: str) -> None:
    error = refusal(FIVE_LINES + text)
    assert error.expected.startswith(expected)
    assert found in error.found
    assert "regex" not in error.found
