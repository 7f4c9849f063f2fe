"""The agent as wheels: the same bytes for the same sources, and enough to start on a bare Python."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

from fresh_host import PYTHON
from l9.provision import bundle, wheels
from l9.provision.host import agent
from l9.provision.snapshot import Python

HERE = Python(
    version=(sys.version_info[0], sys.version_info[1], sys.version_info[2]),
    executable=os.path.realpath(sys.executable),
    tag=f"cp{sys.version_info[0]}{sys.version_info[1]}",
    machine=os.uname().machine,
    libc=("glibc", os.confstr("CS_GNU_LIBC_VERSION").split()[1]),
)


def test_packing_twice_gives_the_same_bytes() -> None:
    assert bundle.own_wheel() == bundle.own_wheel()


def test_the_agent_has_no_operators_part() -> None:
    names = set(bundle.sources())
    assert {"l9/__main__.py", "l9/host/agent.py", "l9/host/timer.py", "l9/graph.py"} <= names
    assert not [n for n in names if n.startswith(("l9/cli", "l9/demo", "l9/provision", "l9/web"))]


def test_every_file_is_on_the_wheels_record() -> None:
    name, data = bundle.own_wheel()
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        record = wheel.read(f"{name.split('-py3')[0]}.dist-info/RECORD").decode()
        assert [line.split(",")[0] for line in record.splitlines()] == wheel.namelist()
        assert wheel.testzip() is None


@pytest.mark.parametrize(
    "change", [{"executable": "/usr/bin/python3.12"}, {"machine": "aarch64"}, {"tag": "cp312"}]
)
def test_another_python_is_another_agent(change: dict[str, str]) -> None:
    other = msgspec.structs.replace(PYTHON, **change)
    assert bundle.agent_version(other).digest != bundle.agent_version(PYTHON).digest


def test_the_agent_starts_with_nothing_but_its_wheels(tmp_path: Path) -> None:
    """In a directory with a blank, where a `#!` could not name the Python."""
    version = bundle.agent_version(HERE)
    directory = tmp_path / "l9 é" / "agent"
    directory.parent.mkdir()
    change = {"directory": str(directory), "digest": version.digest, "python": version.python}
    packed = wheels.agent_wheels(HERE, tmp_path / "cache")
    agent.install(change, {name: _encoded(data) for name, data in packed.items()})
    agent.switch(change)
    assert agent.look(str(directory)) == {"current": version.digest, "installed": [version.digest]}

    launcher = str(directory / "bin" / "l9")
    done = subprocess.run((launcher, "agent"), input=b"{}\n", capture_output=True, check=False)
    assert b'"type":"hello"' in done.stdout, done.stderr.decode()
    installed = {p.name for p in (directory / version.digest).glob("lib/python*/site-packages/*")}
    assert not {"click", "rich"} & installed
    tick = subprocess.run(
        (launcher, "tick", "--path", str(tmp_path)), capture_output=True, text=True, check=False
    )
    assert (tick.returncode, '"l9 provision"' in tick.stdout) == (2, True), tick.stderr


def test_a_version_that_lost_its_python_is_no_version(tmp_path: Path) -> None:
    whole = tmp_path / ("a" * 16) / "bin"
    whole.mkdir(parents=True)
    (whole / "l9").write_text("#!/bin/sh\n", encoding="utf-8")
    (whole / "l9").chmod(0o755)
    (whole / "python").symlink_to("/usr/bin/python3.2")
    (tmp_path / "bin").symlink_to(f"{'a' * 16}/bin")
    assert agent.look(str(tmp_path)) == {"current": None, "installed": []}


def test_a_wheel_that_climbs_out_is_refused(tmp_path: Path) -> None:
    data = bundle.pack({"../evil.py": b""}, "x.dist-info/RECORD")
    with pytest.raises(agent.Refused, match="is not one"):
        agent.install(
            {"directory": str(tmp_path), "digest": "a" * 16, "python": sys.executable},
            {"x.whl": _encoded(data)},
        )
    assert not (tmp_path / ("a" * 16)).exists()


def _encoded(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()
