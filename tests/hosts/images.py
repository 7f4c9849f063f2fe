"""Base images made from Debian packages, because a test may not need a registry. Cached by recipe.

`python_image` stands in for `python:3.11-slim`: `python` and `pip` come first in PATH. pip installs from
the wheels inside it, so that a build needs no network; with `PIP_NO_INDEX=0` it goes to the index as the
machine's own pip does. `postgres_image` stands in for `postgres:15`.

    python -m hosts.images [REQUIREMENTS.txt ...]      makes both, ahead of the tests
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SUITE = "bookworm"
PYTHON = (3, 11)  # bookworm's
PYTHON_TAG = f"l9-test/python:{SUITE}"
POSTGRES_TAG = "l9-test/postgres:15"
KEPT_UNUSED = 14 * 86400  # seconds
POSTGRES_ENTRYPOINT = Path(__file__).with_name("postgres-entrypoint.sh")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
MMDEBSTRAP = (
    "mmdebstrap",
    "--quiet",
    "--mode=root",
    "--variant=minbase",
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",  # or else perl comes along, to merge it
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/i18n/*",
    "--dpkgopt=path-exclude=/usr/share/info/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--customize-hook=rm -f $1/etc/resolv.conf $1/etc/hostname",
)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Image:
    """A root file system as a tar, and what `docker import` is to be told about it."""

    tag: str
    tar: Path
    changes: tuple[str, ...]


def cache() -> Path:
    """Return the directory that keeps images from one run to the next."""
    found = Path(os.environ.get("L9_TEST_CACHE") or Path.home() / ".cache" / "l9-tests")
    found.mkdir(parents=True, exist_ok=True)
    return found


def python_image(requirements: Sequence[Path] = ()) -> Image:
    """Python of bookworm with a wheelhouse of all that `requirements` (files) ask for."""
    lines = sorted({line for path in requirements for line in path.read_text(encoding="utf-8").splitlines()})
    pip_conf = pip_configuration()
    recipe = (
        *MMDEBSTRAP,
        "--include=usr-is-merged,python3,python3-venv,ca-certificates,curl",
        "--customize-hook=chroot $1 python3 -m venv /usr/local",
        f"--customize-hook=upload {CERTIFICATES} {CERTIFICATES}",
        "--customize-hook=upload pip.conf /etc/pip.conf",
        "--customize-hook=copy-in wheels /",
        "--customize-hook=chown -R 0:0 $1/wheels $1/etc/pip.conf",
    )

    def prepare(here: Path) -> None:
        (here / "pip.conf").write_text(pip_conf, encoding="utf-8")
        download_wheels(requirements, here / "wheels")

    certificates = CERTIFICATES.read_text(encoding="utf-8")
    tar = cached("python", recipe, (*lines, pip_conf, certificates), prepare)
    env = f"PATH={PATH} PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_DISABLE_PIP_VERSION_CHECK=1"
    return Image(PYTHON_TAG, tar, (f"ENV {env}", 'CMD ["python"]'))


def postgres_image() -> Image:
    """PostgreSQL 15, to be used like the official image."""
    binaries = "/usr/lib/postgresql/15/bin"
    recipe = (
        *MMDEBSTRAP,
        "--include=usr-is-merged,postgresql-15",
        "--dpkgopt=path-exclude=/usr/lib/*/libLLVM*",  # 110 MB for the JIT, which the entrypoint turns off
        "--dpkgopt=path-exclude=/usr/lib/*/libz3*",
        "--dpkgopt=path-exclude=/usr/lib/postgresql/15/lib/bitcode/*",
        # The cluster that Debian's package made, and what only its wrapper scripts need.
        "--customize-hook=rm -rf $1/var/lib/postgresql/15 $1/etc/postgresql/15",
        "--customize-hook=rm -rf $1/usr/share/perl $1/usr/share/perl5 $1/usr/lib/*/perl",
        "--customize-hook=upload postgres-entrypoint /usr/local/bin/postgres-entrypoint",
        "--customize-hook=chmod 0755 $1/usr/local/bin/postgres-entrypoint",
    )
    script = POSTGRES_ENTRYPOINT.read_text(encoding="utf-8")

    def prepare(here: Path) -> None:
        (here / "postgres-entrypoint").write_text(script, encoding="utf-8")

    tar = cached("postgres", recipe, (script,), prepare)
    data = "/var/lib/postgresql/data"
    return Image(
        POSTGRES_TAG,
        tar,
        (
            f"ENV PATH={binaries}:{PATH} PGDATA={data} LANG=C.UTF-8",
            f"VOLUME {data}",
            "EXPOSE 5432",
            "STOPSIGNAL SIGINT",
            'ENTRYPOINT ["postgres-entrypoint"]',
            'CMD ["postgres"]',
        ),
    )


def cached(name: str, recipe: Sequence[str], inputs: Sequence[str], prepare: Callable[[Path], None]) -> Path:
    """The tar that `recipe` makes, made only when neither it nor what goes into it was seen before."""
    digest = hashlib.sha256(json.dumps([recipe, inputs, platform.machine()]).encode()).hexdigest()[:16]
    images = cache() / "images"
    images.mkdir(exist_ok=True)
    tar = images / f"{name}-{digest}.tar"
    with locked(images / f"{name}.lock"):
        if not tar.exists():
            with tempfile.TemporaryDirectory(prefix="l9-image-") as scratch:
                here = Path(scratch)
                prepare(here)
                partial = tar.with_suffix(".partial.tar")
                checked((*recipe, SUITE, str(partial), *own_sources()), cwd=here)
            partial.rename(tar)
        tar.touch()
        for old in images.glob(f"{name}-*.tar"):
            if old.stat().st_mtime < time.time() - KEPT_UNUSED:
                old.unlink()
    return tar


def own_sources() -> list[str]:
    """This machine's apt sources of the suite; mmdebstrap has its own where the machine runs another one."""
    fields = "$(ORIGIN)|$(CODENAME)|deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    argv = ("apt-get", "indextargets", "--format", fields, "Created-By: Packages")
    rows = (line.split("|", 2) for line in checked(argv).splitlines())
    wanted = {SUITE, f"{SUITE}-updates", f"{SUITE}-security"}
    return [line for origin, codename, line in rows if origin == "Debian" and codename in wanted]


def pip_configuration() -> str:
    """Return the settings of this machine's pip for its index, with the certificates where the image has them."""
    out = checked((sys.executable, "-m", "pip", "config", "list"))
    settings = {"cert": str(CERTIFICATES)}
    for line in out.splitlines():
        key, _, value = line.partition("=")
        option = key.rsplit(".", 1)[-1]
        places = [place for place in value.strip("'\"").split() if not place.startswith(("/", "file:"))]
        if option in ("index-url", "extra-index-url", "trusted-host", "proxy", "default-timeout") and places:
            settings[option] = " ".join(places)
    return "[global]\n" + "".join(f"{option} = {value}\n" for option, value in sorted(settings.items()))


def download_wheels(requirements: Sequence[Path], into: Path) -> None:
    """Fetch wheels for the image's Python, whichever Python runs the tests."""
    into.mkdir()
    machine = platform.machine()
    target: tuple[str, ...] = ()
    if sys.version_info[:2] != PYTHON:
        glibc = (f"--platform=manylinux_2_{minor}_{machine}" for minor in range(36, 16, -1))
        target = (f"--python-version={PYTHON[0]}.{PYTHON[1]}", *glibc, f"--platform=manylinux2014_{machine}")
    files = (f"--requirement={path}" for path in requirements)
    download = (sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", f"--dest={into}")
    checked((*download, *target, "pip", "setuptools", "wheel"))
    if requirements:
        checked((*download, *target, *files))


def checked(argv: Sequence[str], cwd: Path | None = None) -> str:
    done = subprocess.run(
        argv, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{shutil.which(argv[0]) or argv[0]} failed:\n{done.stdout}{done.stderr}".strip())
    return done.stdout


@contextmanager
def locked(path: Path):
    """One test run makes an image, the others wait for it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    print(python_image([Path(name) for name in sys.argv[1:]]).tar)
    print(postgres_image().tar)
