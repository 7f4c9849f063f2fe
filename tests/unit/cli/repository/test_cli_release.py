"""`l9 release` on real repositories: what it proposes and refuses, what it writes, and that it moves nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from l9.checks.git.messages import check_message
from l9.checks.pipeline.attestation import problem, read_envelope, read_statement
from release_desk import ADA, CONFIG, Desk

V1, V2 = "v0.1.0-l9", "v0.2.0-l9"
NOTES = "refs/notes/l9/cgmp"
SIGNERS = CONFIG + '[release]\nallowed_signers = "allowed_signers"\n'
REQUIRED = SIGNERS + "require_attestation = true\n"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def released(desk: Desk) -> Desk:
    """v0.1.0-l9 is out, and origin has it."""
    assert desk.release()["tag"] == V1
    return desk


def test_the_first_release(desk: Desk) -> None:
    made = desk.json("release")
    assert (made["tag"], made["previous"], made["dry_run"]) == (V1, None, False)
    assert made["needed"] == {"level": "none", "reasons": ["first release"]}
    assert desk.git("cat-file", "-t", V1) == "tag"
    assert desk.git("rev-parse", f"{V1}^{{commit}}") == made["commit"] == desk.git("rev-parse", "HEAD")
    message = desk.git("for-each-ref", "--format=%(contents)", f"refs/tags/{V1}")
    assert message == made["message"].strip()
    assert not check_message(message)
    assert "ORACLE: healthy" in message
    assert "Rollback: none" in message


def test_it_attests_the_tree(desk: Desk) -> None:
    made = desk.json("release")
    line = desk.git("notes", f"--ref={NOTES}", "show", made["tree"])
    envelope = read_envelope(line)
    assert envelope
    assert problem(envelope, made["tree"]) == ""
    statement = read_statement(envelope)
    assert statement
    outcome = statement.predicate
    assert (outcome.commit, outcome.where) == (made["commit"], "process")
    assert {one.name for one in outcome.configuration} >= {"l9.toml", "content"}
    assert made["signer"] == envelope.signatures[0].keyid
    assert '"/a"' in desk.git("notes", "--ref=refs/notes/l9/openapi", "show", made["tree"])


def test_what_it_wrote_passes_the_gates_of_a_tag(tmp_path: Path) -> None:
    desk = Desk(tmp_path, REQUIRED)
    assert desk.json("release")["signer"] == ADA
    judged = {one["id"]: one for one in desk.json("check", V1)["invariants"]}
    assert judged["repository.attested"]["found"].endswith(f"attested by {ADA}")
    assert judged["repository.tag-annotated"]["verdict"] == "pass"
    assert judged["repository.tag-message-form"]["verdict"] == "pass"


# ── how far the version grows ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("message", "tag", "reason"),
    [
        ("Fix: Prevent a deadlock", "v0.1.1-l9", "a fix: Prevent a deadlock"),
        ("Docs: Say more", "v0.1.1-l9", "a change: Say more"),
        ("Add: Semantic search", V2, "a feature: Semantic search"),
        ("Fix: A\n\nWhy.\n\nBREAKING CHANGE: the field is gone\n", "v1.0.0-l9", "a breaking change: A"),
    ],
)
def test_commit_types_decide(released: Desk, message: str, tag: str, reason: str) -> None:
    released.commit(message)
    made = released.json("release")
    assert (made["tag"], made["previous"]) == (tag, V1)
    assert made["needed"]["reasons"][0].startswith(reason)
    assert made["message"].rstrip().endswith(f"Rollback: l9 rollback {V1}")


@pytest.mark.parametrize(
    ("paths", "tag", "reason"),
    [
        (("/a", "/b"), V2, "API addition: GET /b"),
        (("/b",), "v1.0.0-l9", "breaking API change: GET /a"),
        (("/a",), "v0.1.1-l9", "a fix"),
    ],
)
def test_the_api_decides_where_it_says_more(
    released: Desk, paths: tuple[str, ...], tag: str, reason: str
) -> None:
    released.api(*paths)
    released.commit("Fix: Something small")
    made = released.json("release")
    assert made["tag"] == tag
    assert made["needed"]["reasons"][0].startswith(reason)


def test_another_clone_compares_with_the_document_in_the_notes(released: Desk) -> None:
    released.git("fetch", "--quiet", "origin", "refs/notes/l9/*:refs/notes/l9/*")
    (released.work / ".git" / "l9").rename(released.root / "forgotten")
    released.api("/b")
    released.commit("Fix: Something small")
    assert released.json("release")["tag"] == "v1.0.0-l9"


@pytest.mark.parametrize("asked", ["patch", "v0.1.1-l9"])
def test_less_than_needed_is_refused_with_the_reason(released: Desk, asked: str) -> None:
    released.commit("Add: Semantic search")
    message, expected, found, remedy = released.refused("release", asked, code=2)
    assert message == f"v0.1.1-l9 is too small for the changes since {V1}"
    assert expected.startswith("minor: a feature: Semantic search")
    assert (found, remedy) == ("patch: v0.1.1-l9", "l9 release minor")


def test_what_only_the_api_tells_is_refused_too(released: Desk) -> None:
    released.api("/b")
    released.commit("Fix: Something small")
    _, expected, _, remedy = released.refused("release", "minor", code=2)
    assert expected.startswith("major: breaking API change: GET /a")
    assert remedy == "l9 release major"


@pytest.mark.parametrize(
    ("asked", "tag"), [("major", "v1.0.0-l9"), ("minor", V2), ("v3.0.0-l9", "v3.0.0-l9")]
)
def test_more_than_needed_may_be_asked_for(released: Desk, asked: str, tag: str) -> None:
    released.commit("Fix: It")
    assert released.json("release", asked)["tag"] == tag


def test_a_first_release_may_be_named(desk: Desk) -> None:
    assert desk.json("release", "v1.0.0-l9")["tag"] == "v1.0.0-l9"


# ── what is refused ──────────────────────────────────────────────────────────────────────────────


def test_a_tag_is_never_moved(released: Desk) -> None:
    before = released.git("rev-parse", V1)
    released.commit("Fix: It")
    assert "not newer" in released.refused("release", V1, code=2)[0]
    released.git("tag", "v0.9.0-l9", "HEAD~1")
    message, _, _, remedy = released.refused("release", "v0.9.0-l9", code=2)
    assert "never moved" in message
    assert remedy == "git show v0.9.0-l9"
    assert released.git("rev-parse", V1) == before


@pytest.mark.parametrize("asked", ["--upload-pack=x", "v1", "v1.0.0", "v01.0.0-l9", "v1.0.0-l9;id"])
def test_what_is_no_release(released: Desk, asked: str) -> None:
    released.commit("Fix: It")
    released.refused("release", "--", asked, code=2)


def test_nothing_since_the_last_release(released: Desk) -> None:
    message, _, _, remedy = released.refused("release", code=2)
    assert (message, remedy) == (f"HEAD is already released as {V1}", f"l9 deploy {V1}")


def test_before_the_first_commit(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.git("switch", "--quiet", "--orphan", "fresh")
    desk.write("l9.toml", CONFIG)
    assert desk.refused("release", code=2)[0] == "nothing to release"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda desk: desk.write("stray.txt", "x"), "workspace.no-untracked-files: stray.txt"),
        (lambda desk: desk.write("app.py", "edited"), "workspace.no-uncommitted-changes: app.py"),
        (lambda desk: desk.git("switch", "--quiet", "--create", "feature/x"), "workspace.on-main: feature/x"),
    ],
)
def test_the_gate_before_the_tag(desk: Desk, spoil: object, says: str) -> None:
    spoil(desk)  # type: ignore[operator]
    message, _, found, _ = desk.refused("release", code=3)
    assert message == "the gate before the tag is closed, and no tag was written"
    assert found == says


def test_stages_that_are_red(desk: Desk) -> None:
    failing = '["{python}", "-c", "print(\'two failed\'); raise SystemExit(1)"]'
    desk.write("l9.toml", CONFIG.replace("test = []", f"test = {failing}"))
    desk.commit("Fix: It")
    message, _, found, _ = desk.refused("release", code=3)
    assert message == "CGMP is not green, and no tag was written"
    assert found.startswith("sim: exit code 1")


def test_no_key_to_sign_with_is_told_before_the_stages_run(desk: Desk) -> None:
    desk.key.unlink()
    Path(f"{desk.key}.pub").unlink()
    message, _, _, remedy = desk.refused("release", code=3)
    assert message == "no SSH key to sign with"
    assert remedy.startswith("ssh-keygen -t ed25519")
    assert not (desk.work / ".git" / "l9" / "cgmp").exists()


def test_a_key_that_does_not_count_where_it_has_to(tmp_path: Path) -> None:
    desk = Desk(tmp_path, REQUIRED)
    stranger = desk.root / "stranger"
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(stranger)), check=True)
    text = REQUIRED.replace("[release]", f'[release]\nsigning_key = "{stranger}"')
    desk.write("l9.toml", text)
    desk.commit("Fix: Sign with another key")
    said = desk.l9("release", code=3)
    assert "it is signed by an unknown key" in said
    assert "next      $EDITOR allowed_signers" in said
    assert desk.git("tag") == ""


def test_releases_that_only_origin_knows_of(released: Desk) -> None:
    released.git("tag", "--delete", V1)
    released.commit("Fix: It")
    message, _, found, remedy = released.refused("release", code=2)
    assert (found, remedy) == (V1, "git fetch --tags origin")
    assert "not in this working copy" in message


def test_an_origin_that_is_ahead(released: Desk) -> None:
    released.commit("Fix: It")
    released.git("push", "--quiet", "origin", "main")
    released.git("reset", "--quiet", "--hard", "HEAD~1")
    released.commit("Fix: Something else")
    _, _, _, remedy = released.refused("release", code=2)
    assert remedy == "git pull --no-rebase origin main"


def test_without_an_origin_it_is_made_all_the_same(desk: Desk) -> None:
    desk.git("remote", "remove", "origin")
    assert desk.json("release")["tag"] == V1


# ── what is written, and what not ────────────────────────────────────────────────────────────────


def test_a_dry_run_writes_nothing(released: Desk) -> None:
    released.commit("Fix: Prevent a deadlock")
    before = released.refs()
    made = released.json("release", "--dry-run")
    assert (made["tag"], made["dry_run"]) == ("v0.1.1-l9", True)
    assert made["message"].startswith(
        "Release v0.1.1-l9: Prevent a deadlock\n\nFixes:\n- Prevent a deadlock\n"
    )
    assert "nothing was written" in released.l9("release", "--dry-run")
    assert released.refs() == before


def test_a_signed_tag(desk: Desk) -> None:
    desk.git("config", "gpg.format", "ssh")
    desk.git("config", "user.signingkey", str(desk.key))
    desk.git("config", "gpg.ssh.allowedSignersFile", str(desk.work / "allowed_signers"))
    desk.json("release", "--sign")
    desk.git("verify-tag", V1)
    desk.commit("Fix: It")
    desk.git("push", "--quiet", "origin", "main", V1)
    made = desk.json("release")
    assert "SIGNATURE" not in desk.git("cat-file", "tag", made["tag"])


def test_where_signatures_are_required_it_signs_by_itself(tmp_path: Path) -> None:
    desk = Desk(tmp_path, SIGNERS + 'signatures = "required"\n')
    desk.git("config", "gpg.format", "ssh")
    desk.git("config", "user.signingkey", str(desk.key))
    desk.json("release")
    assert "SSH SIGNATURE" in desk.git("cat-file", "tag", V1)


def test_a_tag_that_git_does_not_sign_is_not_written(desk: Desk) -> None:
    desk.git("config", "gpg.format", "ssh")
    desk.git("config", "user.signingkey", str(desk.root / "nowhere"))
    desk.git("config", "gpg.ssh.allowedSignersFile", str(desk.work / "allowed_signers"))
    desk.write("l9.toml", CONFIG + f'[release]\nsigning_key = "{desk.key}"\n')
    desk.commit("Fix: It")
    error = desk.json("release", "--sign", code=3)
    assert error["message"] == f"the tag {V1} was not created"
    assert desk.git("tag") == ""


def test_nothing_of_a_commit_message_reaches_a_terminal_as_it_is(released: Desk) -> None:
    released.commit("Fix: Red \x1b[31m\u202eand\x07 more # not a comment")
    made = released.json("release")
    text = released.git("cat-file", "tag", made["tag"])
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "- Red [31m and more # not a comment" in text


def test_an_attestation_that_counts_is_not_made_again(tmp_path: Path) -> None:
    """CI, or a colleague, attested this tree."""
    desk = Desk(tmp_path, SIGNERS)
    assert f"attested by {ADA}" in desk.l9("cgmp", "--attest")
    before = desk.git("rev-parse", NOTES)
    desk.key.unlink()
    Path(f"{desk.key}.pub").unlink()
    assert desk.json("release")["signer"] == ADA
    assert desk.git("rev-parse", NOTES) == before


def test_an_older_tag_is_attested_later(tmp_path: Path) -> None:
    desk = Desk(tmp_path, REQUIRED)
    desk.git("tag", "-a", V1, "-m", f"Release {V1}: Made by hand")
    assert "no attestation of tree" in desk.l9("cgmp", V1, code=3)
    assert f"attested by {ADA}" in desk.l9("cgmp", "--attest", V1)
    desk.l9("cgmp", V1)


def test_a_part_of_the_stages_is_not_attested(desk: Desk) -> None:
    assert desk.refused("cgmp", "--attest", "--stage", "sim", code=2)[0] == "--attest requires all stages"
