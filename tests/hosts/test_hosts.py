"""The hosts are real enough, apart from each other, and gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from hosts import owned
from hosts.host import Host, wait_until
from hosts.images import POSTGRES_TAG, PYTHON_TAG, Image
from hosts.network import Network, make_key

pytestmark = [pytest.mark.host, pytest.mark.timeout(600)]  # the first run on a machine makes the images


def ssh(host: Host, *command: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    argv = (*host.ssh[:-1], *options, host.ssh[-1], *command)
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


def status(url: str) -> int | None:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status
    except OSError:
        return None


def links() -> str:
    return subprocess.run(("ip", "link"), capture_output=True, text=True, check=True).stdout


def namespaces_of(pid: int) -> set[str]:
    return {os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("mnt", "net", "pid", "uts")}


def processes_in(namespaces: set[str]) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if namespaces_of(int(process.name)) & namespaces:
                found.append(int(process.name))
        except OSError:  # it ended, or is none of ours
            continue
    return found


def test_ssh_knows_the_host_by_its_key(host: Host) -> None:
    done = ssh(host, "hostname; whoami; command -v docker caddy")
    assert done.stderr == ""
    assert done.stdout.split() == [host.name, "root", "/usr/bin/docker", "/usr/bin/caddy"]


def test_ssh_refuses_another_host_key(host: Host, tmp_path: Path) -> None:
    make_key(tmp_path / "other", "somebody else")
    key = (tmp_path / "other.pub").read_text(encoding="utf-8")
    (tmp_path / "known_hosts").write_text(f"{host.address} {key}", encoding="utf-8")
    done = ssh(host, "true", options=("-o", f"UserKnownHostsFile={tmp_path / 'known_hosts'}"))
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr


def test_an_ordinary_user_has_docker_and_opt_and_nothing_more(network: Network) -> None:
    with Host(network, user="deploy") as host:
        assert ssh(host, "id -un; docker ps --quiet; touch /opt/file; ls /opt").stdout.split() == [
            "deploy",
            "file",
        ]
        assert ssh(host, "touch /etc/file").returncode == 1
        assert ssh(host, "sudo -n true").returncode != 0
        assert ssh(host, "true", options=("-l", "root")).returncode == 255


def test_a_host_changes_nothing_outside_of_itself(host: Host) -> None:
    for place in (
        "/etc/l9t",
        "/opt/l9t",
        "/usr/local/bin/l9t",
        "/var/lib/l9t",
        "/root/l9t",
        "/tmp/l9t",
        "/run/l9t",
    ):
        host.run(("touch", place))
        assert not Path(place).exists()
    assert host.run(("touch", "/usr/bin/l9t"), check=False).returncode == 1


def test_a_published_port_answers_from_outside(host: Host) -> None:
    serve = ("python", "-m", "http.server", "8000")
    host.run(("docker", "run", "--detach", "--name=published", "--publish=8001:8000", PYTHON_TAG, *serve))
    try:
        wait_until(
            lambda: status(f"http://{host.address}:8001/") == 200, "the published port does not answer", 10
        )
    finally:
        host.run(("docker", "rm", "--force", "published"))


def test_host_networking_lands_inside(host: Host) -> None:
    serve = ("python", "-m", "http.server", "8002")
    host.run(("docker", "run", "--detach", "--name=inside", "--network=host", PYTHON_TAG, *serve))
    try:
        wait_until(
            lambda: status(f"http://{host.address}:8002/") == 200, "the host's port does not answer", 10
        )
        assert host.run(("curl", "-sf", "http://127.0.0.1:8002/")).returncode == 0
        assert status("http://127.0.0.1:8002/") is None
    finally:
        host.run(("docker", "rm", "--force", "inside"))


def test_a_build_installs_from_the_wheels_in_the_image(host: Host) -> None:
    dockerfile = f"FROM {PYTHON_TAG}\nRUN pip install --no-cache-dir wheel\n"
    host.run(("docker", "build", "--quiet", "--tag=built", "-"), input=dockerfile, timeout=120)
    assert "usage" in host.run(("docker", "run", "--rm", "built", "wheel", "--help")).stdout
    host.run(("docker", "rmi", "built"))


def test_postgres_starts_like_the_official_image(host: Host) -> None:
    env = ("--env=POSTGRES_PASSWORD=s3cr3t", "--env=POSTGRES_DB=l9-memory")
    host.run(
        ("docker", "run", "--detach", "--name=db", *env, "--volume=db:/var/lib/postgresql/data", POSTGRES_TAG)
    )
    url = "postgresql://postgres:{}@127.0.0.1/l9-memory"
    query = ("docker", "exec", "db", "psql", "--no-psqlrc", "--tuples-only")

    def ready() -> bool:
        return (
            host.run(("docker", "exec", "db", "pg_isready", "-h", "127.0.0.1"), check=False).returncode == 0
        )

    try:
        wait_until(ready, "PostgreSQL does not answer", 20)
        host.run((*query, url.format("s3cr3t"), "--command=CREATE TABLE kept (a int)"))
        host.run(("docker", "restart", "db"))
        wait_until(ready, "PostgreSQL does not answer again", 20)
        assert "kept" in host.run((*query, url.format("s3cr3t"), "--command=\\dt")).stdout
        owner = host.run(("docker", "exec", "db", "stat", "--format=%U", "/proc/1")).stdout
        assert owner.strip() == "postgres"
    finally:
        host.run(("docker", "rm", "--force", "db"))
        host.run(("docker", "volume", "rm", "db"))


def test_caddy_dies_and_comes_back(host: Host) -> None:
    url = f"http://{host.address}/"
    assert status(url) == 200
    assert host.run(("ps", "-o", "user=", "-p", str(host.caddy_pid))).stdout.strip() == "caddy"
    before = host.caddy_pid
    host.reload_caddy()
    assert host.caddy_pid == before
    for end in (host.kill_caddy, host.stop_caddy):
        end()
        assert status(url) is None
        host.start_caddy()
        assert status(url) == 200


def test_the_link_is_cut_and_mended(host: Host) -> None:
    with subprocess.Popen(
        (*host.ssh, "echo up; read line; echo $line"), stdin=-1, stdout=-1, text=True
    ) as open_one:
        assert open_one.stdout.readline() == "up\n"
        host.cut_link()
        assert status(f"http://{host.address}/") is None
        assert ssh(host, "true", options=("-o", "ConnectTimeout=1")).returncode == 255
        assert host.run(("curl", "-sf", "-o", "/dev/null", "http://127.0.0.1/")).returncode == 0
        host.mend_link()
        wait_until(lambda: status(f"http://{host.address}/") == 200, "the link was not mended", 10)
        out, _ = open_one.communicate("through\n", timeout=20)  # TCP sent it again
        assert out == "through\n"


def test_a_reboot_keeps_files_and_nothing_else(network: Network, base_images: tuple[Image, ...]) -> None:
    with Host(network, images=base_images, caddy=True) as host:
        host.run(("sh", "-c", "echo kept >/opt/file; touch /tmp/file /run/file"))
        sleep = (PYTHON_TAG, "sleep", "1000")
        host.run(("docker", "run", "--detach", "--name=comes-back", "--restart=unless-stopped", *sleep))
        host.run(("docker", "run", "--detach", "--name=stays-down", *sleep))
        host.boot_commands.append(("touch", "/run/booted"))
        before = [(pid, owned.identity(pid)) for pid in processes_in(namespaces_of(host.pid))]
        assert len(before) > 5
        host.reboot()
        assert [pid for pid, identity in before if owned.identity(pid) == identity] == []
        assert ssh(host, "cat /opt/file; ls /tmp /run/file").stdout.split() == ["kept", "/tmp:"]
        assert host.path("/run/booted").exists()
        assert status(f"http://{host.address}/") == 200
        wait_until(lambda: "comes-back" in host.run(("docker", "ps")).stdout, "the container stayed down", 10)
        assert "stays-down" not in host.run(("docker", "ps")).stdout


def test_hosts_see_each_other_only_over_the_network(host: Host, network: Network) -> None:
    with Host(network) as other:
        host.run(("docker", "create", "--name=mine", PYTHON_TAG))
        try:
            assert "mine" in host.run(("docker", "ps", "--all")).stdout
            assert "mine" not in other.run(("docker", "ps", "--all")).stdout
            assert "dockerd" in other.run(("ps", "ax")).stdout
            assert "caddy" not in other.run(("ps", "ax")).stdout
            assert other.run(("curl", "-sf", "-o", "/dev/null", f"http://{host.address}/")).returncode == 0
        finally:
            host.run(("docker", "rm", "mine"))


def test_ending_a_popen_ends_the_process_inside(host: Host) -> None:
    for moment in range(100):
        process = host.popen(("sleep", "7654"))
        time.sleep(moment * 0.00005)
        process.kill()
        process.wait(timeout=5)
    wait_until(lambda: "sleep 7654" not in host.run(("ps", "ax")).stdout, "one of them lives on", 5)


def test_stop_leaves_nothing(network: Network, base_images: tuple[Image, ...]) -> None:
    with Host(network, images=base_images, caddy=True) as host:
        host.run(("docker", "run", "--detach", "--publish=80", PYTHON_TAG, "sleep", "1000"))
        host.popen(("sleep", "1000"), start_new_session=True)
        namespaces = namespaces_of(host.pid)
        assert len(processes_in(namespaces)) > 5
    assert processes_in(namespaces) == []
    assert host.name not in Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    assert host.name not in links()
    assert not host.directory.exists()
    assert list(Path("/sys/fs/cgroup").glob(f"**/{host.name}")) == []


@pytest.mark.usefixtures("network")  # for its skip
def test_nothing_outlives_a_killed_test_process() -> None:
    program = (
        "from hosts.host import Host; from hosts.network import Network; import time\n"
        "host = Host(Network()).start()\n"
        "print(host.pid, host.name, host.network.name, flush=True); time.sleep(60)"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen((sys.executable, "-c", program), stdout=-1, text=True, env=env) as killed:
        pid, name, network_name = killed.stdout.readline().split()
        namespaces = namespaces_of(int(pid))
        assert network_name in links()
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    time.sleep(0.1)
    wait_until(lambda: processes_in(namespaces) == [], "processes live on", 5)
    wait_until(lambda: network_name not in links(), "the link is there still", 5)
    assert {name, network_name} <= set(owned.sweep())
    assert not list(Path("/sys/fs/cgroup").glob(f"*/{name}"))
