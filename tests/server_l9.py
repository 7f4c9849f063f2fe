"""The l9 of a server: the real bundle, installed as provisioning does it, and nothing beside it."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

from l9.provision import bundle, wheels
from l9.provision.host import agent
from l9.provision.host.undo import Undo
from l9.provision.snapshot import Python

HERE = Python(
    version=(sys.version_info[0], sys.version_info[1], sys.version_info[2]),
    executable=os.path.realpath(sys.executable),
    tag=f"cp{sys.version_info[0]}{sys.version_info[1]}",
    machine=os.uname().machine,
    libc=("glibc", os.confstr("CS_GNU_LIBC_VERSION").split()[1]),
)


class ServerL9:
    """Installed below `root`, the directory of a target."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / ".l9" / "agent"
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        self.version = bundle.agent_version(HERE)
        change = {
            "directory": str(self.directory), "digest": self.version.digest, "python": self.version.python,
        }  # fmt: skip
        packed = wheels.agent_wheels(HERE, root.parent / "wheels")
        agent.install(change, {name: base64.b64encode(data).decode() for name, data in packed.items()})
        agent.switch(change, Undo())
        self.launcher = str(self.directory / "bin" / "l9")
        self.python = str(self.directory / self.version.digest / "bin" / "python")

    def __call__(self, *args: str, data: bytes = b"", cwd: Path = Path("/")) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of one command."""
        done = subprocess.run(
            (self.launcher, *args), input=data, cwd=cwd, capture_output=True, timeout=60, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(self.root), "LANG": "C.UTF-8"},
        )  # fmt: skip
        return done.returncode, done.stdout.decode(), done.stderr.decode()
