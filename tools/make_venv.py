"""Create a virtual environment with l9, from locked requirements. Usage: make_venv.py VENV REQUIREMENTS.

Debian's python3 comes without venv: where it is missing, the package python3-venv is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def main(venv: Path, requirements: Path) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036  # run by any python3
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"✘ Python is too old\n  expected  3.11 or newer\n  found     {found}")
        print("  next      make PYTHON=python3.11 install")
        return 2
    python = venv / "bin" / "python"
    if not python.exists() or not _has_pip(python):
        print(f"creating {venv}", flush=True)
        make = (sys.executable, "-m", "venv", "--clear", str(venv))
        if subprocess.run(make).returncode != 0 and not (
            _install_venv() and subprocess.run(make).returncode == 0
        ):
            print("✘ the virtual environment could not be created\n  expected  Python with venv")
            print("  found     none\n  next      sudo apt-get install python3-venv")
            return 2
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    print("installing locked requirements", flush=True)
    for argv in (
        (*pip, "--require-hashes", "-r", str(requirements)),
        (*pip, "--no-deps", "--no-build-isolation", "--editable", "."),
    ):
        if (code := subprocess.run(argv).returncode) != 0:
            return code
    return 0


def _install_venv() -> bool:
    """Install the package that holds venv on Debian and Ubuntu, as root, after confirmation on a terminal."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    if sys.stdin.isatty() and input("Install the package python3-venv? [Y/n] ").strip().lower() in (
        "n",
        "no",
    ):
        return False
    apt = ("apt-get", "-q", "-y")
    return all(
        subprocess.run((*apt, *what)).returncode == 0 for what in (("update",), ("install", "python3-venv"))
    )


def _has_pip(python: Path) -> bool:
    return subprocess.run((str(python), "-c", "import pip"), capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
