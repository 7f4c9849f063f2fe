"""Tags as other tools leave them: each is judged as it is, or refused with a command that makes it better."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from l9.configuration import parse
from l9.drivers.git.repo import GitRepo
from l9.errors import ActionError
from release_desk import CONFIG, Desk

TAG = "v1.0.0-l9"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An annotated tag on origin."""
    made = Desk(tmp_path)
    made.git("tag", "-a", TAG, "-m", f"Release {TAG}: Begin")
    made.git("push", "--quiet", "origin", TAG)
    return made


def check(desk: Desk, code: int) -> dict[str, Any]:
    return {one["id"]: one for one in desk.json("check", TAG, code=code)["invariants"]}


def closed(found: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in found.items() if one["closes"]}


def type_(desk: Desk, remedy: str) -> None:
    desk.git(*shlex.split(remedy)[1:])


def test_a_tag_that_ci_fetched_as_a_lightweight_one(desk: Desk) -> None:
    """actions/checkout fetches the tag's commit under the tag's name."""
    annotated = desk.git("rev-parse", TAG)
    desk.git("tag", "--force", TAG, f"{TAG}^{{}}")
    found = check(desk, 3)["repository.tag-annotated"]
    assert found["found"] == "a lightweight tag here, an annotated one of the same commit on origin"
    assert found["remedy"] == f"git fetch --force origin refs/tags/{TAG}:refs/tags/{TAG}"
    type_(desk, found["remedy"])
    assert closed(check(desk, 0)) == {}
    assert desk.git("rev-parse", TAG) == annotated


def test_a_lightweight_tag_that_origin_has_just_so(desk: Desk) -> None:
    desk.git("tag", "--force", TAG, f"{TAG}^{{}}")
    desk.git("push", "--quiet", "--force", "origin", TAG)
    assert check(desk, 3)["repository.tag-annotated"]["found"] == "a lightweight tag"


@pytest.mark.parametrize("branch", [TAG, "main"])
def test_a_shallow_clone_has_one_remedy(desk: Desk, branch: str) -> None:
    for _ in range(3):
        desk.commit("Add: More")
    desk.git("tag", "-a", "--force", TAG, "-m", f"Release {TAG}: Begin")
    desk.git("push", "--quiet", "--force", "origin", "main", TAG)
    desk.work.rename(desk.root / "before")
    desk.git("clone", "--quiet", "--depth", "1", "--branch", branch, f"file://{desk.origin}", str(desk.work),
             cwd=desk.root)  # fmt: skip
    if branch == "main":
        desk.git("fetch", "--quiet", "--depth", "1", "origin", "tag", TAG)
    else:
        desk.git("switch", "--quiet", "--create", "main")
    before = closed(check(desk, 3))
    (remedy,) = {one["remedy"] for one in before.values()}
    type_(desk, remedy)
    assert closed(check(desk, 0)) == {}


def test_a_tag_of_a_tag_is_peeled(desk: Desk) -> None:
    desk.git("tag", "-a", "rc", "-m", "A candidate")
    desk.git("tag", "-a", "--force", TAG, "rc", "-m", f"Release {TAG}: Begin")
    desk.git("push", "--quiet", "--force", "origin", TAG)
    assert closed(check(desk, 0)) == {}
    document = desk.json("check", TAG)
    assert document["commit"] == desk.git("rev-parse", "HEAD")
    desk.l9("cgmp", TAG)
    desk.api("/a", "/b")
    desk.commit("Add: The second release")
    made = desk.json("release", "--dry-run")
    assert made["previous"] == TAG
    (listed,) = desk.json("releases")["releases"]
    assert (listed["tag"], listed["commit"]) == (TAG, desk.git("rev-parse", "HEAD^"))


@pytest.mark.parametrize("of", ["HEAD^{tree}", "HEAD:app.py"])
def test_a_tag_of_no_commit(desk: Desk, of: str) -> None:
    desk.git("tag", "-a", "--force", TAG, of, "-m", f"Release {TAG}: Begin")
    found = check(desk, 3)["repository.tag-exists"]
    assert (found["found"], found["remedy"]) == ("a tag of something else", f"git tag -d {TAG}")


def test_a_signature_that_nobody_here_can_verify(desk: Desk) -> None:
    desk.git("config", "gpg.format", "ssh")
    desk.git("config", "user.signingkey", str(desk.key))
    desk.git("tag", "--sign", "--force", TAG, "-m", f"Release {TAG}: Begin")
    desk.git("push", "--quiet", "--force", "origin", TAG)
    found = check(desk, 0)["repository.tag-signature"]
    assert found["found"] == (
        "signed, signer not verified: no allowed signers are configured here; a signature is not required"
    )
    desk.write("l9.toml", CONFIG + '[release]\nsignatures = "required"\n')
    found = check(desk, 3)["repository.tag-signature"]
    assert (found["verdict"], found["remedy"]) == ("unknown", "$EDITOR l9.toml  # [release] allowed_signers")
    desk.write(
        "l9.toml", CONFIG + '[release]\nsignatures = "required"\nallowed_signers = "allowed_signers"\n'
    )
    assert check(desk, 3)["repository.tag-signature"]["found"].startswith("signed by ada@l9.invalid")


def test_an_origin_that_takes_no_atomic_push(desk: Desk) -> None:
    desk.git("config", "receive.advertiseAtomic", "false", cwd=desk.origin)
    desk.commit("Add: More")
    later = "v1.1.0-l9"
    desk.git("tag", "-a", later, "-m", f"Release {later}: Go on")
    repo = GitRepo(desk.work, parse(CONFIG))
    assert repo.push(later) == f"main and {later} on origin"
    assert desk.git("rev-parse", "main", later, cwd=desk.origin) == desk.git("rev-parse", "main", later)
    assert repo.push(later) == f"main and {later} on origin"


def test_no_atomic_push_and_a_tag_that_is_refused(desk: Desk) -> None:
    """Main comes first, so that origin never has a release whose commit is on no branch."""
    desk.git("config", "receive.advertiseAtomic", "false", cwd=desk.origin)
    desk.commit("Add: More")
    desk.git("tag", "-a", "--force", TAG, "-m", "Moved")
    with pytest.raises(ActionError) as refused:
        GitRepo(desk.work, parse(CONFIG)).push(TAG)
    assert refused.value.message.endswith("origin does not support atomic pushes, and has main already")
    assert desk.git("rev-parse", "main", cwd=desk.origin) == desk.git("rev-parse", "main")
