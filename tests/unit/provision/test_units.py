"""The timer's files, as systemd and cron read them."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from l9.provision.units import cron, cron_name, systemd

ODD = "/srv/l9 50% $HOME é's"


@pytest.mark.parametrize("runtime", ["compose", "process"])
@pytest.mark.parametrize("directory", ["l9", "l 9 50% $HOME é's"])
def test_systemd_itself_accepts_the_units(tmp_path: Path, runtime: str, directory: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    agent = tmp_path / directory / "bin" / "l9"
    agent.parent.mkdir(parents=True)
    agent.write_text("#!/bin/sh\n", encoding="utf-8")
    agent.chmod(0o755)
    units = systemd(
        instance="l9-api",
        agent=str(agent),
        named=("--path", str(tmp_path / directory)),
        user="root",
        runtime=runtime,
    )
    for name, text in units.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    argv = ("systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in units))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "l9-" in line]
    assert (ours, done.returncode) == ([], 0), done.stderr


def test_the_units_of_two_apps_are_apart() -> None:
    names = [
        set(systemd(instance=i, agent="/a", named=("--instance", "a"), user="u", runtime="compose"))
        for i in ("one", "two")
    ]
    assert not names[0] & names[1]
    assert len(names[0]) == 4


def test_a_slot_that_is_a_process_outlives_the_tick_and_its_tmp() -> None:
    process = systemd(instance="a", agent="/a", named=("--instance", "a"), user="u", runtime="process")[
        "l9-a.service"
    ]
    compose = systemd(instance="a", agent="/a", named=("--instance", "a"), user="u", runtime="compose")[
        "l9-a.service"
    ]
    assert "KillMode=process" in process
    assert "PrivateTmp" not in process
    assert "PrivateTmp=yes" in compose


def test_words_that_systemd_would_read_are_escaped() -> None:
    text = systemd(instance="a", agent="/bin/l9", named=("--path", ODD), user="u", runtime="compose")[
        "l9-a.service"
    ]
    assert 'ExecStart=/usr/bin/env /bin/l9 tick --path "/srv/l9 50%% $$HOME é\'s"' in text


def test_cron_runs_the_words_that_were_meant(tmp_path: Path) -> None:
    agent = tmp_path / "l9"
    agent.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {shlex.quote(str(tmp_path / "said"))}\n', encoding="utf-8"
    )
    agent.chmod(0o755)
    text = cron(instance="l9-api", agent=str(agent), named=("--path", ODD), user="deploy")
    (line,) = [line for line in text.splitlines() if line.startswith("* * * * *")]
    command = line.split(" ", 6)[6].replace("\\%", "%")  # cron(8): an escaped % is a plain one
    assert line.split(" ", 6)[5] == "deploy"
    subprocess.run(("/bin/sh", "-c", command.partition(" 2>&1")[0]), check=True)
    assert (tmp_path / "said").read_text(encoding="utf-8").splitlines() == ["tick", "--path", ODD]


def test_cron_has_no_percent_sign_that_ends_the_line() -> None:
    text = cron(instance="a", agent="/bin/l9", named=("--path", ODD), user="u")
    assert "%" not in text.replace("\\%", "")


def test_cron_reads_the_file_whatever_the_instance_is_called() -> None:
    assert cron_name("l9-api") == "l9-l9-api"
    assert "." not in cron_name("my.app")
    assert len({cron_name(name) for name in ("my.app", "my-app", "my_app", "mydotapp")}) == 4
