"""A host of its own as a place: real ssh, real Docker Compose, Caddy as a service, provisioned with `l9 provision`."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path

from e2e.place import l9
from hosts.host import Host
from l9.demo.backend import APP, source
from l9.demo.stage import GIT_NAMES

ORIGIN = "/srv/origin.git"
PATH = "/opt/l9"


class HostPlace:
    """The reference backend on a test host, in the spec's own layout."""

    def __init__(self, root: Path, host: Host) -> None:
        self.root = root
        self.host = host
        self.work = root / "work"
        self.url = f"http://{host.address}"
        self.api_key = secrets.token_hex(16)

    def start(self) -> None:
        """Make the repository and its origin, provision the host, and fill in its .env."""
        ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache", ".venv")
        shutil.copytree(source(), self.work, ignore=ignored)
        self.host.run(("git", "init", "--quiet", "--bare", "--initial-branch=main", ORIGIN))
        (self.work / "l9.toml").write_text(self.config(), encoding="utf-8")
        self.prepare()
        self.git("init", "--quiet", "--initial-branch=main", ".")
        self.git("config", "user.name", "Test")
        self.git("config", "user.email", "test@l9.invalid")
        self.git("config", "core.sshCommand", f"ssh -F {self.host.ssh_config}")
        self.git("remote", "add", "origin", f"{self.host.name}:{ORIGIN}")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Add: The reference backend")
        self.git("push", "--quiet", "origin", "main")
        done = l9(self, "provision", "--yes", "--repository", ORIGIN)
        assert done.returncode == 0, done.stdout + done.stderr
        env = self.host.path(f"{PATH}/.env")
        env.touch(mode=0o600)
        env.write_text(self.env(), encoding="utf-8")

    def prepare(self) -> None:
        """Add further files to the first commit, or beside it."""

    def stop(self) -> None:
        """Leave the host as it was, but for Docker's build cache: the next case starts from nothing, and soon."""
        script = """
        docker ps -aq | xargs -r docker unpause 2>/dev/null
        docker ps -aq | xargs -r docker rm -f -v
        docker volume ls -q | xargs -r docker volume rm -f
        docker network prune -f
        rm -rf /opt/l9 /etc/l9 /usr/lib/l9 /srv/origin.git /etc/caddy/l9 /etc/cron.d/l9-*
        """
        self.host.mend_link()
        self.host.run(("sh", "-c", script), timeout=120)
        self.host.run(("sh", "-c", "sed -i '/import .*l9/d' /etc/caddy/Caddyfile"))
        self.host.reload_caddy()

    def config(self) -> str:
        """The five lines, and what a test wants shorter than the spec."""
        return f"""app = "l9-api"

[check]
test = ["{{python}}", "-m", "compileall", "-q", "api"]
waive = {{ "workspace.base-image-by-digest" = "made on this machine, where no registry gives it a digest" }}

[cgmp]
where = "process"
fix = [["{{python}}", "-m", "compileall", "-q", "api"]]
coverage = 0
skip = {{ oracle = "the operator of these tests has neither Docker nor a database" }}

[compose]
build_args = {{ BASE_IMAGE = "l9-test/python:bookworm" }}

[health]
soak = 0.5
deadline = 12

[bake]
seconds = 3
after_rollback = 1

[drain]
grace = 3

[[smoke]]
method = "POST"
path = "/memory/packet"
headers = {{ Authorization = "Bearer {{env:L9_EXECUTOR_API_KEY}}" }}
json = {{ content = "smoke" }}
fields = {{ status = "stored" }}

[needs]
disk = 100_000_000

[targets.production]
host = "{self.host.name}"
path = "{PATH}"
public_url = "{self.url}"
ssh_options = ["-F", "{self.host.ssh_config}"]
"""

    def env(self) -> str:
        """Every key of .env.example, with a database password of this test's own."""
        password = secrets.token_hex(8)
        values = {
            "MEMORY_DSN": f"postgresql://l9:{password}@db:5432/l9_memory",
            "POSTGRES_PASSWORD": password,
            "L9_EXECUTOR_API_KEY": self.api_key,
        }
        lines = []
        for line in (source() / ".env.example").read_text(encoding="utf-8").splitlines():
            key = line.partition("=")[0]
            lines.append(f"{key}={values[key]}" if key in values else line)
        return "\n".join([*lines, "DB_IMAGE=l9-test/postgres:15"]) + "\n"

    def release(self, tag: str, added: str = "") -> None:
        good = (source() / APP).read_text(encoding="utf-8")
        (self.work / APP).write_text(good + added + f"\n# {tag}\n", encoding="utf-8")
        self.git("commit", "--quiet", "--all", "-m", f"Release: Prepare {tag}")
        self.git("tag", "-a", tag, "-m", f"Release {tag}: Bring it to production")

    def git(self, *args: str) -> None:
        subprocess.run(("git", *args), cwd=self.work, env={**os.environ, **GIT_NAMES}, check=True)

    def ask(self, *args: str) -> str:
        """Run git in the working copy and return its answer."""
        done = subprocess.run(("git", *args), cwd=self.work, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    # ── disturbing it ────────────────────────────────────────────────────────────────────────────

    def journal(self) -> Path:
        return self.host.path(f"{PATH}/.l9/journal.jsonl")

    def cut_link(self) -> None:
        self.host.cut_link()

    def mend_link(self) -> None:
        self.host.mend_link()

    def kill_worker(self) -> None:
        held = "flock --shared --nonblock $1 true && exit 1"  # its file names the last holder for ever
        kill = "import json,sys; print(json.load(open(sys.argv[1]))['pid'])"
        script = f'{held}; kill -KILL "$(python3 -c "$2" "$1")"'
        self.host.run(("sh", "-c", script, "-", f"{PATH}/.l9/lock", kill))

    def reload_caddy(self) -> None:
        self.host.reload_caddy()

    def kill_caddy(self) -> None:
        self.host.kill_caddy()

    def start_caddy(self) -> None:
        self.host.start_caddy()

    def on_server(self, *argv: str) -> subprocess.Popen[str]:
        return self.host.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def running_slots(self) -> list[str]:
        label = "dev.l9.slot"
        wanted = ("--filter", "status=running", "--filter", f"label={label}")
        out = self.host.run(("docker", "ps", *wanted, "--format", f'{{{{.Label "{label}"}}}}')).stdout
        return sorted(out.split())
