"""The Caddy site: its text by equality, and the paths that Caddy would read as something else."""

from __future__ import annotations

import pytest

from l9.core.states import Slot
from l9.drivers.caddy import site as caddy
from l9.errors import ConfigError

SITE = """\
l9.example.com {
	log {
		output file "/var/log/caddy/l9-api.log" {
			roll_size 20MiB
			roll_keep 3
		}
		format json
	}
	@l9_green file {
		root "/opt/my app/.l9/route"
		try_files /green
	}
	handle @l9_green {
		header X-L9-Slot green
		@l9_probe_green {
			header X-L9-Probe *
			file {
				root "/opt/my app/.l9/route/green.release"
				try_files *
			}
		}
		header @l9_probe_green X-L9-Release {http.matchers.file.relative}
		header @l9_probe_green X-L9-Release ^/(.*)$ $1
		@l9_upgrade_green header_regexp Connection (?i)upgrade
		@l9_events_green header Accept *text/event-stream*
		reverse_proxy @l9_upgrade_green [::ffff:127.0.0.1]:8001 {
			header_down -X-L9-Slot
			header_down -X-L9-Release
		}
		reverse_proxy @l9_events_green [::ffff:127.0.0.1]:8001 {
			flush_interval -1
			header_down -X-L9-Slot
			header_down -X-L9-Release
		}
		reverse_proxy 127.0.0.1:8001 {
			header_down -X-L9-Slot
			header_down -X-L9-Release
			transport http {
				keepalive 1s
			}
		}
	}
	handle {
		header X-L9-Slot blue
		@l9_probe_blue {
			header X-L9-Probe *
			file {
				root "/opt/my app/.l9/route/blue.release"
				try_files *
			}
		}
		header @l9_probe_blue X-L9-Release {http.matchers.file.relative}
		header @l9_probe_blue X-L9-Release ^/(.*)$ $1
		@l9_upgrade_blue header_regexp Connection (?i)upgrade
		@l9_events_blue header Accept *text/event-stream*
		reverse_proxy @l9_upgrade_blue [::ffff:127.0.0.1]:8000 {
			header_down -X-L9-Slot
			header_down -X-L9-Release
		}
		reverse_proxy @l9_events_blue [::ffff:127.0.0.1]:8000 {
			flush_interval -1
			header_down -X-L9-Slot
			header_down -X-L9-Release
		}
		reverse_proxy 127.0.0.1:8000 {
			header_down -X-L9-Slot
			header_down -X-L9-Release
			transport http {
				keepalive 1s
			}
		}
	}
}
"""


def test_the_site() -> None:
    assert (
        caddy.site(
            address="l9.example.com",
            flags="/opt/my app/.l9/route",
            blue=8000,
            green=8001,
            access_log="/var/log/caddy/l9-api.log",
        )
        == SITE
    )


def test_where_a_slots_release_is_named() -> None:
    assert [caddy.label_directory(slot) for slot in Slot] == ["blue.release", "green.release"]


def test_streams_are_dialled_under_another_name_of_the_same_server() -> None:
    assert caddy.request_upstream(8000) != caddy.stream_upstream(8000)
    assert caddy.request_upstream(8000) in SITE
    assert caddy.stream_upstream(8000) in SITE


@pytest.mark.parametrize("path", ["/opt/l9", "/opt/my app", "/opt/ünï…", "/opt/it's", "/opt/a$b#c"])
def test_a_path_is_one_token(path: str) -> None:
    assert caddy.quoted(path) == f'"{path}"'


@pytest.mark.parametrize("char", ["[", "{", "}", "\\", '"', "`", "\n"])
def test_a_path_that_caddy_would_read_as_a_pattern_or_a_placeholder(char: str) -> None:
    with pytest.raises(ConfigError) as refused:
        caddy.quoted(f"/opt/a{char}b")
    assert refused.value.found == char


def test_what_a_site_is_of_can_be_read_from_it() -> None:
    assert caddy.flags_of(SITE) == "/opt/my app/.l9/route"
    assert caddy.ports_of(SITE) == {8000, 8001}


def test_a_site_of_somebody_elses_tells_nothing() -> None:
    theirs = "example.com {\n\troot * /srv\n\treverse_proxy 127.0.0.1:9000\n}\n"
    assert caddy.flags_of(theirs) is None
    assert caddy.ports_of(theirs) == frozenset()
