"""A stage with one good target, and one for each way in which a host, or the way to it, can be wrong."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from e2e.embedded_place import QUICK_TEST
from e2e.loopback import Sshd
from l9.demo.stage import Stage, Timing
from l9.drivers.process.free_port import free_port

LIVE, NEXT = "v0.5.0-l9", "v0.5.1-l9"
FAST = Timing(soak=0.1, bake=0.0, grace=1.0, deadline=10.0)


class Refusing(Stage):
    def __init__(self, root: Path) -> None:
        super().__init__(root, FAST, test=QUICK_TEST, coverage=0)
        self.closed_port, self.foreign_port = free_port(), free_port()
        self.sshd = Sshd(root / "sshd")

    def _config(self) -> str:
        text = super()._config()
        place = text[text.index("[targets.production]") :].splitlines()[1:]
        # Other settings for the same place, all but the neighbour: its instance is one of its own.
        target = {line.partition(" = ")[0]: line for line in place if line}
        neighbour = "\n".join(target.values())
        target["instance"] = f'instance = "{self.app}"'
        ssh = {**target, "host": 'host = "127.0.0.1"'}
        said = "\n".join(target.values())
        ports = (
            f"{{ blue = {free_port()}, green = {free_port()} }}"  # containers are nobody's neighbours here
        )
        return (
            text
            + f"""
[targets.neighbour]
{neighbour}

[targets.silent]
{said}
route = {{ url = "http://127.0.0.1:{self.closed_port}" }}

[targets.foreign]
{said}
route = {{ url = "http://127.0.0.1:{self.foreign_port}" }}

[targets.full]
{said}
needs = {{ disk = 1_000_000_000_000_000 }}

[targets.crowded]
{said}
needs = {{ memory = 1_000_000_000_000_000 }}

[targets.docker]
{_target(target, runtime='"compose"', ports=ports)}
cgmp = {{ where = "process" }}

[targets.no-service]
{_target(target, runtime='"compose"', ports=ports)}
compose = {{ service = "nosuch" }}

[targets.nowhere]
{said.replace(f'"{self.host}"', f'"{self.root}/nowhere"')}

[targets.no-clone]
{said.replace(f'"{self.host}"', f'"{self.root}/work/api"')}

[targets.unreachable]
{_target(ssh, ssh_options=json.dumps(["-F", "/dev/null", "-p", str(self.closed_port)]))}

[targets.unknown-key]
{_target(ssh, ssh_options=self.sshd.options("empty"))}

[targets.changed-key]
{_target(ssh, ssh_options=self.sshd.options("changed"))}

[targets.no-agent]
{_target(ssh, ssh_options=self.sshd.options(), path=json.dumps(f"{self.root}/bare host"))}

[targets.other-agent]
{_target(ssh, ssh_options=self.sshd.options(), path=json.dumps(f"{self.root}/other"))}

[targets.over-ssh]
{_target(ssh, ssh_options=self.sshd.options())}
"""
        )


def _target(lines: dict[str, str], **other: str) -> str:
    changed = {**lines, **{key: f"{key} = {value}" for key, value in other.items()}}
    return "\n".join(changed.values())


@contextlib.contextmanager
def staged(name: str) -> Iterator[Refusing]:
    """A stage in a folder of that name; LIVE is live on it, NEXT is on its origin."""
    # Not below pytest's own folder: PostgreSQL's user must be able to walk there.
    top = Path(tempfile.mkdtemp(prefix="l9-bad-", dir="/var/tmp"))
    top.chmod(0o755)
    stage = Refusing(top / name)
    try:
        stage.start()
        stage.release(LIVE)
        deployed = stage.l9("deploy", LIVE)
        assert deployed.returncode == 0, deployed.stderr
        stage.release(NEXT)
        stage.git("push", "--quiet", "origin", "main", NEXT)
        stage.git(
            "fetch", "--quiet", "origin", "main", "tag", NEXT, cwd=stage.host
        )  # that the host knows it is no change
        assert stage.l9("cgmp", NEXT).returncode == 0  # its tests are known to be green
        for repository in (stage.work, stage.origin):
            stage.git("gc", "--quiet", cwd=repository)  # each case copies both
        yield stage
    finally:
        stage.stop()
        shutil.rmtree(top, ignore_errors=True)
