"""`l9 releases` on a real repository, with targets that answer and targets that do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from release_desk import ADA, CONFIG, Desk

V1, V2, V3 = "v0.1.0-l9", "v0.2.0-l9", "v0.10.0-l9"
SIGNERS = CONFIG + '[release]\nallowed_signers = "allowed_signers"\n'


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Three releases: one attested, one signed, and one by hand alone; and a tag that is none."""
    made = Desk(tmp_path, SIGNERS)
    made.git("config", "gpg.format", "ssh")
    made.git("config", "user.signingkey", str(made.key))
    made.release()
    for message in ("Fix: A", "Add: B"):
        made.commit(message)
    made.git("tag", "--sign", V2, "-m", f"Release {V2}: By hand")
    made.commit("Add: C")
    made.git("tag", "--annotate", V3, "-m", f"Release {V3}: By hand")
    made.git("tag", "v9.9.9-l9")
    made.git("tag", "--annotate", "nightly", "-m", "No release")
    return made


def test_the_newest_first_with_what_verifies(desk: Desk) -> None:
    found = desk.json("releases", "--offline")
    assert found["targets"] == []
    rows = {one["tag"]: one for one in found["releases"]}
    assert list(rows) == [V3, V2, V1]
    assert [(one["commits"], one["previous"]) for one in rows.values()] == [(1, V2), (2, V1), (1, None)]
    assert [one["signature"] for one in rows.values()] == ["none", "good", "none"]
    assert [one["attested_by"] for one in rows.values()] == [None, None, ADA]
    assert rows[V2]["signed_by"].startswith(f"{ADA} (ED25519 key SHA256:")
    assert rows[V3]["attestation"].startswith("no attestation of tree")
    assert rows[V1]["tagger"] == f"Ada <{ADA}>"
    assert rows[V1]["commit"] == desk.git("rev-parse", f"{V1}^{{commit}}")
    assert abs(rows[V1]["at"] - rows[V3]["at"]) < 600


def test_only_so_many(desk: Desk) -> None:
    found = desk.json("releases", "--offline", "--most", "1")
    assert [one["tag"] for one in found["releases"]] == [V3]
    assert found["releases"][0]["commits"] == 1


def test_for_people(desk: Desk) -> None:
    first, second, third = desk.l9("releases", "--offline").splitlines()
    assert first.startswith(V3)
    assert "1 commit, not signed, not attested (no attestation of tree" in first
    assert f"2 commits, signed by {ADA}" in second
    assert third.endswith(f"attested by {ADA}")


def test_no_releases_yet(tmp_path: Path) -> None:
    assert "no releases yet" in Desk(tmp_path).l9("releases", "--offline")


def test_a_target_that_does_not_answer_is_told_and_no_error(desk: Desk) -> None:
    more = '[targets.staging]\nhost = "nobody@127.0.0.1"\nssh_options = ["-p", "1"]\n'
    desk.write("l9.toml", SIGNERS + more)
    found = desk.json("releases")
    assert [one["target"] for one in found["targets"]] == ["production", "staging"]
    by_name = {one["target"]: one for one in found["targets"]}
    assert "/opt/l9/.l9/settings.json are not usable" in by_name["production"]["problem"]
    assert "ssh: " in by_name["staging"]["problem"]
    assert by_name["staging"]["remedy"].startswith("ssh ")
    assert len(found["releases"]) == 3
    assert "✘ staging could not be queried: ssh: " in desk.l9("releases")


def test_a_shallow_clone_says_so(desk: Desk, tmp_path: Path) -> None:
    desk.git("push", "--quiet", "origin", "main", V2, V3)
    clone = tmp_path / "shallow"
    desk.git("clone", "--quiet", "--depth", "1", f"file://{desk.origin}", str(clone), cwd=tmp_path)
    desk.work = clone
    desk.git("fetch", "--quiet", "--tags", "--depth", "1", "origin")
    found = desk.json("releases", "--offline")
    assert [one["tag"] for one in found["releases"]] == [V3, V2, V1]
