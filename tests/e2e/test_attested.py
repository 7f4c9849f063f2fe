"""A host that asks for attestations, on the embedded default: nothing on a laptop gets around it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.embedded_place import EmbeddedPlace
from e2e.place import deploy, l9, l9_json, last_body
from keys import allow, make_key
from l9.configuration import load
from l9.core.states import State

pytestmark = [pytest.mark.timeout(420), pytest.mark.embedded]

ADA, EVE = "ada@l9.invalid", "eve@l9.invalid"
V1, V2 = "v0.1.0-l9", "v0.2.0-l9"
BROKEN = "api/broken.py", "def half(:\n"


class AskingPlace(EmbeddedPlace):
    """A place whose host asks for attestations, by its configuration and by what provisioning left there."""

    asks = True

    def _config(self) -> str:
        return super()._config() + self.release_section()

    def release_section(self) -> str:
        required = "require_attestation = true\n" if self.asks else ""
        return (
            f'\n[release]\nallowed_signers = "allowed_signers"\nsigning_key = "{self.key(ADA)}"\n{required}'
        )

    def key(self, who: str) -> Path:
        return self.root / who

    def start(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        for who in (ADA, EVE):
            make_key(self.key(who))
        super().start()
        allow(self.work / "allowed_signers", (ADA, self.key(ADA)))
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Add: Whose signatures count")
        self.git("push", "--quiet", "origin", "main")
        # As `l9 provision` writes them; the tests of provisioning show that it does.
        signers = (self.work / "allowed_signers").read_text(encoding="utf-8")
        self.provision(load(self.work), signers)

    def write(self, path: str, text: str) -> None:
        (self.work / path).write_text(text, encoding="utf-8")

    def try_git(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(("git", *args), cwd=self.work, capture_output=True, text=True)

    def state(self) -> tuple[Any, ...]:
        """Return the state of the host that a refused deploy must not change."""
        status = l9_json(self, "status")
        trees = sorted(path.name for path in (self.layout.state / "releases").iterdir())
        live = (status["live"]["release"], status["live"]["since"], status["standby"]["release"])
        head = self.git("rev-parse", "HEAD", cwd=self.host)
        return (*live, trees, head, self.layout.deployed_tag.read_text(encoding="utf-8"))


@pytest.fixture
def place(root: Path) -> Iterator[AskingPlace]:
    stage = AskingPlace(root)
    try:
        stage.start()
        yield stage
    finally:
        stage.stop()


def refusal(result: dict[str, Any]) -> dict[str, str]:
    """The one finding of the gate that closed."""
    assert result["exit_code"] == 3
    (finding,) = result["closed"]["findings"]
    return dict(finding)


def test_only_what_is_attested_goes_live(place: AskingPlace) -> None:
    # Released as is right: CGMP runs, its outcome is attested, and goes with the tag to origin and to the host.
    made = l9(place, "release")
    assert made.returncode == 0, made.stderr
    first = deploy(place, V1)
    assert first["outcome"] == State.SUCCESS, first
    entries = l9_json(place, "explain", V1)["entries"]
    opened = {
        e["body"]["gate"]: e["body"]["evidence"] for e in entries if e["body"]["event"] == "gate-opened"
    }
    assert any(f"attested by {ADA}" in seen["found"] for seen in opened[State.VPS_TAG_VERIFIED])
    (row,) = l9_json(place, "releases")["releases"]
    assert (row["tag"], row["attested_by"], row["where"]) == (V1, ADA, {"production": "live"})

    # A tag made by hand: refused here already, before anything is pushed.
    place.release(V2)
    before = place.state()
    refused = deploy(place, V2)
    assert refused["closed"]["gate"] == State.CREATE_ANNOTATED_TAG
    assert "no attestation of tree" in refusal(refused)["found"]
    assert refusal(refused)["remedy"] == f"l9 cgmp --attest {V2}"
    assert V2 not in place.git("ls-remote", "--tags", "origin")
    assert place.state() == before

    # What the remedy says helps.
    attested = l9(place, "cgmp", "--attest", V2)
    assert attested.returncode == 0, attested.stderr
    assert deploy(place, V2)["live"] == V2


def test_no_verify_gets_a_release_to_origin_and_no_further(place: AskingPlace) -> None:
    made = l9(place, "release")
    assert made.returncode == 0, made.stderr
    assert deploy(place, V1)["outcome"] == State.SUCCESS
    assert l9(place, "hooks", "install").returncode == 0

    # The hooks refuse what is broken, and a push to main; `--no-verify` leaves them out, as git allows.
    place.write(*BROKEN)
    place.git("add", "--all")
    assert place.try_git("commit", "-m", "Fix: Prevent a deadlock").returncode != 0
    place.git("commit", "--quiet", "--no-verify", "-m", "Fix: Prevent a deadlock")
    place.asks = False
    skip = "".join(f'{stage} = "in a hurry"\n' for stage in ("fix", "sim", "cov", "oracle"))
    place.write("l9.toml", place._config() + f"\n[cgmp.skip]\n{skip}")
    place.git("commit", "--quiet", "--no-verify", "--all", "-m", "Improve: Ask for less")
    place.git("tag", "-a", V2, "-m", f"Release {V2}: In a hurry")
    assert place.try_git("push", "origin", "main", V2).returncode != 0
    place.git("push", "--quiet", "--no-verify", "origin", "main", V2)
    before = place.state()

    # The laptop's own l9.toml asks for nothing any more. The host does.
    refused = deploy(place, V2)
    assert refused["closed"]["gate"] == State.VPS_TAG_VERIFIED
    assert refusal(refused)["invariant"] == "host.attested"
    assert "no attestation of tree" in refusal(refused)["found"]
    assert place.state() == before
    assert last_body(place)["outcome"] == State.REFUSED

    # A signature by somebody whose word does not count, and one by Ada for stages that did not run.
    own = place.key(ADA).read_bytes(), Path(f"{place.key(ADA)}.pub").read_bytes()
    eves = place.key(EVE).read_bytes(), Path(f"{place.key(EVE)}.pub").read_bytes()
    for pair, says in (
        (eves, "it is signed by an unknown key"),
        (own, "its result is WARNED; not passed: fix, sim"),
    ):
        place.key(ADA).write_bytes(pair[0])
        Path(f"{place.key(ADA)}.pub").write_bytes(pair[1])
        attested = l9(place, "cgmp", "--attest", V2)
        assert attested.returncode == 0, (attested.stdout, attested.stderr)
        refused = deploy(place, V2)
        assert refused["closed"]["gate"] == State.VPS_TAG_VERIFIED, refused
        assert says in refusal(refused)["found"]
        assert place.state() == before
