"""The agent's dependency for the host's Python, wherever it comes from."""

from __future__ import annotations

import zipfile
from importlib import metadata
from pathlib import Path

import msgspec
import pytest

from fresh_host import PYTHON
from l9.errors import ActionError
from l9.provision import bundle, wheels
from server_l9 import HERE

ARM = msgspec.structs.replace(
    PYTHON, version=(3, 12, 3), tag="cp312", machine="aarch64", libc=("glibc", "2.39")
)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only directory where the real pip finds wheels."""
    directory = tmp_path / "shelf"
    directory.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return directory


def put(shelf: Path, tag: str, version: str = "9.9", name: str = "msgspec", build: str = "") -> None:
    info = f"{name}-{version}.dist-info"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
    }
    (shelf / f"{name}-{version}{build}-{tag}.whl").write_bytes(bundle.pack(files, f"{info}/RECORD"))


def test_the_tags_of_a_glibc_host_begin_with_the_newest() -> None:
    tags = wheels.platforms(PYTHON)
    assert (tags[0], tags[-1]) == ("manylinux_2_36_x86_64", "manylinux2014_x86_64")
    assert "manylinux_2_17_x86_64" in tags


def test_a_host_without_glibc_takes_only_its_own() -> None:
    assert wheels.platforms(msgspec.structs.replace(PYTHON, libc=("", ""))) == ("linux_x86_64",)


@pytest.mark.parametrize("tag", ["cp312-cp312-manylinux2014_aarch64", "cp312-cp312-manylinux_2_28_aarch64"])
def test_pip_fetches_for_another_machine(shelf: Path, tmp_path: Path, tag: str) -> None:
    put(shelf, tag)
    put(shelf, "cp311-cp311-manylinux2014_x86_64")
    assert tag in wheels.dependency("msgspec", "9.9", ARM, tmp_path / "cache").name


def test_a_wheel_is_found_by_its_normalized_name(shelf: Path, tmp_path: Path) -> None:
    put(shelf, "cp312-cp312-manylinux2014_aarch64", name="google_re2", build="-1")
    assert wheels.dependency("google-re2", "9.9", ARM, tmp_path / "cache").name.startswith(
        "google_re2-9.9-1-"
    )


def test_a_wheel_is_fetched_once(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(shelf, "cp312-cp312-manylinux2014_aarch64")
    first = wheels.dependency("msgspec", "9.9", ARM, tmp_path / "cache")
    monkeypatch.setattr(wheels, "_fetch", None)
    assert wheels.dependency("msgspec", "9.9", ARM, tmp_path / "cache") == first


@pytest.mark.parametrize("tag", ["cp312-cp312-manylinux_2_40_aarch64", "cp313-cp313-manylinux2014_aarch64"])
def test_a_wheel_that_would_not_run_is_none(shelf: Path, tmp_path: Path, tag: str) -> None:
    put(shelf, tag)
    with pytest.raises(ActionError) as refused:
        wheels.dependency("msgspec", "9.9", ARM, tmp_path / "cache")
    assert refused.value.found
    assert "--python-version 3.12 --platform manylinux2014_aarch64" in refused.value.remedy
    assert "msgspec==9.9" in refused.value.remedy


@pytest.mark.parametrize(("name", "compiled"), [("msgspec", "msgspec/_core."), ("google-re2", "re2/_re2.")])
def test_what_is_installed_here_needs_no_network(
    shelf: Path, tmp_path: Path, name: str, compiled: str
) -> None:
    wheel = wheels.dependency(name, metadata.version(name), HERE, tmp_path / "cache")
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert any(inside.startswith(compiled) for inside in names)
    assert not [n for n in names if n.endswith((".pyc", "INSTALLER")) or n.startswith("..")]


@pytest.mark.parametrize(
    "change",
    [{"machine": "riscv64"}, {"tag": "cp399"}, {"libc": ("glibc", "2.5")}, {"libc": ("musl", "1.2")}],
)
def test_what_is_installed_here_is_not_given_to_another_machine(change: dict[str, str]) -> None:
    assert wheels.installed("msgspec", msgspec.structs.replace(HERE, **change)) is None
