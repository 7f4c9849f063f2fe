"""A Docker engine of the tests' own: own network namespace, own data root, own socket. Nothing is pulled.

The base image is this machine's Python with its libraries, so that no network is needed to make it.
"""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DOCKERD = "/usr/sbin/dockerd"
DOCKER = "/usr/bin/docker"  # not whatever client comes first in PATH
PYTHON = "/usr/bin/python3"
BASE = "l9-contract/base:1"
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_LEFT_OUT = re.compile(
    r"/(test|idlelib|config-[^/]*|ensurepip|lib2to3|pydoc_data|tkinter|distutils|dist-packages"
    r"|site-packages|sitecustomize\.py)$"
)


def lacking() -> str | None:
    """Why no engine can be started here, or None."""
    if os.geteuid() != 0:
        return "needs root, to start a Docker engine of its own"
    missing = [path for path in (DOCKERD, DOCKER, PYTHON) if not Path(path).exists()]
    if missing:
        return f"needs {', '.join(missing)}: tools/test_host_packages.py installs it"
    if subprocess.run((DOCKER, "compose", "version"), capture_output=True, check=False).returncode:
        return "needs docker compose: tools/test_host_packages.py installs it"
    return None


@contextmanager
def own_engine() -> Iterator[str]:
    """DOCKER_HOST of a new engine with the base image in it. This thread is in its network meanwhile."""
    folder = Path(tempfile.mkdtemp(prefix="l9-docker-"))
    with own_network(), (folder / "log").open("wb") as log:
        name = f"l9-docker-{secrets.token_hex(4)}"  # containerd refuses some of what mkdtemp makes up
        argv = (
            DOCKERD, "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec",
            "--pidfile", f"{folder}/pid", "--host", f"unix://{folder}/docker.sock",
            "--containerd-namespace", name, "--containerd-plugins-namespace", f"{name}-plugins",
        )  # fmt: skip
        daemon = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        host = f"unix://{folder}/docker.sock"
        try:
            wait_for(daemon, host, folder / "log")
            make_base(host, folder / "base.tar")
            yield host
        finally:
            daemon.terminate()
            try:
                daemon.wait(60)
            finally:
                daemon.kill()
                # dockerd leaves the mount of its own network namespace behind
                subprocess.run(("umount", f"{folder}/exec/netns/default"), capture_output=True, check=False)
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def own_network() -> Iterator[None]:
    """Put this thread, and what it starts, into a new network namespace with nothing but loopback."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as before:
        if libc.unshare(_NEW_NETWORK) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            subprocess.run(("ip", "link", "set", "lo", "up"), check=True)
            yield
        finally:
            if libc.setns(before.fileno(), _NEW_NETWORK) != 0:
                raise OSError(ctypes.get_errno(), "setns")


def wait_for(daemon: subprocess.Popen[bytes], host: str, log: Path) -> None:
    until = time.monotonic() + 60
    while docker(host, "version", check=False).returncode:
        if daemon.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"dockerd does not start:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.1)


def make_base(
    host: str, tar: Path, tag: str = BASE, programs: tuple[str, ...] = (), packages: Path | None = None
) -> None:
    """Import this machine's Python as an image, with further programs of it and Python packages."""
    ask = (PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))")
    library = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    found = {name: os.path.realpath(str(shutil.which(name))) for name in programs}
    loaded = (os.path.realpath(PYTHON), *found.values(), *map(str, Path(library, "lib-dynload").iterdir()))
    with tarfile.open(tar, "w") as image:
        image.add(os.path.realpath(PYTHON), "usr/bin/python3")
        image.add(library, library, filter=lambda info: None if _LEFT_OUT.search(info.name) else info)
        for path in sorted({needed for program in loaded for needed in libraries(program)}):
            image.add(os.path.realpath(path), path)
        for name, path in found.items():
            image.add(path, f"usr/bin/{name}")
        if packages is not None:
            image.add(packages, "packages")
        scratch = tarfile.TarInfo("tmp")
        scratch.type, scratch.mode = tarfile.DIRTYPE, 0o1777
        image.addfile(scratch)
    changes = ("--change", "ENV PATH=/usr/bin PYTHONPATH=/packages")
    docker(host, "import", *changes, str(tar), tag)
    tar.unlink()


def libraries(program: str) -> set[str]:
    out = subprocess.run(("ldd", program), capture_output=True, text=True, check=False).stdout
    return set(re.findall(r"(/\S+) \(0x", out))


def docker(host: str, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """The docker program against that engine; the tests' own look at what is there."""
    env = {"PATH": os.environ["PATH"], "HOME": "/root", "DOCKER_HOST": host}
    done = subprocess.run((DOCKER, *argv), env=env, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"docker {' '.join(argv)}: {done.stderr}")
    return done
