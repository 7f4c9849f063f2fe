"""A host that asks for attestations, over real ssh: `l9 provision` takes the signers there, and nothing gets by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.host_place import HostPlace
from e2e.place import deploy, l9, l9_json
from hosts.host import Host
from keys import allow, make_key
from l9.core.states import State
from l9.demo.postgres import EmbeddedPostgres

pytestmark = [pytest.mark.timeout(420), pytest.mark.host]

ADA = "ada@l9.invalid"
V1, V2, V3 = "v0.1.0-l9", "v0.2.0-l9", "v0.3.0-l9"
ASKS = "require_attestation = true\n"
SKIPPED = 'skip = { oracle = "the operator of these tests has neither Docker nor a database" }\n'


class AskingHost(HostPlace):
    """A host that asks for attestations; its operator has a database, so that all four stages can run."""

    def __init__(self, root: Path, host: Host) -> None:
        super().__init__(root, host)
        self.postgres = EmbeddedPostgres(root / "postgres")

    def config(self) -> str:
        stages = super().config().replace(SKIPPED, 'env = { ENV = "contract" }\n')
        return f"""{stages}
[process]
command = ["{{python}}", "-m", "api"]

[release]
allowed_signers = "allowed_signers"
signing_key = "{self.root / ADA}"
{ASKS}"""

    def prepare(self) -> None:
        allow(self.work / "allowed_signers", (ADA, make_key(self.root / ADA)))
        local = f"MEMORY_DSN={self.postgres.start()}\nL9_EXECUTOR_API_KEY={self.api_key}\n"
        (self.work / ".env.local").write_text(local, encoding="utf-8")

    def stop(self) -> None:
        self.postgres.stop()
        super().stop()


@pytest.fixture
def place(root: Path, host: Host) -> Iterator[AskingHost]:
    made = AskingHost(root, host)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def refused(place: AskingHost, tag: str, gate: State) -> str:
    """Deploy what is not attested: why it was refused. V1 stays live."""
    result = deploy(place, tag)
    assert (result["outcome"], result["exit_code"]) == (State.REFUSED, 3), result
    assert result["closed"]["gate"] == gate
    assert l9_json(place, "status")["live"]["release"] == V1
    return str(result["closed"]["findings"])


def test_what_nobody_attested_goes_no_further(place: AskingHost) -> None:
    signers = place.host.path("/etc/l9/l9-api/allowed_signers").read_text(encoding="utf-8")
    assert signers == (place.work / "allowed_signers").read_text(encoding="utf-8")
    made = l9(place, "release", V1)
    assert made.returncode == 0, made.stderr
    assert deploy(place, V1)["outcome"] == State.SUCCESS
    assert (
        f"fix, sim, cov, oracle passed on tree {tree(place)}, attested by {ADA}"
        in l9(place, "explain").stdout
    )

    place.release(V2)  # a tag by hand, and no attestation
    assert f"no attestation of tree {tree(place)}" in refused(place, V2, State.CREATE_ANNOTATED_TAG)

    settings = place.work / "l9.toml"  # the laptop asks no more; the host does
    settings.write_text(settings.read_text(encoding="utf-8").replace(ASKS, ""), encoding="utf-8")
    place.release(V3)
    assert f"no attestation of tree {tree(place)}" in refused(place, V3, State.VPS_TAG_VERIFIED)

    attested = l9(place, "cgmp", V3, "--attest")
    assert attested.returncode == 0, attested.stderr
    assert deploy(place, V3)["outcome"] == State.SUCCESS


def tree(place: AskingHost) -> str:
    return place.ask("rev-parse", "--short=12", "HEAD^{tree}")
