"""Test cases for a host's needs: each with what was expected, what was found, and a command."""

from __future__ import annotations

import msgspec
import pytest

from fresh_host import CADDY, DEPLOY, PYTHON, fresh, ready, wanted
from l9.provision import packages
from l9.provision.errors import HostUnfit
from l9.provision.needs import Need, needs, refuse_old_python
from l9.provision.snapshot import Caddy, Docker, Entry, HostSnapshot, Origin, Root, System
from l9.provision.wanted import Wanted


def found(seen: HostSnapshot, want: Wanted | None = None, example: str | None = None) -> list[Need]:
    return list(needs(want or wanted(), seen, example))


def only(seen: HostSnapshot, want: Wanted | None = None, example: str | None = None) -> Need:
    (need,) = found(seen, want, example)
    assert need.what
    assert need.expected
    assert need.found
    assert need.remedy
    return need


def test_a_server_as_wanted_lacks_nothing() -> None:
    assert found(ready(wanted())) == []


@pytest.mark.parametrize("version", [(3, 9, 2), (3, 10, 12)])
def test_an_old_python_is_refused_with_what_the_agent_needs(version: tuple[int, int, int]) -> None:
    seen = fresh(python=msgspec.structs.replace(PYTHON, version=version))
    with pytest.raises(HostUnfit) as refused:
        refuse_old_python(seen, wanted().config.target)
    assert refused.value.exit_code == 2
    assert "3.11" in refused.value.expected
    assert ".".join(map(str, version)) in refused.value.found
    assert "apt-get install" in refused.value.remedy


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (System(id="debian", version="13"), "apt-get install -y docker.io docker-cli docker-compose"),
        (System(id="ubuntu", version="24.04"), "apt-get install -y docker.io docker-compose-v2"),
        (System(id="debian", version="12"), packages.DOCKER_OWN),
        (System(id="arch", version="rolling"), packages.DOCKER_OWN),
    ],
)
def test_no_docker_names_the_packages_of_the_distribution(system: System, expected: str) -> None:
    seen = ready(
        wanted(), system=system, programs={"git": "/usr/bin/git"}, docker=Docker(problem="not installed")
    )
    need = only(seen)
    assert need.blocking
    assert expected in need.remedy


def test_docker_without_compose_is_no_docker() -> None:
    need = only(ready(wanted(), docker=Docker(engine="20.10.24")))
    assert need.found == "Docker 20.10.24, no Compose v2"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("permission denied while trying to connect", "ssh vps 'sudo usermod -aG docker deploy'"),
        ("Cannot connect to the Docker daemon", "ssh vps 'sudo systemctl enable --now docker'"),
    ],
)
def test_an_engine_that_does_not_answer_is_told_apart(said: str, expected: str) -> None:
    seen = ready(wanted(), me=DEPLOY, docker=Docker(compose="2.26.1", problem=said))
    assert only(seen).remedy == expected


def test_processes_need_no_docker() -> None:
    want = wanted(target='runtime = "process"')
    assert found(ready(want, docker=None, programs={"git": "/usr/bin/git"}), want) == []


def test_no_caddy_and_no_git_name_their_packages() -> None:
    programs = {"docker": "/usr/bin/docker"}
    remedies = [need.remedy for need in found(ready(wanted(), caddy=None, programs=programs))]
    assert remedies == [
        "ssh vps 'apt-get update && apt-get install -y git'",
        "ssh vps 'apt-get update && apt-get install -y caddy'",
    ]


@pytest.mark.parametrize("required", [True, False])
def test_signatures_need_ssh_keygen(required: bool) -> None:
    text = f'[release]\nallowed_signers = "s"\nrequire_attestation = {str(required).lower()}'
    want = wanted(text, signers="ada ssh-ed25519 AAAA\n")
    programs = {name: path for name, path in fresh().programs.items() if name != "ssh-keygen"}
    need = only(ready(want, programs=programs), want)
    assert need.blocking is required
    assert need.remedy == "ssh vps 'apt-get update && apt-get install -y openssh-client'"
    seen = fresh(programs=programs)
    assert packages.missing(seen, site=True, compose=True, signers=True) == ("openssh-client",)
    assert packages.missing(seen, site=True, compose=True) == ()


def test_packages_that_are_missing_are_named_once_for_all() -> None:
    seen = fresh(programs={}, caddy=None, docker=Docker(), systemd=False)
    names = packages.missing(seen, site=True, compose=True)
    assert names == ("git", "caddy", "docker.io", "docker-cli", "docker-compose", "cron")
    assert packages.missing(fresh(), site=True, compose=True) == ()


@pytest.mark.parametrize(
    ("caddy", "what"),
    [
        (msgspec.structs.replace(CADDY, running=False), "Caddy is not running"),
        (Caddy(program="/usr/bin/caddy"), "cannot determine Caddy's user"),
    ],
)
def test_a_caddy_that_does_not_run_is_started_by_a_person(caddy: Caddy, what: str) -> None:
    need = only(ready(wanted(), caddy=caddy))
    assert need.what == what
    assert "systemctl enable --now caddy" in need.remedy


def test_directories_that_keep_caddy_out_are_named() -> None:
    need = only(ready(wanted(), closed=("/home/deploy",)))
    assert need.remedy == "ssh vps 'chmod o+x /home/deploy'"


def test_a_target_in_tmp_is_out_of_caddys_sight() -> None:
    want = wanted(target='path = "/tmp/l9"')
    assert only(ready(want), want).expected.startswith("a path outside of /tmp")


def test_a_tls_site_is_asked_over_tls() -> None:
    plain = wanted('[route]\nurl = "http://127.0.0.1"', target='public_url = "https://api.example"')
    assert only(ready(plain), plain).expected == 'route.url = "https://127.0.0.1"'
    as_it_is = wanted(target='public_url = "https://api.example"')
    assert found(ready(as_it_is), as_it_is) == []


@pytest.mark.parametrize(
    ("root", "remedy"),
    [
        (Root(kind="other", strangers=("index.html",)), "ssh vps 'mv /opt/l9 /opt/l9.before-l9'"),
        (Root(kind="clone", owner="alice"), "ssh vps 'chown -R root:root /opt/l9'"),
    ],
)
def test_a_directory_in_the_way_is_moved_by_a_person(root: Root, remedy: str) -> None:
    assert only(ready(wanted(), path=root)).remedy == remedy


def test_a_repository_out_of_reach_asks_for_a_deploy_key() -> None:
    need = only(
        ready(wanted(), path=Root(), origin=Origin(reachable=False, said="Permission denied (publickey)."))
    )
    assert "deploy key" in need.expected
    assert need.found == "Permission denied (publickey)."
    assert need.remedy == "ssh vps 'git ls-remote git@example.net:app.git'"


def test_a_clone_without_an_origin_gets_one_by_hand() -> None:
    assert "remote add origin" in only(ready(wanted(), origin=Origin())).remedy


def test_a_full_disk_is_told_in_megabytes() -> None:
    need = only(ready(wanted(), free=12_000_000))
    assert (need.expected, need.found) == ("1000 MB free for /opt/l9", "12 MB")


def test_a_missing_env_names_its_keys_and_holds_nothing_up() -> None:
    seen = ready(wanted())
    without = ready(wanted(), entries={**seen.entries, "/opt/l9/.env": None})
    need = only(without, example="A=secret\n# optional\nB=2\nC=\n")
    assert not need.blocking
    assert need.remedy == "ssh vps 'install -m 600 /dev/null /opt/l9/.env'"
    assert need.expected == "/opt/l9/.env, mode 0600, with A, C"
    assert "secret" not in str(need)


def test_an_open_env_is_closed_by_a_person() -> None:
    entry = Entry(kind="file", mode=0o644, text="A=1")
    need = only(ready(wanted(), entries={**ready(wanted()).entries, "/opt/l9/.env": entry}))
    assert need.remedy == "ssh vps 'chmod 600 /opt/l9/.env'"


@pytest.mark.parametrize("entry", [Entry(kind="hidden"), Entry(kind="file", text=None)])
def test_a_caddyfile_that_cannot_be_read_is_told(entry: Entry) -> None:
    want = wanted()
    assert "cannot be read" in only(ready(want, entries={**ready(want).entries, want.caddyfile: entry})).what


def test_a_remedy_reaches_the_host_the_way_the_user_does() -> None:
    want = wanted(target='ssh_options = ["-F", "/home/me/my config"]')
    need = only(ready(want, closed=("/srv",)), want)
    assert need.remedy == "ssh -F '/home/me/my config' vps 'chmod o+x /srv'"
