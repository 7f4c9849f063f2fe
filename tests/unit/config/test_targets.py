"""Several targets of one app: what they share, and what each has of its own."""

from __future__ import annotations

import pytest
from l9_files import TWO

from l9.configuration import parse
from l9.errors import ConfigError


def test_production_is_meant_where_none_is_named() -> None:
    assert parse(TWO) == parse(TWO, "production")
    assert parse(TWO).target.host == "one.example.com"


def test_the_only_target_is_meant_whatever_its_name() -> None:
    config = parse('app = "shop"\n[targets.home]\nhost = "local"\n')
    assert (config.name, config.instance) == ("home", "shop-home")


def test_of_several_without_production_one_must_be_named() -> None:
    with pytest.raises(ConfigError, match="no target 'production'"):
        parse('app = "shop"\n[targets.a]\nhost = "a"\n[targets.b]\nhost = "b"\n')


def test_a_targets_section_changes_what_it_names_and_shares_the_rest() -> None:
    config = parse(TWO, "staging")
    assert (config.health.path, config.health.deadline) == ("/healthz", 5)
    assert config.bake.seconds == 0
    assert config.target.ports.green == 9001
    assert config.smoke == ()
    assert [s.path for s in parse(TWO).smoke] == ["/a"]
    assert (parse(TWO).health.deadline, parse(TWO).bake.seconds) == (40, 30)


def test_two_targets_on_one_host_do_not_share_a_name() -> None:
    assert (parse(TWO).instance, parse(TWO, "staging").instance) == ("shop", "shop-staging")
    named = TWO.replace('host = "two.example.com"', 'host = "local"\ninstance = "canary"')
    assert parse(named, "staging").instance == "canary"
