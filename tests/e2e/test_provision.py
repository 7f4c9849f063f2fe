"""`l9 provision` against real hosts: what it makes, what it leaves alone, what it refuses."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import l9
from e2e.provision_place import ORIGIN, Fresh
from hosts.host import Host
from hosts.network import Network, make_key

pytestmark = [pytest.mark.host, pytest.mark.timeout(300)]
APT = """#!/bin/sh
echo "$@" >>/var/log/apt-get
[ "$1" = update ] || { printf '#!/bin/sh\\n' >/usr/local/sbin/cron && chmod +x /usr/local/sbin/cron; }
"""
SHOP = "http://shop.example {\r\n\trespond open   # two blanks\n}"  # no line end, and one of another kind


@pytest.fixture
def host(network: Network) -> Iterator[Host]:
    with Host(network, caddy=True) as found:
        yield found


@pytest.fixture
def fresh(host: Host, tmp_path: Path) -> Fresh:
    return Fresh(tmp_path, host)


def slot(host: Host, address: str = "") -> str:
    argv = (
        "curl",
        "--silent",
        "--head",
        "--output",
        "/dev/null",
        "--write-out",
        "%header{x-l9-slot} %{http_code}",
    )
    return host.run((*argv, f"http://{address or host.address}/")).stdout


def test_the_first_run_makes_all_and_the_second_finds_nothing_to_change(fresh: Fresh, host: Host) -> None:
    first = fresh.provision()
    assert (first["exit"], first["changed"], first["ready"], first["planned"]) == (0, True, True, []), first
    assert [need["what"] for need in first["needs"] if need["blocking"]] == []

    assert slot(host) == "blue 502"  # Caddy has the site, and nothing is deployed yet
    modes = host.run(("stat", "-c", "%n %a %U", "/opt/l9", "/opt/l9/.l9", "/opt/l9/.l9/route")).stdout
    assert modes.split("\n")[:3] == [
        "/opt/l9 755 root",
        "/opt/l9/.l9 711 root",
        "/opt/l9/.l9/route 755 root",
    ]
    assert _owners(host) == {"root:root"}
    seen_by_caddy = host.run(
        ("setpriv", "--reuid=caddy", "--regid=caddy", "--init-groups", "ls", "/opt/l9/.l9/route")
    )
    assert seen_by_caddy.returncode == 0
    assert host.run(("git", "-C", "/opt/l9", "status", "--porcelain")).stdout == ""
    assert not host.path("/opt/l9/.env").exists()
    assert host.run(("stat", "-c", "%U:%G %a", "/var/log/caddy/l9-api.log")).stdout == "caddy:caddy 640\n"

    status = fresh.l9("status", "--json")
    assert status.returncode == 0, status.stdout + status.stderr
    assert json.loads(status.stdout)["live"]["release"] is None

    # The server's own l9, which `scripts/rollback.sh` calls there.
    own = host.run(("/usr/lib/l9/l9-api/bin/l9", "status", "--json")).stdout
    assert json.loads(own)["path"] == "/opt/l9"

    before = fresh.listing()
    second = fresh.provision()
    assert (second["exit"], second["changed"], second["ready"], second["made"]) == (0, False, True, [])
    assert fresh.listing() == before
    assert "nothing to change" in fresh.l9("provision", "--yes").stdout


def test_the_timers_line_works_and_finds_no_drift(fresh: Fresh, host: Host) -> None:
    fresh.provision()
    cron = fresh.read("/etc/cron.d/l9-l9-api")
    (tick,) = [line for line in cron.splitlines() if line.startswith("* * * * *")]
    command = tick.split(" ", 6)[6].partition(" 2>&1")[0]
    env = {"PATH": "/usr/bin:/bin", "HOME": "/root"}
    done = host.run(("sh", "-c", command), env=env)
    assert json.loads(done.stdout) == {
        "schema": "l9.tick/1",
        "busy": False,
        "recovered": None,
        "standby_stopped": None,
    }
    drift = host.run(("sh", "-c", command.replace(" tick ", " drift ")), env=env)
    assert json.loads(drift.stdout)["drift"] == []


def test_a_dry_run_shows_all_and_changes_nothing(fresh: Fresh) -> None:
    before = fresh.listing()
    done = fresh.l9("provision", "--dry-run", "--repository", ORIGIN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "none made (--dry-run)" in done.stdout
    assert "+import /etc/caddy/l9/*.caddy" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert fresh.listing() == before


def test_nobody_to_ask_and_no_yes_is_refused_before_anything(fresh: Fresh) -> None:
    before = fresh.listing()
    done = fresh.l9("provision", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["remedy"][0]["command"] == "l9 provision --dry-run"
    assert fresh.listing() == before


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 3), (b"y\n", 0)])
def test_on_a_terminal_it_asks_first(fresh: Fresh, answer: bytes, code: int) -> None:
    before = fresh.listing()
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        argv = (sys.executable, "-m", "l9", "provision", "--repository", ORIGIN)
        done = subprocess.run(argv, cwd=fresh.work, stdin=theirs, capture_output=True, text=True, check=False)
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == code, done.stderr
    assert "changes on l9t-" in done.stderr
    assert (fresh.listing() == before) is (code != 0)


# ── Caddy ────────────────────────────────────────────────────────────────────────────────────────


def test_other_sites_stay_and_the_import_is_added_once(fresh: Fresh, host: Host) -> None:
    host.path("/etc/caddy/Caddyfile").write_bytes(SHOP.encode())
    host.reload_caddy()
    for _ in range(2):
        assert fresh.provision()["exit"] == 0
    fresh.configure(f'public_url = "http://{host.address}"\nports = {{ blue = 9000, green = 9001 }}')
    third = fresh.provision()
    assert [change["kind"] for change in third["made"]] == ["file", "caddy"], third
    assert (
        host.path("/etc/caddy/Caddyfile").read_bytes() == f"{SHOP}\n\nimport /etc/caddy/l9/*.caddy\n".encode()
    )
    assert host.run(("curl", "-s", "-H", "Host: shop.example", "http://127.0.0.1/")).stdout == "open"
    assert slot(host) == "blue 502"


def test_the_welcome_page_makes_room_where_the_site_needs_its_address(host: Host, tmp_path: Path) -> None:
    fresh = Fresh(tmp_path, host, target="# the five lines, and no public address")
    assert fresh.provision()["exit"] == 0
    assert "# :80 {" in fresh.read("/etc/caddy/Caddyfile")
    assert slot(host, "127.0.0.1") == "blue 502"
    assert fresh.provision()["made"] == []


@pytest.mark.parametrize(
    ("caddyfile", "said"),
    [
        ("shop.example {\n\tno_such_directive\n}\n", "no_such_directive"),
        ("ADDRESS {\n\trespond taken\n}\n", "ambiguous site definition"),
    ],
)
def test_what_caddy_refuses_changes_nothing_at_all(
    fresh: Fresh, host: Host, caddyfile: str, said: str
) -> None:
    text = caddyfile.replace("ADDRESS", f"http://{host.address}")
    host.path("/etc/caddy/Caddyfile").write_text(text, encoding="utf-8")
    before = fresh.listing()
    done = fresh.l9("provision", "--yes", "--json", "--repository", ORIGIN)
    error = json.loads(done.stdout)
    assert (done.returncode, error["code"], error["changed"]) == (3, "CHANGE_REFUSED", False), error
    assert said in error["evidence"][0]["observed"]
    assert ".l9-candidate" not in done.stdout
    assert error["remedy"]
    assert fresh.listing() == before


def test_a_port_that_another_program_has_stops_before_the_first_change(host: Host, tmp_path: Path) -> None:
    fresh = Fresh(tmp_path, host, more='[route]\nsite = "http://:22"')
    before = fresh.listing()
    done = fresh.provision()
    assert (done["exit"], done["changed"], done["made"]) == (5, False, [])
    (need,) = [need for need in done["needs"] if need["blocking"]]
    assert (need["what"], need["observed"]) == ("port 22 of the site is in use on the host", "held by sshd")
    assert fresh.listing() == before


LISTENS = "import socket, time; s = socket.create_server(('', 81)); print(flush=True); time.sleep(600)"


def test_what_caddy_cannot_load_is_taken_back(host: Host, tmp_path: Path) -> None:
    fresh = Fresh(tmp_path, host, more='[route]\nsite = "http://:81"')
    caddyfile = fresh.read("/etc/caddy/Caddyfile")
    # Another program of Caddy's name has the port, so that it is found only when Caddy loads the site.
    host.run(("ln", "-s", "/usr/bin/python3", "/tmp/caddy"))
    other = host.popen(("/tmp/caddy", "-c", LISTENS), stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None and other.stdout.readline()
        done = fresh.l9("provision", "--yes", "--json", "--repository", ORIGIN)
    finally:
        other.kill()
        other.wait()
        host.run(("rm", "/tmp/caddy"))
    error = json.loads(done.stdout)
    assert (done.returncode, error["code"], error["changed"]) == (5, "HALF_PROVISIONED", True), error
    assert "address already in use" in error["evidence"][0]["observed"]
    assert fresh.read("/etc/caddy/Caddyfile") == caddyfile
    assert os.listdir(host.path("/etc/caddy/l9")) == []
    assert slot(host) == " 200"  # the welcome page, as before


# ── the agent ────────────────────────────────────────────────────────────────────────────────────


def test_another_version_is_switched_to_and_the_one_before_is_kept(
    fresh: Fresh, host: Host, tmp_path: Path
) -> None:
    first = fresh.provision()["agent"]["current"]
    known = [first]
    for version in ("0.2.0", "0.3.0"):
        package = tmp_path / version
        ignored = shutil.ignore_patterns("__pycache__", "demo")
        shutil.copytree(Path(l9.__file__).parent, package / "l9", ignore=ignored)
        init = package / "l9" / "__init__.py"
        init.write_text(init.read_text(encoding="utf-8").replace(l9.__version__, version), encoding="utf-8")

        refused = fresh.l9("status", "--json", package=package)
        assert (refused.returncode, json.loads(refused.stdout)["code"]) == (2, "AGENT_MISMATCH")
        done = fresh.provision(package=package)
        kinds = [change["kind"] for change in done["made"]]
        assert kinds[:2] == ["install-agent", "switch-agent"], done
        assert fresh.l9("status", package=package).returncode == 0
        known.append(done["agent"]["current"])
        assert set(done["agent"]["installed"]) == set(known[-2:])
    assert os.readlink(host.path("/usr/lib/l9/l9-api/bin")) == f"{known[-1]}/bin"
    assert len(set(known)) == 3


@pytest.mark.parametrize("after", ["clone of", "link ", "access log"])
def test_a_run_that_is_killed_is_finished_by_the_next(fresh: Fresh, host: Host, after: str) -> None:
    argv = (sys.executable, "-m", "l9", "provision", "--yes", "--repository", ORIGIN)
    with subprocess.Popen(
        argv,
        cwd=fresh.work,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as child:
        assert child.stderr
        assert any(line.startswith(f"✔ {after}") for line in child.stderr)
        child.kill()
    host.run(("sh", "-c", "while pgrep -f '[p]ython3 -I -' >/dev/null; do sleep 0.05; done"))
    assert fresh.provision()["exit"] == 0
    assert fresh.provision()["made"] == []
    assert slot(host) == "blue 502"
    assert not [name for name in os.listdir(host.path("/etc/caddy")) if name.startswith(".l9")]


def test_packages_are_installed_when_asked_for_and_never_else(fresh: Fresh, host: Host) -> None:
    apt = host.path("/usr/local/bin/apt-get")
    apt.write_text(APT, encoding="utf-8")
    apt.chmod(0o755)
    done = fresh.provision()
    (need,) = [need for need in done["needs"] if need["what"] == "the host has no systemd and no cron"]
    assert need["remedy"].endswith("'apt-get update && apt-get install -y cron'")
    assert not host.path("/var/log/apt-get").exists()

    with_it = fresh.provision("--install")
    assert [change["kind"] for change in with_it["made"]] == ["packages"]
    assert "install --yes --quiet --no-install-recommends cron\n" in fresh.read("/var/log/apt-get")
    assert not [need for need in with_it["needs"] if "cron" in need["what"]]


def test_a_path_with_blanks_and_other_letters(host: Host, tmp_path: Path) -> None:
    path = "/opt/l 9/größe's"
    fresh = Fresh(tmp_path, host, target=f'public_url = "http://{host.address}"\npath = "{path}"')
    done = fresh.provision()
    assert (done["exit"], done["planned"]) == (0, []), done
    assert fresh.provision()["made"] == []
    assert fresh.l9("status").returncode == 0
    flag = host.path(path) / ".l9/route/green"
    flag.touch()
    assert slot(host) == "green 502"


# ── who may do what ──────────────────────────────────────────────────────────────────────────────


def test_an_ordinary_user_does_its_part_and_is_told_roots(network: Network, tmp_path: Path) -> None:
    with Host(network, user="deploy", caddy=True) as host:
        fresh = Fresh(tmp_path, host)
        first = fresh.provision()
        assert (first["exit"], first["changed"], first["ready"]) == (5, True, False), first
        assert {change["kind"] for change in first["left"]} == {"log", "join", "caddy", "file"}
        assert fresh.l9("status").returncode == 0
        ours = ("/opt/l9/.l9/agent/bin/l9", "/opt/l9/.l9/settings.json")
        assert host.run(("stat", "-c", "%U", *ours)).stdout == "deploy\ndeploy\n"
        assert not host.path("/etc/l9").exists()
        assert not host.path("/usr/lib/l9").exists()
        again = fresh.provision()
        assert (again["exit"], again["changed"], len(again["left"])) == (5, False, 4)

        fresh.by_hand(again)
        last = fresh.provision()
        assert (last["exit"], last["changed"], last["left"]) == (0, False, []), last
        assert slot(host) == "blue 502"
        log = subprocess.run((*host.ssh, "cat /var/log/caddy/l9-api.log"), capture_output=True, check=False)
        assert b'"status":502' in log.stdout, log.stderr


def test_a_user_with_sudo_needs_no_hand(network: Network, tmp_path: Path) -> None:
    with Host(network, user="deploy", caddy=True) as host:
        host.run(("chown", "root:root", "/opt"))
        _sudo_for_everybody(host)
        fresh = Fresh(tmp_path, host)
        done = fresh.provision()
        assert (done["exit"], done["planned"], done["left"]) == (0, [], []), done
        assert host.run(("stat", "-c", "%U", "/opt/l9", "/etc/cron.d/l9-l9-api")).stdout == "deploy\nroot\n"
        assert _owners(host) == {"root:root"}
        assert fresh.l9("status").returncode == 0
        assert slot(host) == "blue 502"
        assert fresh.provision()["made"] == []

        # Root's settings stay root's when nobody may become root any more.
        host.path("/usr/local/bin/sudo").unlink()
        fresh.configure(f'public_url = "http://{host.address}"', "[standby]\nseconds = 7")
        later = fresh.provision()
        assert (later["exit"], later["made"]) == (5, []), later
        assert [change["title"] for change in later["left"]] == ["file /etc/l9/l9-api/settings.json"]
        told = fresh.l9("status")
        assert "standby.seconds: 7 here, 600 on the host; l9 provision applies l9.toml" in told.stderr


def _owners(host: Host) -> set[str]:
    """Return the owners of the files that decide on the host; nobody else may write there."""
    places = ("/etc/l9", "/usr/lib/l9")
    assert host.run(("find", *places, "!", "-type", "l", "-perm", "/022")).stdout == ""
    modes = host.run(("stat", "-c", "%a", *places, "/etc/l9/l9-api", "/usr/lib/l9/l9-api")).stdout
    assert modes.split() == ["755"] * 4
    return set(host.run(("find", *places, "-printf", "%u:%g\n")).stdout.split())


STANDS_IN = """
import http.server
class Release(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 8000), Release)
print(flush=True)
server.serve_forever()
"""


@contextmanager
def release_in_blue(host: Host) -> Iterator[None]:
    """Something that answers in the blue slot as a live release does."""
    label = "/opt/l9/.l9/route/blue.release"
    host.run(("sh", "-c", f"mkdir -p {label} && touch {label}/v1.0.0-l9"))
    server = host.popen(("python3", "-c", STANDS_IN), stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None and server.stdout.readline()
        assert slot(host) in ("blue 501", "blue 200")  # it knows no HEAD
        yield
    finally:
        server.kill()
        server.wait()


def test_with_sudo_what_root_changed_is_taken_back(network: Network, tmp_path: Path) -> None:
    with Host(network, user="deploy", caddy=True) as host:
        host.run(("chown", "root:root", "/opt"))
        _sudo_for_everybody(host)
        fresh = Fresh(tmp_path, host)
        assert fresh.provision()["exit"] == 0
        state = ("sh", "-c", "cat /etc/l9/l9-api/settings.json /etc/caddy/Caddyfile /etc/caddy/l9/*")
        before = host.run(state).stdout
        with release_in_blue(host):
            host.run(("chmod", "715", "/opt/l9/.l9"))  # the user's own part comes first, and does no harm
            fresh.configure(more='[route]\nsite = "http://:81"\n[standby]\nseconds = 7')
            done = fresh.l9("provision", "--yes", "--json", "--repository", ORIGIN)
            error = json.loads(done.stdout)
            assert (done.returncode, error["code"]) == (4, "CHANGE_UNDONE"), error
            assert "with v1.0.0-l9" in error["evidence"][0]["expected"]
            assert host.run(state).stdout == before
            assert slot(host) == "blue 501"
            fresh.configure()
            again = fresh.provision()
            assert (again["exit"], again["made"]) == (0, []), again


def test_an_operator_who_is_gone_in_the_proof_changes_nothing(fresh: Fresh, host: Host) -> None:
    """The host takes the change back by itself."""
    assert fresh.provision()["exit"] == 0
    site = "/etc/caddy/l9/l9-api.caddy"
    before, settings = fresh.read(site), fresh.read("/etc/l9/l9-api/settings.json")
    with release_in_blue(host):
        fresh.configure(more='[route]\nsite = "http://:81"')
        argv = (sys.executable, "-m", "l9", "provision", "--yes", "--repository", ORIGIN)
        with subprocess.Popen(
            argv,
            cwd=fresh.work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as child:
            while fresh.read(site) == before and child.poll() is None:
                time.sleep(0.01)
            child.kill()
        host.run(("sh", "-c", "while pgrep -f '[p]ython3 -I -' >/dev/null; do sleep 0.05; done"))
        assert (fresh.read(site), fresh.read("/etc/l9/l9-api/settings.json")) == (before, settings)
        assert slot(host) == "blue 501"


def test_a_port_that_another_program_answers_on_is_not_taken(fresh: Fresh, host: Host) -> None:
    """Not by a live release, which stays on its own, and not where nothing is live."""
    assert fresh.provision()["exit"] == 0
    before = fresh.listing()
    fresh.configure(f'public_url = "http://{host.address}"\nports = {{ blue = 22, green = 8001 }}')
    with release_in_blue(host):
        label = host.path("/opt/l9/.l9/route/blue.release")
        live = fresh.provision()
        what = [need["what"] for need in live["needs"] if need["blocking"]]
        assert what == ["the ports cannot move while a release is live", "port 22 is in use on the host"]
        assert slot(host) == "blue 501"
    shutil.rmtree(label)
    alone = fresh.provision()
    assert [need["what"] for need in alone["needs"] if need["blocking"]] == ["port 22 is in use on the host"]
    for done in (live, alone):
        assert (done["exit"], done["changed"], done["made"]) == (5, False, [])
    assert fresh.listing() == before


def test_a_lock_of_another_user_is_not_passed_over(network: Network, tmp_path: Path) -> None:
    with Host(network, user="deploy", caddy=True) as host:
        _sudo_for_everybody(host)
        fresh = Fresh(tmp_path, host)
        assert fresh.provision()["exit"] == 0
        host.run(("sh", "-c", "umask 077; touch /opt/l9/.l9/lock"))  # root's
        held = host.popen(("flock", "--no-fork", "/opt/l9/.l9/lock", "sleep", "600"))
        try:
            before = fresh.listing()
            fresh.configure(more="[standby]\nseconds = 7")
            done = fresh.l9("provision", "--yes", "--json", "--repository", ORIGIN)
            error = json.loads(done.stdout)
            assert (done.returncode, error["code"]) == (3, "CHANGE_REFUSED"), error
            assert error["message"] == "the run's lock cannot be taken"
            assert "Permission denied" in error["evidence"][0]["observed"]
            assert fresh.listing() == before
            remedy = error["remedy"][0]["command"]
            subprocess.run(remedy, shell=True, cwd=fresh.work, check=True)
            busy = json.loads(fresh.l9("provision", "--yes", "--json", "--repository", ORIGIN).stdout)
            assert busy["message"] == "a run is in progress", busy
        finally:
            held.kill()
            held.wait()
        host.run(("flock", "--timeout", "10", "/opt/l9/.l9/lock", "true"))
        assert fresh.provision()["exit"] == 0


def test_a_directory_that_another_instance_has_is_left_alone(fresh: Fresh, host: Host) -> None:
    assert fresh.provision()["exit"] == 0
    before = fresh.listing()
    fresh.configure(
        f'public_url = "http://{host.address}:81"\ninstance = "shop"\nports = {{ blue = 1, green = 2 }}'
    )
    done = fresh.provision()
    assert (done["exit"], done["changed"]) == (5, False)
    assert done["needs"][0]["observed"] == "prepared for l9-api"
    assert fresh.listing() == before


def test_what_an_older_l9_left_is_shown_and_removed(fresh: Fresh, host: Host) -> None:
    script = """
        umask 022; mkdir -p /opt/l9/.l9/agent/0123456789abcdef/bin; ln -s 0123456789abcdef/bin /opt/l9/.l9/agent/bin
        echo '{"app": "l9-api"}' >/opt/l9/.l9/config.json
        printf '#!/bin/sh\\necho %s\\n' "'$1'" >/opt/l9/.l9/agent/bin/l9; chmod +x /opt/l9/.l9/agent/bin/l9
    """
    hello = '{"type":"hello","version":"0.1.0","graph":"0","host":"h","schema":"l9.agent/1"}'
    host.run(("sh", "-ec", script, "-", hello))
    refused = json.loads(fresh.l9("status", "--json").stdout)
    assert (refused["code"], refused["message"]) == (
        "AGENT_MISMATCH",
        "the agent on the host has a different protocol",
    )
    assert refused["remedy"][0]["command"] == "l9 provision"
    done = fresh.provision()
    assert (done["exit"], done["made"][-1]["kind"]) == (0, "remove"), done
    assert fresh.l9("status").returncode == 0
    assert not {"agent", "config.json"} & set(os.listdir(host.path("/opt/l9/.l9")))


def _sudo_for_everybody(host: Host) -> None:
    """A set-user-id setpriv in place of sudo, which a test host has not."""
    host.run(("install", "-m", "4755", "/usr/bin/setpriv", "/usr/local/bin/become"))
    script = '#!/bin/sh\n[ "$1" = -n ] && shift\nexec /usr/local/bin/become --reuid=0 --regid=0 --clear-groups "$@"\n'
    sudo = host.path("/usr/local/bin/sudo")
    sudo.write_text(script, encoding="utf-8")
    sudo.chmod(0o755)


# ── what is in the way ───────────────────────────────────────────────────────────────────────────


def test_a_repository_that_the_host_cannot_read_is_told_and_the_rest_is_made(
    fresh: Fresh, host: Host
) -> None:
    done = fresh.provision("--repository", "git@127.0.0.1:nobody.git")
    assert (done["exit"], done["changed"], done["ready"]) == (5, True, False), done
    (need,) = [need for need in done["needs"] if need["blocking"]]
    assert "deploy key" in need["expected"]
    assert need["remedy"].endswith("'git ls-remote git@127.0.0.1:nobody.git'")
    assert slot(host) == "blue 502"
    assert [change["kind"] for change in fresh.provision()["made"]] == ["clone", "lines"]


def test_files_of_others_are_left_alone(fresh: Fresh, host: Host) -> None:
    host.run(("sh", "-c", "mkdir /opt/l9 && echo mine >/opt/l9/index.html"))
    before = fresh.listing()
    done = fresh.provision()
    assert (done["exit"], done["changed"]) == (5, False)
    assert done["needs"][0]["observed"] == "index.html"
    assert fresh.listing() == before


def test_an_env_that_is_there_before_the_clone_stays(fresh: Fresh, host: Host) -> None:
    host.run(("sh", "-c", "mkdir /opt/l9 && umask 077 && echo API_KEY=1 >/opt/l9/.env"))
    done = fresh.provision()
    assert (done["exit"], [need["what"] for need in done["needs"] if ".env" in need["what"]]) == (0, [])
    assert fresh.read("/opt/l9/.env") == "API_KEY=1\n"


def test_another_host_key_is_refused(fresh: Fresh, host: Host, tmp_path: Path) -> None:
    make_key(tmp_path / "other", "somebody else")
    key = (tmp_path / "other.pub").read_text(encoding="utf-8")
    host.known_hosts.write_text(f"{host.address} {key}", encoding="utf-8")
    done = fresh.l9("provision", "--yes", "--json", "--repository", ORIGIN)
    error = json.loads(done.stdout)
    assert (done.returncode, error["code"]) == (3, "UNREACHABLE")
    assert error["message"] == f"ssh: the host key of {host.name} has changed"
    assert error["remedy"][0]["command"].startswith("ssh -F ")
