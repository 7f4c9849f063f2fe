"""pre-push on real pushes: main by merges, tags once and for ever, everything else as it pleases."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooked import BOB, Clone, working_copy
from l9.configuration import load_any
from l9.drivers.git.repo import GitRepo
from l9.errors import ActionError

TAG = "v1.0.0-l9"


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    clone = working_copy(tmp_path)
    clone.l9("hooks", "install")
    return clone


def alone(tmp_path: Path) -> Clone:
    """Return a working copy whose settings ask for no review, with hooks installed."""
    clone = working_copy(tmp_path, '[release]\nreview = "none"\n')
    clone.l9("hooks", "install")
    return clone


def test_a_direct_commit_does_not_reach_main(clone: Clone) -> None:
    commit = clone.change(subject="Fix: Something")
    said = clone.push("origin", "main", code=1)
    assert f"refs/heads/main (main.merges-only): {commit[:12]} (Fix: Something) is a direct commit" in said
    assert "next      git switch --create feature/NAME && git branch --force main origin/main" in said
    assert '[release] review = "none"' in said
    clone.run("sh", "-c", "git switch --create feature/NAME && git branch --force main origin/main")
    clone.push("origin", "feature/NAME")  # what it said to type is a way out


def test_a_reviewed_merge_reaches_main(clone: Clone) -> None:
    clone.branch()
    clone.merge("feature/x", f"Reviewed-by: {BOB}")
    clone.push("origin", "main")


def test_a_merge_that_nobody_else_reviewed_does_not(clone: Clone) -> None:
    clone.branch()
    clone.merge()
    said = clone.push("origin", "main", code=1)
    assert "(main.reviewed)" in said
    assert "no Reviewed-by line" in said
    clone.git("commit", "--amend", "--no-edit", "--trailer", f"Reviewed-by: {clone.who}")
    assert "only by its own author, ada@l9.invalid" in clone.push("origin", "main", code=1)
    clone.git("commit", "--amend", "--no-edit", "--trailer", f"Reviewed-by: {BOB}")
    clone.push("origin", "main")


def test_merges_that_are_reviewed_elsewhere(tmp_path: Path) -> None:
    clone = working_copy(tmp_path, '[release]\nreview = "merge"\n')
    clone.l9("hooks", "install")
    clone.branch()
    clone.merge()
    clone.push("origin", "main")
    clone.change()
    assert "(main.merges-only)" in clone.push("origin", "main", code=1)


def test_who_works_alone_commits_on_main(tmp_path: Path) -> None:
    clone = alone(tmp_path)
    clone.change()
    clone.push("origin", "main")
    clone.git("commit", "--quiet", "--amend", "-m", "Fix: Another")
    said = clone.push("--force", "origin", "main", code=1)
    assert "(main.goes-forward)" in said
    assert "which is published" in said
    assert "(main.stays)" in clone.push("origin", "--delete", "main", code=1)


def test_a_new_remote_takes_main_as_it_is(clone: Clone, tmp_path: Path) -> None:
    clone.git("init", "--quiet", "--bare", str(tmp_path / "backup.git"))
    clone.change()
    clone.push(str(tmp_path / "backup.git"), "main")
    clone.change()
    said = clone.push(str(tmp_path / "backup.git"), "main", code=1)
    assert "(main.merges-only)" in said


def test_what_is_on_origins_main_may_go_to_any_remote(clone: Clone, tmp_path: Path) -> None:
    clone.git("init", "--quiet", "--bare", str(tmp_path / "backup.git"))
    clone.push(str(tmp_path / "backup.git"), "main")
    clone.change()
    clone.push("--no-verify", "origin", "main")  # as a forge that squashes would have it
    clone.push(str(tmp_path / "backup.git"), "main")


def test_a_main_that_went_on_without_us(clone: Clone, tmp_path: Path) -> None:
    other = Clone(tmp_path / "other")
    clone.git("clone", "--quiet", str(tmp_path / "origin.git"), str(other.work))
    other.change()
    other.push("origin", "main")
    clone.branch()
    clone.merge("feature/x", f"Reviewed-by: {BOB}")
    said = clone.push("--force", "origin", "main", code=1)
    assert "is not in this clone" in said
    assert "next      git fetch origin main" in said


def test_other_branches_are_free(clone: Clone) -> None:
    clone.branch()
    clone.push("origin", "feature/x")
    clone.git("switch", "--quiet", "feature/x")
    clone.git("commit", "--quiet", "--amend", "--no-verify", "-m", "Fix: Another")
    clone.push("--force", "origin", "feature/x", "HEAD:refs/notes/l9/cgmp")
    clone.push("origin", "--delete", "feature/x", "refs/notes/l9/cgmp")
    assert clone.push("origin", "feature/x:main", code=1).count("(main.merges-only)") == 1


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_release_goes_once_and_for_ever(clone: Clone) -> None:
    clone.tag(TAG)
    clone.push("origin", TAG)
    clone.tag(TAG, "--force")
    said = clone.push("--force", "origin", TAG, code=1)
    assert f"refs/tags/{TAG} (tag.never-moves)" in said
    assert f"next      git fetch origin +refs/tags/{TAG}:refs/tags/{TAG}" in said
    assert "(tag.stays)" in clone.push("origin", "--delete", TAG, code=1)


def test_a_lightweight_tag(clone: Clone) -> None:
    clone.git("tag", TAG)
    said = clone.push("origin", TAG, code=1)
    assert "(tag.annotated): a lightweight tag of a commit" in said
    again = next(line.split("next", 1)[1].strip() for line in said.splitlines() if "next" in line)
    assert again == f"git tag --annotate --force {TAG} {TAG}^{{}} -m 'Release {TAG}: …'"
    clone.run("sh", "-c", again)
    clone.push("origin", TAG)


@pytest.mark.parametrize("name", ["v1.0-l9", "v01.0.0-l9", "1.0.0", "nightly", "v1.0.0-L9", "x;y"])
def test_a_name_that_is_no_releases(clone: Clone, name: str) -> None:
    clone.tag(name)
    said = clone.push("origin", f"refs/tags/{name}", code=1)
    assert "(tag.well-formed)" in said
    assert "a tag like v<major>.<minor>.<patch>-l9" in said


def test_tags_that_are_no_releases_on_purpose(tmp_path: Path) -> None:
    clone = working_copy(tmp_path, '[release]\nother_tags = ["nightly*", "*"]\n')
    clone.l9("hooks", "install")
    clone.git("tag", "nightly-1")
    clone.push("origin", "nightly-1")
    clone.change()
    clone.git("tag", "--force", "nightly-1")
    clone.push("--force", "origin", "nightly-1")
    clone.push("origin", "--delete", "nightly-1")
    clone.git("tag", TAG)
    assert "(tag.annotated)" in clone.push("origin", TAG, code=1)  # a release is one, whatever else is free


def test_a_tag_that_main_does_not_have(clone: Clone) -> None:
    clone.branch()
    clone.tag(TAG, "feature/x")
    said = clone.push("origin", TAG, code=1)
    assert "(tag.on-main)" in said
    assert f"git push --atomic origin main {TAG}" in said


def test_several_references_are_judged_each(clone: Clone) -> None:
    clone.change()
    clone.git("tag", TAG)
    said = clone.push("--atomic", "origin", "main", TAG, "HEAD:feature/y", code=1)
    assert "(main.merges-only)" in said
    assert "(tag.annotated)" in said
    assert "feature/y (" not in said


def test_a_bad_signature(clone: Clone, tmp_path: Path) -> None:
    keys = {name: tmp_path / name for name in ("ours", "theirs")}
    for key in keys.values():
        clone.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    clone.git("config", "gpg.format", "ssh")
    clone.git("config", "user.signingKey", str(keys["theirs"]))
    signers = tmp_path / "signers"
    public = keys["ours"].with_suffix(".pub").read_text()
    signers.write_text(f"ada@l9.invalid {public}", encoding="utf-8")
    clone.git("config", "gpg.ssh.allowedSignersFile", str(signers))
    clone.tag(TAG, "--sign")
    assert "(tag.signed)" in clone.push("origin", TAG, code=1)
    clone.git("config", "user.signingKey", str(keys["ours"]))
    clone.tag(TAG, "--sign", "--force")
    clone.push("origin", TAG)


def test_required_signatures_with_the_signers_of_main(tmp_path: Path) -> None:
    clone = working_copy(
        tmp_path, '[release]\nsignatures = "required"\nallowed_signers = "signers"\nreview = "none"\n'
    )
    clone.l9("hooks", "install")
    key = tmp_path / "key"
    clone.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    clone.git("config", "gpg.format", "ssh")
    clone.git("config", "user.signingKey", str(key))
    clone.tag(TAG)
    assert "(tag.signed): no signature" in clone.push("origin", TAG, code=1)
    clone.tag(TAG, "--force", "--sign")
    assert "not an allowed signer" in clone.push("origin", TAG, code=1)
    clone.write("signers", f"ada@l9.invalid {key.with_suffix('.pub').read_text()}")
    clone.change("signers", "Add: Who may sign")
    clone.write("signers", "")
    clone.push("origin", "main")
    clone.push("origin", TAG)


# ── l9's own push ────────────────────────────────────────────────────────────────────────────────


def deploys_push(clone: Clone) -> str:
    """Push as `l9 deploy` does, and return the report of what is on origin."""
    return GitRepo(clone.work, load_any(clone.work)).push(TAG)


def test_the_push_of_a_deploy_goes_through_where_the_rule_holds(clone: Clone) -> None:
    clone.branch()
    clone.merge("feature/x", f"Reviewed-by: {BOB}")
    clone.tag(TAG)
    assert deploys_push(clone) == f"main and {TAG} on origin"


def test_the_push_of_a_deploy_of_who_works_alone(tmp_path: Path) -> None:
    clone = alone(tmp_path)
    clone.change()
    clone.tag(TAG)
    assert deploys_push(clone) == f"main and {TAG} on origin"


def test_the_push_of_a_deploy_of_a_main_that_is_there_already(clone: Clone) -> None:
    """As with a forge: main went there by its pull requests, and only the tag is new."""
    clone.change()
    clone.push("--no-verify", "origin", "main")
    clone.tag(TAG)
    assert deploys_push(clone) == f"main and {TAG} on origin"


def test_the_push_of_a_deploy_is_refused_as_any_other(clone: Clone) -> None:
    clone.change()
    clone.tag(TAG)
    with pytest.raises(ActionError) as refused:
        deploys_push(clone)
    assert "main.merges-only" in refused.value.found
    assert any("git switch --create" in line for line in refused.value.log)


def test_a_branch_without_l9_toml_is_under_the_specs_rules(clone: Clone) -> None:
    clone.git("rm", "--quiet", "l9.toml")
    clone.git("commit", "--quiet", "--no-verify", "-m", "Remove: It")
    assert "(main.merges-only)" in clone.push("origin", "main", code=1)
    clone.write("l9.toml", "[")
    assert "l9.toml is not TOML" in clone.push("origin", "main", code=1)
