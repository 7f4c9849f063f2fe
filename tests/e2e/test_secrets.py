"""A deploy that resolves its environment with real age and sops: where the values come to, and where they never do."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.embedded_place import EmbeddedPlace
from e2e.place import l9_json
from l9.checks.environment.env_file import parse_env
from l9.demo import backend

pytestmark = [pytest.mark.timeout(420), pytest.mark.embedded]

GOOD, NEXT, BAD = "v0.5.0-l9", "v0.5.1-l9", "v0.5.2-l9"
RULES = "\n# secret, pattern: planted-[a-z0-9-]{4,}\nFROM_SOPS=\n# type: enum, allowed: quiet | loud\nMOOD=quiet\n"


@pytest.fixture
def place(embedded_place: EmbeddedPlace, monkeypatch: pytest.MonkeyPatch) -> EmbeddedPlace:
    """GOOD is live with the environment that somebody wrote by hand; the next release has an env source."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    lacking = [name for name in ("age", "sops") if shutil.which(name) is None]
    if lacking and os.environ.get("CI") == "true":
        pytest.fail(f"not installed: {', '.join(lacking)}")
    if lacking:
        pytest.skip(f"not installed: {', '.join(lacking)}; see tools/test_host_packages.py")
    embedded_place.release(GOOD)
    assert embedded_place.l9("deploy", GOOD).returncode == 0
    return embedded_place


class Vaulted:
    """The secrets of a place, encrypted in its repository with a key that lies outside of it."""

    def __init__(self, place: EmbeddedPlace, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place, self.key = place, place.root / "key.txt"
        done = subprocess.run(("age-keygen", "-o", str(self.key)), capture_output=True, text=True, check=True)
        self._recipient = done.stderr.split("Public key:")[1].strip()
        monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(self.key))
        self.planted: list[str] = []
        with (place.work / "l9.toml").open("a", encoding="utf-8") as file:
            file.write('\n[env]\nsource = ".env.production"\n')
        with (place.work / ".env.example").open("a", encoding="utf-8") as file:
            file.write(RULES)

    def write(self, mood: str = "loud") -> None:
        """New secrets, and the source that names them."""
        api_key, other = (f"planted-{name}-{secrets.token_hex(8)}" for name in ("key", "sops"))
        self.planted += [api_key, other]
        work = self.place.work
        argv = ("age", "--encrypt", "--recipient", self._recipient, "--output", str(work / "key.age"))
        subprocess.run(argv, input=f"{api_key}\n".encode(), check=True)
        plain = self.place.root / "plain.yaml"
        plain.write_text(f"app:\n  other: {other}\n", encoding="utf-8")
        argv = ("sops", "encrypt", "--age", self._recipient, str(plain))
        (work / "prod.yaml").write_bytes(subprocess.run(argv, capture_output=True, check=True).stdout)
        plain.unlink()
        kept = [k for k in parse_env((work / ".env.example").read_text(encoding="utf-8")).keys
                if k not in ("L9_EXECUTOR_API_KEY", "FROM_SOPS", "MOOD")]  # fmt: skip
        source = "".join(f"{key}=host:\n" for key in kept)
        source += f"L9_EXECUTOR_API_KEY=cmd:age --decrypt --identity '{self.key}' key.age\n"
        source += f"FROM_SOPS=sops:prod.yaml#app.other\nMOOD={mood}\n"
        (work / ".env.production").write_text(source, encoding="utf-8")
        self.place.git("add", "--force", ".env.production")  # people ignore all that is called so

    def leaks(self) -> list[str]:
        """The files of either side that hold a value and should not."""
        allowed = {self.place.host / ".env", *self.place.host.glob(".l9/releases/*/env")}
        return [
            str(path)
            for top in (self.place.host, self.place.work, self.place.origin)
            for path in top.rglob("*")
            if path.is_file()
            and path not in allowed
            and self.held_by(path.read_bytes().decode(errors="replace"))
        ]

    def held_by(self, text: str) -> bool:
        return any(value in text for value in self.planted)


@pytest.fixture
def vaulted(place: EmbeddedPlace, monkeypatch: pytest.MonkeyPatch) -> Vaulted:
    return Vaulted(place, monkeypatch)


def host_env(place: EmbeddedPlace) -> dict[str, str]:
    path = place.host / ".env"
    assert path.stat().st_mode & 0o777 == 0o600
    return {e.key: e.value.reveal() for e in parse_env(path.read_text(encoding="utf-8")).entries}


def test_secrets_come_to_the_host_and_nowhere_else(place: EmbeddedPlace, vaulted: Vaulted) -> None:
    by_hand = host_env(place)
    vaulted.write()
    place.release(NEXT)
    said = [place.l9("plan", NEXT), place.l9("deploy", NEXT), place.l9("check", NEXT, "--json")]
    assert said[1].returncode == 0, said[1].stderr
    after = host_env(place)
    assert after == {
        **by_hand, "L9_EXECUTOR_API_KEY": vaulted.planted[0], "FROM_SOPS": vaulted.planted[1], "MOOD": "loud",
    }  # fmt: skip

    # A release that breaks takes its environment along.
    vaulted.write("quiet")
    place.release(BAD, backend.NEVER_HEALTHY)
    said.append(place.l9("deploy", BAD))
    assert said[-1].returncode == 3
    assert host_env(place) == after
    assert l9_json(place, "status")["live"]["release"] == NEXT

    # So does one whose values are not what the schema asks for, before anything is written.
    vaulted.write("hunter2-planted")
    vaulted.planted.append("hunter2-planted")
    place.release("v0.5.3-l9")
    said.append(place.l9("deploy", "v0.5.3-l9", "--json"))
    assert said[-1].returncode == 3
    assert '"HOST-READY"' in said[-1].stdout
    assert "MOOD: one of quiet | loud" in said[-1].stdout
    vaulted.planted.remove("hunter2-planted")
    assert not vaulted.held_by(said[-1].stdout + said[-1].stderr)
    assert "hunter2-planted" not in said[-1].stdout + said[-1].stderr

    said += [place.l9(*args) for args in (
        ("explain", NEXT), ("explain", NEXT, "--json"), ("explain", BAD), ("history", "--json"), ("env", "check"),
        ("env", "check", "--json"), ("env", "diff", "production", ".env.production"), ("drift",), ("logs",),
    )]  # fmt: skip
    assert not any(vaulted.held_by(done.stdout + done.stderr) for done in said)
    assert vaulted.leaks() == []
    assert list((place.host / ".l9" / "env").iterdir()) == [place.host / ".l9" / "env" / "key"]
    assert "fingerprint" in said[5].stdout + place.l9("explain", NEXT, "--json").stdout
