#!/usr/bin/env python3
"""Install the Debian packages that the tests on isolated hosts need.

    tools/test_host_packages.py             install what is missing (asks first on a terminal)
    tools/test_host_packages.py --yes       install without asking
    tools/test_host_packages.py --check     print what is missing; exit 1 if anything is
    tools/test_host_packages.py --dry-run   print what would be done, and do nothing

Exit codes: 0 all are installed · 1 some are missing · 2 unsupported system · 3 not root.
No service is started or left enabled for the next boot.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MISSING, UNKNOWN_SYSTEM, NOT_ROOT = 1, 2, 3

SOURCE = Path("/etc/apt/sources.list.d/l9-test-hosts.sources")
PINS = Path("/etc/apt/preferences.d/l9-test-hosts")
POLICY = Path("/usr/sbin/policy-rc.d")
SAVED_POLICY = Path("/usr/sbin/policy-rc.d.before-l9")
REFUSE_STARTS = "#!/bin/sh\n# from test_host_packages.py\nexit 101\n"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

BOOKWORM_ENGINE = (20, 10)  # too old: no Compose v2, no start_interval in healthchecks
UNITS = {  # the services these packages would enable under systemd
    "caddy": ("caddy.service",),
    "docker.io": ("docker.service", "docker.socket", "containerd.service"),
    "openssh-server": ("ssh.service", "ssh.socket"),
}


@dataclass(frozen=True)
class Need:
    """One package, its alternatives, and the later suite it must come from, if any."""

    name: str
    or_else: tuple[str, ...] = ()
    suite: str = ""
    newer_than: tuple[int, ...] = ()

    def met_by(self, installed: dict[str, str]) -> bool:
        if any(other in installed for other in self.or_else):
            return True
        return self.name in installed and version_of(installed[self.name]) > self.newer_than


COMMON = (
    Need("age"),  # for the tests of secrets
    Need("caddy"),
    Need("ca-certificates"),
    Need("curl"),
    Need("git"),
    Need("gnupg"),  # for signed tags
    Need("iproute2"),
    Need("iptables"),
    Need("mmdebstrap"),  # for base images; PostgreSQL comes with its image
    Need("openssh-client"),
    Need("openssh-server"),
    Need("python3-venv"),
    Need("systemd"),  # for systemd-analyze verify, which needs no running systemd
)


def docker(compose: str, *, suite: str = "", separate_cli: bool = True) -> tuple[Need, ...]:
    """Return Docker's packages of the distribution, satisfied by Docker's own if those are installed."""
    cli = (Need("docker-cli", ("docker-ce-cli",), suite),) if separate_cli else ()
    return (
        Need("docker.io", ("docker-ce",), suite, newer_than=(*BOOKWORM_ENGINE, 999)),
        *cli,
        Need(compose, ("docker-compose-plugin",), suite, newer_than=(1, 999)),
        Need("docker-buildx", ("docker-buildx-plugin",), suite),
    )


def needs_of(os_release: dict[str, str]) -> tuple[Need, ...] | None:
    """Return the packages for this system; None for an unsupported one."""
    system, version = os_release.get("ID", ""), version_of(os_release.get("VERSION_ID", ""))
    if system == "debian" and version[:1] == (12,):
        # Engine 20.10 is too old. Trixie's packages run with bookworm's libraries.
        return COMMON + docker("docker-compose", suite="trixie")
    if system == "debian" and version >= (13,):
        return COMMON + docker("docker-compose")
    if system == "ubuntu" and version >= (24, 4):  # from its package lists, not tested
        engine = docker("docker-compose-v2", separate_cli=False)
        return (*COMMON, Need("debian-archive-keyring"), *engine)
    return None


def version_of(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, without an epoch: '1:26.1.5+dfsg1-9' is (26, 1, 5)."""
    numbers: list[int] = []
    for part in text.split(":", 1)[-1].split("."):
        digits = part[: next((i for i, c in enumerate(part) if not c.isdigit()), len(part))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def read_os_release() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    return {key: value.strip("\"'") for key, sep, value in (line.partition("=") for line in lines) if sep}


def installed_versions() -> dict[str, str]:
    show = ("dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status} ${Version}\n")
    out = subprocess.run(show, check=True, capture_output=True, text=True).stdout
    rows = (line.split(" ", 2) for line in out.splitlines())
    return {name: version for name, status, version in rows if status == "installed"}


def own_mirror(codename: str) -> str | None:
    """Return the mirror that this machine uses for its own suite."""
    fields = "$(ORIGIN)|$(COMPONENT)|$(CODENAME)|$(REPO_URI)"
    targets = ("apt-get", "indextargets", "--format", fields, "Created-By: Packages")
    out = subprocess.run(targets, check=True, capture_output=True, text=True).stdout
    rows = (line.split("|", 3) for line in out.splitlines())
    return next((uri for *found, uri in rows if found == ["Debian", "main", codename]), None)


def add_suite(suite: str, needs: Sequence[Need]) -> None:
    """Add `suite` as an apt source, pinned to the needed packages only."""
    codename = read_os_release()["VERSION_CODENAME"]
    mirror = own_mirror(codename)
    if mirror is None:  # no package lists yet
        apt_get("update")
        mirror = own_mirror(codename)
    if mirror is None:
        raise SystemExit(f"no apt source of this machine offers Debian {codename} main: add one and retry")
    names = " ".join(need.name for need in needs if need.suite == suite)
    signed_by = f"Signed-By: {KEYRING}\n" if KEYRING.exists() else ""
    write_if_new(SOURCE, f"Types: deb\nURIs: {mirror}\nSuites: {suite}\nComponents: main\n{signed_by}")
    write_if_new(
        PINS,
        f"Package: *\nPin: release n={suite}\nPin-Priority: 100\n\n"
        f"Package: {names}\nPin: release n={suite}\nPin-Priority: 600\n",
    )


def write_if_new(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def nothing_starts() -> Iterator[None]:
    """Prevent services from starting while packages are installed, then restore the policy."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that `finally` runs
    if POLICY.exists() and POLICY.read_text(encoding="utf-8") != REFUSE_STARTS:  # equal: left by a killed run
        POLICY.rename(SAVED_POLICY)
    try:
        POLICY.write_text(REFUSE_STARTS, encoding="utf-8")
        POLICY.chmod(0o755)
        yield
    finally:
        if SAVED_POLICY.exists():
            SAVED_POLICY.rename(POLICY)
        else:
            POLICY.unlink(missing_ok=True)


def apt_get(*args: str) -> None:
    argv = ("apt-get", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Use-Pty=0", "--quiet=2", *args)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    quiet = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    done = subprocess.run(argv, env=env, check=False, **quiet)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise SystemExit(f"failed: {' '.join(argv)}")


def install(missing: Sequence[Need]) -> None:
    for suite in {need.suite for need in missing if need.suite}:
        add_suite(suite, [need for need in missing if need.suite == suite])
    apt_get("update")
    with nothing_starts():
        names = (need.name for need in missing)
        apt_get("install", "--yes", "--no-install-recommends", "--no-remove", *names)
    units = [unit for need in missing for unit in UNITS.get(need.name, ())]
    if units and shutil.which("systemctl"):
        subprocess.run(("systemctl", "disable", *units), capture_output=True, check=False)


def describe(needs: Sequence[Need]) -> str:
    return ", ".join(f"{need.name} (from {need.suite})" if need.suite else need.name for need in needs)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="print what is missing; exit 1 if anything is")
    what.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")
    what.add_argument("--yes", action="store_true", help="skip the confirmation")
    options = parser.parse_args()

    os_release = read_os_release()
    needs = needs_of(os_release)
    if needs is None:
        found = os_release.get("PRETTY_NAME", "an unknown system")
        print(
            f"unsupported system: {found}; the tests on isolated hosts need Debian 12+ or Ubuntu 24.04+",
            file=sys.stderr,
        )
        return UNKNOWN_SYSTEM
    installed = installed_versions()
    missing = [need for need in needs if not need.met_by(installed)]
    if not missing:
        print("all packages for the test hosts are installed")
        return 0
    if options.check:
        print(f"missing: {describe(missing)}")
        return MISSING
    print(f"{'would install' if options.dry_run else 'to install'}: {describe(missing)}")
    if any(need.suite for need in missing):
        print(f"with a second suite, for these only, in {SOURCE} and {PINS}")
    if options.dry_run:
        return 0
    if os.geteuid() != 0:
        print(
            "permission denied: installing packages requires root; run this again with sudo", file=sys.stderr
        )
        return NOT_ROOT
    if (
        not options.yes
        and sys.stdin.isatty()
        and input("Install these now? [y/N] ").lower() not in ("y", "yes")
    ):
        return MISSING
    install(missing)
    still = [need for need in needs if not need.met_by(installed_versions())]
    print(f"still missing: {describe(still)}" if still else "installed")
    return MISSING if still else 0


if __name__ == "__main__":
    sys.exit(main())
