"""The file system of a test host: what a freshly installed server with Docker and Caddy has."""

from __future__ import annotations

import grp
import json
import pwd
import shutil
import subprocess
from pathlib import Path

DEPLOY_ID = 4242  # uid and gid of the ordinary user, where there is one

SSHD_CONFIG = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
LogLevel VERBOSE
PidFile /run/sshd.pid
Subsystem sftp /usr/lib/openssh/sftp-server
"""
CADDYFILE = ":80 {\n\troot * /usr/share/caddy\n\tfile_server\n}\n"  # as Debian's package has it


def lay_out(root: Path, name: str, address: str, user: str, public_key: str) -> None:
    """Fill `root`. The machine's /usr is mounted into it read-only; all else is the host's own."""
    for folder in (
        *("dev", "home", "media", "mnt", "opt", "proc", "root", "run", "srv", "sys", "tmp", "usr"),
        *("var/backups", "var/cache", "var/lib/apt/lists/partial", "var/log", "var/spool", "var/tmp"),
    ):
        make_directory(root / folder)
    for link in ("bin", "lib", "lib32", "lib64", "libx32", "sbin"):
        if Path("/", link).is_symlink():
            (root / link).symlink_to(Path("/", link).readlink())
    (root / "var/run").symlink_to("/run")
    (root / "var/lock").symlink_to("/run/lock")
    (root / "var/tmp").chmod(0o1777)
    (root / "root").chmod(0o700)
    _etc(root / "etc", name, address)
    _installed_packages(root / "var/lib/dpkg")
    _caddy(root)
    home = root / "root"
    if user != "root":
        home = _add_user(root, user)
    ssh = home / ".ssh"
    make_directory(ssh, 0o700)
    keys = ssh / "authorized_keys"
    keys.write_text(public_key, encoding="utf-8")
    for path in (ssh, keys):
        shutil.chown(path, home.stat().st_uid, home.stat().st_gid)


def make_directory(path: Path, mode: int = 0o755) -> None:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)


def _etc(etc: Path, name: str, address: str) -> None:
    """A copy of the machine's, for users, certificates and the like, without what is its alone."""
    subprocess.run(("cp", "--archive", "/etc", str(etc)), check=True)
    for key in etc.glob("ssh/ssh_host_*"):
        key.unlink()
    for theirs in ("docker", "ssh/sshd_config.d"):
        shutil.rmtree(etc / theirs, ignore_errors=True)
    for theirs in ("environment", "pip.conf", "resolv.conf"):
        (etc / theirs).unlink(missing_ok=True)
    (etc / "resolv.conf").write_text("# no name server\n", encoding="utf-8")
    (etc / "hostname").write_text(f"{name}\n", encoding="utf-8")
    (etc / "hosts").write_text(f"127.0.0.1 localhost\n::1 localhost\n{address} {name}\n", encoding="utf-8")
    (etc / "ssh/sshd_config").write_text(SSHD_CONFIG, encoding="utf-8")
    make_directory(etc / "docker")
    daemon = {"cgroup-parent": f"/{name}", "exec-opts": ["native.cgroupdriver=cgroupfs"]}
    (etc / "docker/daemon.json").write_text(json.dumps(daemon), encoding="utf-8")


def _installed_packages(dpkg: Path) -> None:
    """So that `dpkg-query` and an `apt-get install` of what is there already answer as on a server."""
    for folder in ("info", "parts", "triggers", "updates"):
        make_directory(dpkg / folder)
    for file in ("diversions", "statoverride", "status"):
        shutil.copy(f"/var/lib/dpkg/{file}", dpkg / file)


def _caddy(root: Path) -> None:
    (root / "etc/caddy").mkdir(exist_ok=True)
    (root / "etc/caddy/Caddyfile").write_text(CADDYFILE, encoding="utf-8")
    caddy = pwd.getpwnam("caddy")
    for folder in ("var/lib/caddy", "var/log/caddy"):
        make_directory(root / folder)
        shutil.chown(root / folder, caddy.pw_uid, caddy.pw_gid)


def _add_user(root: Path, user: str) -> Path:
    """An ordinary user, who may use Docker and owns /opt, and nothing more."""
    docker = grp.getgrnam("docker").gr_gid
    lines = {
        "passwd": f"{user}:x:{DEPLOY_ID}:{DEPLOY_ID}:{user}:/home/{user}:/bin/bash\n",
        "shadow": f"{user}:*:19000:0:99999:7:::\n",  # `*`: no password; `!` would be a locked account to sshd
    }
    for file, line in lines.items():
        with (root / "etc" / file).open("a", encoding="utf-8") as database:
            database.write(line)
    group = root / "etc/group"
    groups = [
        f"{line},{user}".replace(":,", ":") if line.split(":")[2] == str(docker) else line
        for line in group.read_text(encoding="utf-8").splitlines()
    ]
    group.write_text("\n".join([*groups, f"{user}:x:{DEPLOY_ID}:", ""]), encoding="utf-8")
    home = root / "home" / user
    make_directory(home)
    for path in (home, root / "opt"):
        shutil.chown(path, DEPLOY_ID, DEPLOY_ID)
    return home
