"""Several targets on one host: none is prepared over another's directory, name or port."""

from __future__ import annotations

import json

import msgspec

from fresh_host import AGENT, fresh, ready, wanted
from l9.provision.needs import Need, needs
from l9.provision.plan import plan
from l9.provision.snapshot import Entry, HostSnapshot
from l9.provision.wanted import Wanted

OTHER = 'instance = "shop"\n'


def needed(want: Wanted, seen: HostSnapshot) -> list[Need]:
    return [need for need in needs(want, seen, None) if need.blocking]


def test_two_targets_that_have_nothing_in_common() -> None:
    mine = wanted(target=OTHER + 'path = "/opt/shop"\nports = { blue = 8100, green = 8101 }\n')
    theirs = wanted()
    seen = fresh(sites={theirs.site: theirs.site_text})
    assert needed(mine, seen) == []
    assert plan(mine, seen, AGENT)


def test_a_directory_that_was_prepared_for_another() -> None:
    theirs = wanted()
    mine = wanted(target=OTHER)
    seen = ready(theirs)
    assert plan(mine, seen, AGENT) == ()
    (need,) = needed(mine, seen)
    assert (need.what, need.found) == ("/opt/l9 is another target's", "prepared for l9-api")


def test_settings_of_another_version_are_nobodys() -> None:
    want = wanted()
    seen = ready(want)
    for text in ("", "{", json.dumps({"app": "other"}), None):
        known = {**seen.entries, want.settings: Entry(kind="file", text=text)}
        assert needed(want, msgspec.structs.replace(seen, entries=known)) == []


def test_a_name_that_another_directory_has() -> None:
    theirs = wanted()
    mine = wanted(target='path = "/opt/l9-again"\n')
    seen = fresh(entries={mine.site: Entry(kind="file", text=theirs.site_text)})
    assert plan(mine, seen, AGENT) == ()
    (need,) = needed(mine, seen)
    assert need.what == "the name l9-api is another target's on this host"
    assert need.found == "/etc/caddy/l9/l9-api.caddy is of /opt/l9"


def test_a_file_of_somebody_elses_at_the_sites_place_is_no_targets() -> None:
    want = wanted()
    assert needed(want, fresh(entries={want.site: Entry(kind="file", text=":80 {\n}\n")})) == []


def test_ports_that_another_has() -> None:
    theirs = wanted()
    mine = wanted(target=OTHER + 'path = "/opt/shop"\nports = { blue = 8001, green = 8002 }\n')
    (need,) = needed(mine, fresh(sites={theirs.site: theirs.site_text}))
    assert (need.what, need.found) == ("port 8001 is another target's", "/etc/caddy/l9/l9-api.caddy has it")
