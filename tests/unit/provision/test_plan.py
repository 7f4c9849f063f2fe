"""The planner: what is shown is what is done, and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fresh_host import AGENT, CADDY, DEPLOY, ORIGIN, ROOT, WELCOME, fresh, ready, wanted
from l9.provision import changes as ch
from l9.provision.needs import needs
from l9.provision.plan import plan, split
from l9.provision.snapshot import Agent, Entry, HostSnapshot, Me, Origin, Root
from l9.provision.wanted import Wanted

SIGNERS = "ada@example.net ssh-ed25519 AAAA\n"


def kinds(want: Wanted, seen: HostSnapshot) -> list[str]:
    return [msgspec.to_builtins(change)["kind"] for change in plan(want, seen, AGENT)]


def only(want: Wanted, seen: HostSnapshot) -> ch.Change:
    (change,) = plan(want, seen, AGENT)
    return change


def test_a_new_server_gets_everything_in_order() -> None:
    assert kinds(wanted(), fresh()) == [
        *("directory", "directory", "directory", "clone", "lines"),
        *("directory", "directory", "directory", "directory", "file"),
        *("install-agent", "switch-agent", "log", "caddy"),
        *("file", "file", "file", "file", "timers"),
    ]


@pytest.mark.parametrize("me", [DEPLOY, fresh().me])
@pytest.mark.parametrize("systemd", [True, False])
@pytest.mark.parametrize("by_root", [True, False])
def test_a_server_as_wanted_is_left_alone(me: object, systemd: bool, by_root: bool) -> None:
    want = wanted(signers=SIGNERS, by_root=by_root)
    assert plan(want, ready(want, me=me, systemd=systemd), AGENT) == ()


def test_without_systemd_cron_has_one_file() -> None:
    want = wanted()
    *_, last = plan(want, fresh(systemd=False), AGENT)
    assert isinstance(last, ch.WriteFile)
    assert last.path == "/etc/cron.d/l9-l9-api"
    assert " root /usr/lib/l9/l9-api/bin/l9 tick --instance l9-api " in last.text


@pytest.mark.parametrize("kind", ["missing", "free"])
def test_a_directory_of_roots_is_made_ours_by_root(kind: str) -> None:
    owner = "root" if kind == "free" else ""
    seen = fresh(me=DEPLOY, path=Root(kind=kind, makeable=kind == "free", owner=owner))
    first = plan(wanted(), seen, AGENT)[0]
    assert first == ch.MakeDirectory(path="/opt/l9", mode=0o755, owner="deploy", group="deploy", root=True)


def test_a_directory_of_our_own_parent_needs_no_root() -> None:
    seen = fresh(me=DEPLOY, path=Root(kind="missing", makeable=True))
    assert not plan(wanted(), seen, AGENT)[0].root


def test_a_closed_directory_is_opened_to_pass_and_nothing_more() -> None:
    want = wanted()
    seen = ready(want, path=Root(kind="clone", owner="root", group="root", mode=0o700))
    assert only(want, seen).title() == "directory /opt/l9 0711 root:root"


@pytest.mark.parametrize("root", [Root(kind="other", strangers=("x",)), Root(kind="clone", owner="alice")])
def test_what_is_somebody_elses_is_not_touched(root: Root) -> None:
    assert plan(wanted(), fresh(path=root), AGENT) == ()


def test_a_repository_out_of_reach_leaves_the_clone_out_and_the_rest_in() -> None:
    found = kinds(wanted(), fresh(origin=Origin(reachable=False, said="denied")))
    assert "clone" not in found
    assert "lines" not in found
    assert {"install-agent", "caddy", "timers"} <= set(found)


def test_the_origin_changes_only_when_it_was_named() -> None:
    elsewhere = Origin(url="https://old.example/app.git")
    assert plan(wanted(), ready(wanted(), origin=elsewhere), AGENT) == ()
    change = only(wanted(moved=True), ready(wanted(), origin=elsewhere))
    assert change.diff() == ("-origin https://old.example/app.git", f"+origin {ORIGIN}")


def test_only_missing_exclusions_are_added() -> None:
    want = wanted()
    change = only(want, ready(want, exclude=(".env", ".l9/")))
    assert change.diff()[1:] == ("+.deployed-tag", "+.deployed-metadata.json")


def test_a_changed_configuration_is_shown_line_by_line() -> None:
    want = wanted("[standby]\nseconds = 7")
    change = only(want, ready(want, entries={**ready(want).entries, **_settings(wanted())}))
    changed = [line for line in change.diff() if line[0] in "+-" and line[:3] not in ("+++", "---")]
    assert len(changed) == 2
    assert all('"standby"' in line for line in changed)


def test_whose_signatures_count_is_written_once_and_shown() -> None:
    want = wanted(signers=SIGNERS)
    assert plan(want, ready(want), AGENT) == ()
    seen = ready(want)
    before = {path: entry for path, entry in seen.entries.items() if path != want.allowed_signers}
    change = only(want, ready(want, entries=before))
    assert isinstance(change, ch.WriteFile)
    assert (change.path, change.mode, change.root) == ("/etc/l9/l9-api/allowed_signers", 0o644, True)
    assert (change.owner, change.group) == ("root", "root")
    assert "+ada@example.net ssh-ed25519 AAAA" in change.diff()
    fewer = only(wanted(signers=""), seen)
    assert "-ada@example.net ssh-ed25519 AAAA" in fewer.diff()


def test_where_no_signers_are_configured_the_hosts_own_are_left_alone() -> None:
    assert plan(wanted(), ready(wanted(signers=SIGNERS)), AGENT) == ()


def _settings(of: Wanted) -> dict[str, Entry]:
    return {of.settings: Entry(kind="file", text=of.settings_text)}


def test_another_agent_is_installed_then_used_then_the_oldest_goes() -> None:
    want = wanted()
    there = Agent(current="c" * 16, installed=("c" * 16, "b" * 16, "d" * 16))
    install, switch, prune = plan(want, ready(want, agents={want.agents: there}), AGENT)
    assert isinstance(install, ch.InstallAgent)
    assert isinstance(switch, ch.SwitchAgent)
    assert isinstance(prune, ch.PruneAgents)
    assert (install.digest, switch.old, prune.digests) == (AGENT.digest, "c" * 16, ("b" * 16, "d" * 16))


def test_an_agent_that_is_there_is_only_switched_to() -> None:
    want = wanted()
    there = Agent(current="c" * 16, installed=("c" * 16, AGENT.digest))
    assert isinstance(only(want, ready(want, agents={want.agents: there})), ch.SwitchAgent)


@pytest.mark.parametrize(
    "log",
    [
        None,
        Entry(kind="file", mode=0o640, owner="root", group="root"),
        Entry(kind="file", mode=0o640, owner="caddy", group="deploy"),
        Entry(kind="file", mode=0o600, owner="caddy", group="caddy"),
    ],
)
def test_the_access_log_is_caddys_and_readable_by_its_group(log: Entry | None) -> None:
    want = wanted()
    seen = ready(want, me=DEPLOY)
    change = only(want, msgspec.structs.replace(seen, entries={**seen.entries, want.access_log: log}))
    assert change.title() == "access log /var/log/caddy/l9-api.log 0640 caddy:caddy"
    assert change.root


def test_root_reads_a_log_that_only_caddy_can() -> None:
    want = wanted()
    log = Entry(kind="file", mode=0o600, owner="caddy", group="caddy")
    seen = ready(want)
    assert plan(want, ready(want, entries={**seen.entries, want.access_log: log}), AGENT) == ()


def test_the_log_of_a_caddy_that_is_roots_is_readable_by_all() -> None:
    caddy = msgspec.structs.replace(CADDY, user="root", group="root", members=("root",))
    made = plan(wanted(), fresh(me=DEPLOY, caddy=caddy), AGENT)
    assert [c.mode for c in made if isinstance(c, ch.MakeLog)] == [0o644]
    assert not [c for c in made if isinstance(c, ch.JoinGroup)]


def test_an_ordinary_user_joins_caddys_group() -> None:
    want = wanted()
    loaded = msgspec.structs.replace(CADDY, loaded=True)
    assert isinstance(only(want, ready(want, me=DEPLOY, caddy=loaded)), ch.JoinGroup)
    assert plan(want, ready(want, caddy=loaded), AGENT) == ()


@pytest.mark.parametrize(
    ("running", "loaded", "expected"), [(True, False, 1), (True, None, 0), (False, False, 0)]
)
def test_a_site_that_is_written_and_not_loaded_is_loaded(
    running: bool, loaded: bool | None, expected: int
) -> None:
    want = wanted()
    caddy = msgspec.structs.replace(CADDY, running=running, loaded=loaded)
    found = plan(want, ready(want, caddy=caddy), AGENT)
    assert [c.title() for c in found] == ["Caddy: load the site"][:expected]
    assert not any(c.diff() for c in found)


def test_a_changed_port_changes_the_site_alone() -> None:
    want = wanted(target="ports = { blue = 9000, green = 9001 }")
    before = ready(wanted()).entries["/etc/caddy/l9/l9-api.caddy"]
    seen = ready(want)
    change = only(want, ready(want, entries={**seen.entries, want.site: before}))
    assert change.title() == "Caddy: /etc/caddy/l9/l9-api.caddy, validated and loaded"
    assert isinstance(change, ch.CaddySite)
    assert change.before[want.site] == before.digest if before else False
    assert change.caddyfile_text == change.caddyfile_old


@pytest.mark.parametrize("entry", [Entry(kind="hidden"), Entry(kind="file", text=None)])
def test_a_caddyfile_that_cannot_be_read_is_never_written(entry: Entry) -> None:
    assert "caddy" not in kinds(wanted(), fresh(entries={"/etc/caddy/Caddyfile": entry}))


def test_a_caddy_that_may_not_be_touched_is_not() -> None:
    assert not {"caddy", "log"} & set(kinds(wanted('[route]\nkind = "caddy-admin"'), fresh()))


def test_a_timer_that_does_not_run_is_started() -> None:
    want = wanted()
    assert isinstance(only(want, ready(want, timers=want.timers[:1])), ch.StartTimers)


def test_a_file_with_the_right_text_and_the_wrong_owner_is_written() -> None:
    want = wanted()
    seen = ready(want)
    theirs = msgspec.structs.replace(seen.entries[want.settings], owner="alice")
    assert isinstance(only(want, ready(want, entries={**seen.entries, want.settings: theirs})), ch.WriteFile)


@pytest.mark.parametrize(("me", "sudo"), [(fresh().me, False), (DEPLOY, True)])
def test_who_is_root_or_may_become_it_does_everything(me: object, sudo: bool) -> None:
    seen = fresh(me=me, sudo=sudo)
    changes = plan(wanted(), seen, AGENT)
    assert split(changes, seen) == (changes, ())


def test_what_needs_root_is_left_and_the_rest_is_done() -> None:
    seen = fresh(me=DEPLOY, sudo=False, path=Root(kind="missing", makeable=True))
    doable, left = split(plan(wanted(signers=SIGNERS, by_root=False), seen, AGENT), seen)
    written = [c.path for c in doable if isinstance(c, ch.WriteFile)]
    assert written == ["/opt/l9/.l9/settings.json", "/opt/l9/.l9/allowed_signers"]
    assert {c.owner for c in doable if isinstance(c, ch.WriteFile | ch.MakeDirectory)} == {"deploy"}
    assert {type(c) for c in left} == {ch.MakeLog, ch.JoinGroup, ch.CaddySite, ch.WriteFile, ch.StartTimers}
    assert {type(c) for c in doable} >= {ch.MakeDirectory, ch.Clone, ch.InstallAgent, ch.SwitchAgent}
    assert all(c.commands() for c in left)


def test_nothing_can_be_done_before_root_has_made_the_directory() -> None:
    seen = fresh(me=DEPLOY, sudo=False, path=Root(kind="missing", makeable=False))
    doable, left = split(plan(wanted(by_root=False), seen, AGENT), seen)
    assert doable == ()
    assert left[0].commands() == ("sudo install -d -m 0755 -o deploy -g deploy /opt/l9",)


def test_the_commands_by_hand_write_what_was_shown() -> None:
    seen = fresh(me=DEPLOY, sudo=False)
    (site,) = [c for c in plan(wanted(), seen, AGENT) if isinstance(c, ch.CaddySite)]
    text = "\n".join(site.commands())
    assert f"sudo tee /etc/caddy/l9/l9-api.caddy >/dev/null <<'L9'\n{site.site_text}L9" in text
    assert text.endswith(
        "sudo -u caddy caddy validate --config /etc/caddy/Caddyfile\nsudo systemctl reload caddy"
    )
    assert WELCOME not in site.caddyfile_text


# ── what only root may write ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("me", [ROOT, DEPLOY])
def test_root_owns_what_decides(me: Me) -> None:
    """As root and with sudo: settings, signers, the agent, and every directory that they lie in."""
    seen = fresh(me=me)
    changes = plan(wanted(signers=SIGNERS), seen, AGENT)
    ours = [c for c in changes if isinstance(c, ch.MakeDirectory | ch.WriteFile) and "l9-api" in c.path]
    assert {(c.owner, c.group, c.root) for c in ours} == {("root", "root", True)}
    assert {oct(c.mode) for c in ours if isinstance(c, ch.WriteFile)} == {"0o644"}
    agents = [c for c in changes if isinstance(c, ch.InstallAgent | ch.SwitchAgent)]
    assert [(c.directory, c.root) for c in agents] == [("/usr/lib/l9/l9-api", True)] * 2
    before = [c.path for c in changes[: changes.index(agents[0])] if isinstance(c, ch.MakeDirectory)]
    assert before[-4:] == ["/etc/l9", "/etc/l9/l9-api", "/usr/lib/l9", "/usr/lib/l9/l9-api"]


@pytest.mark.parametrize("path", wanted().guarded)
@pytest.mark.parametrize(
    "how", [{"owner": "deploy"}, {"group": "deploy"}, {"mode": 0o775}, {"mode": 0o777}, {"mode": 0o700}]
)
def test_a_directory_that_others_could_write_is_mended_and_its_agents_are_replaced(
    path: str, how: dict[str, Any]
) -> None:
    want = wanted()
    seen = ready(want)
    changes = plan(want, ready(want, entries={**seen.entries, path: Entry(kind="directory", **how)}), AGENT)
    assert changes[0] == ch.MakeDirectory(path=path, mode=0o755, owner="root", group="root", root=True)
    assert [type(c) for c in changes[1:]] == [ch.InstallAgent, ch.SwitchAgent]


@pytest.mark.parametrize("kind", ["link", "other", "file"])
@pytest.mark.parametrize("path", wanted().guarded)
def test_root_does_not_write_through_what_is_no_directory(path: str, kind: Any) -> None:
    want = wanted()
    seen = ready(want)
    seen = ready(want, entries={**seen.entries, path: Entry(kind=kind)})
    assert plan(want, seen, AGENT) == ()
    (need,) = [need for need in needs(want, seen, None) if need.blocking]
    assert (need.what, need.found, need.remedy) == (
        f"{path} cannot be used for root's files",
        f"a {kind}",
        f"ssh vps 'rm -r {path}'",
    )


@pytest.mark.parametrize("path", [wanted().settings, wanted().allowed_signers])
def test_root_does_not_write_through_a_link(path: str) -> None:
    want = wanted(signers=SIGNERS)
    seen = ready(want)
    seen = ready(want, entries={**seen.entries, path: Entry(kind="link")})
    assert plan(want, seen, AGENT) == ()
    assert [need.found for need in needs(want, seen, None) if need.blocking] == ["a link"]


def test_a_login_that_is_not_root_leaves_what_root_provisioned() -> None:
    want = wanted("[standby]\nseconds = 7")
    seen = ready(want, me=DEPLOY, sudo=False)
    old = {want.settings: Entry(kind="file", text=wanted().settings_text)}
    seen = msgspec.structs.replace(seen, entries={**seen.entries, **old})
    doable, left = split(plan(want, seen, AGENT), seen)
    assert (doable, [c.title() for c in left]) == ((), ["file /etc/l9/l9-api/settings.json"])
    (need,) = [need for need in needs(want, seen, None) if "by root" in need.what]
    assert (need.found, need.remedy, need.blocking) == ("neither", "ssh vps 'sudo -n true'", False)


# ── what an older l9 left ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("by_root", "expected"),
    [
        (True, ("config.json", "settings.json", "allowed_signers", "agent")),
        (False, ("config.json",)),
    ],
)
def test_what_is_used_no_longer_is_removed_last(by_root: bool, expected: tuple[str, ...]) -> None:
    want = wanted(by_root=by_root)
    seen, paths = ready(want), tuple(f"/opt/l9/.l9/{name}" for name in expected)
    left = {path: Entry(kind="directory" if path.endswith("agent") else "file", text="{}") for path in paths}
    change = only(want, ready(want, entries={**seen.entries, **left}))
    assert change == ch.Remove(paths=paths)
    assert change.title() == f"remove unused {', '.join(paths)}"
    *_, last = plan(want, fresh(entries={**fresh().entries, **left}), AGENT)
    assert last == change
