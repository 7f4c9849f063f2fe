"""`l9 protect bare` on a real bare repository: what pushes it takes, and what it says of those it does not."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hooked import ADA, BOB, Clone, working_copy
from l9.errors import UsageError
from l9.operator.protect import inaccessible, judge_received

TAG = "v1.0.0-l9"


class Team(Clone):
    """Ada's working copy, Bob's, and the origin of both."""

    def __init__(self, root: Path, release: str = "") -> None:
        super().__init__(working_copy(root, release).work)
        self.origin = root / "origin.git"

    def protect(self, *args: str, code: int = 0) -> str:
        return self.l9("protect", "bare", str(self.origin), "--yes", *args, code=code)

    def bob(self) -> Clone:
        bob = Clone(self.origin.parent / "bob", BOB)
        bob.run("git", "clone", "--quiet", str(self.origin), str(bob.work), cwd=self.work)
        return bob

    def refs(self) -> dict[str, str]:
        lines = self.git("ls-remote", "origin").splitlines()
        return {ref: oid for oid, ref in (line.split("\t") for line in lines) if not ref.endswith("^{}")}

    def refused(self, rule: str, *args: str) -> str:
        """A push that is refused by that rule, after which origin is as it was; what the pusher reads."""
        before = self.refs()
        said = self.push(*args, code=1)
        assert f"({rule}): " in said, said
        assert "remote: ✘ l9 pre-receive: refs/" in said
        assert "pre-receive hook declined" in said
        assert self.refs() == before
        return said


@pytest.fixture
def team(tmp_path: Path) -> Team:
    team = Team(tmp_path)
    team.protect()
    return team


# ── main ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_merge_that_bob_reviewed_is_taken(team: Team) -> None:
    team.branch()
    team.push("origin", "feature/x")
    bob = team.bob()
    bob.merge("origin/feature/x", f"Reviewed-by: {BOB}")
    bob.push("origin", "main")
    assert team.refs()["refs/heads/main"] == bob.git("rev-parse", "HEAD")


def test_a_direct_commit(team: Team) -> None:
    team.change(subject="Fix: Something ü")
    said = team.refused("main.merges-only", "origin", "main")
    assert "(Fix: Something ü) is a direct commit" in said
    assert (
        "remote:     next      git switch --create feature/NAME && git branch --force main origin/main"
        in said
    )


def test_a_merge_with_one_direct_commit_below_it(team: Team) -> None:
    team.branch()
    team.change()
    team.merge("feature/x", f"Reviewed-by: {BOB}")
    team.refused("main.merges-only", "origin", "main")


def test_a_merge_that_only_its_author_reviewed(team: Team) -> None:
    team.branch()
    team.merge("feature/x", f"Reviewed-by: {ADA}")
    assert "only by its own author" in team.refused("main.reviewed", "origin", "main")


def test_one_reviewed_and_one_unreviewed_merge(team: Team) -> None:
    team.branch("feature/a", "a.py")
    team.branch("feature/b", "b.py")
    team.merge("feature/a", f"Reviewed-by: {BOB}")
    team.merge("feature/b")
    assert "Merge branch 'feature/b'" in team.refused("main.reviewed", "origin", "main")


def test_who_wrote_a_part_of_it_is_no_reviewer(team: Team) -> None:
    team.branch()
    team.git("switch", "--quiet", "feature/x")
    team.change("more.py", f"Add: More\n\nCo-authored-by: {BOB}")
    team.git("switch", "--quiet", "main")
    team.merge("feature/x", f"Reviewed-by: {BOB}")
    team.refused("main.reviewed", "origin", "main")


def test_what_the_merge_itself_changes_needs_another_reviewer(team: Team) -> None:
    """A merge can carry what no branch had; who made it is an author then."""
    team.branch()
    bob = Team.__new__(Team)
    bob.work, bob.who, bob.origin = team.work, BOB, team.origin
    bob.git("merge", "--quiet", "--no-ff", "--no-commit", "feature/x")
    bob.write("smuggled.py", "x = 1\n")
    bob.git("add", "smuggled.py")
    bob.git("commit", "--quiet", "-m", f"Merge branch 'feature/x'\n\nReviewed-by: {BOB}")
    assert "the merge itself changes something" in bob.refused("main.reviewed", "origin", "main")
    bob.git("commit", "--quiet", "--amend", "--no-edit", "--trailer", "Reviewed-by: Eve <eve@l9.invalid>")
    bob.push("origin", "main")


def test_a_merge_of_nothing(team: Team) -> None:
    team.change()
    tree = team.git("rev-parse", "HEAD^{tree}")
    team.git("reset", "--quiet", "--hard", "HEAD^")
    fake = team.git(
        "commit-tree", tree, "-p", "HEAD", "-p", "HEAD", "-m", f"Merge branch 'x'\n\nReviewed-by: {BOB}"
    )
    team.refused("main.merges-only", "origin", f"{fake}:refs/heads/main")


def test_main_as_a_side_branch(team: Team) -> None:
    """A branch that merged main, pushed as main: main's own history would be another."""
    team.branch("feature/base", "base.py")
    team.branch("feature/a", "a.py")
    team.merge("feature/a", f"Reviewed-by: {BOB}")
    team.push("origin", "main")
    team.git("switch", "--quiet", "--detach", "main^1")
    team.merge("main", f"Reviewed-by: {BOB}")
    team.refused("main.merges-only", "origin", "HEAD:refs/heads/main")


def test_force_delete_and_unrelated_history(team: Team) -> None:
    team.git("commit", "--quiet", "--amend", "--no-verify", "-m", "Add: Another beginning")
    assert "which is published" in team.refused("main.goes-forward", "--force", "origin", "main")
    team.refused("main.stays", "origin", ":main")


def test_squashed_commits_are_no_merges(team: Team) -> None:
    team.branch()
    team.git("merge", "--quiet", "--squash", "feature/x")
    team.git("commit", "--quiet", "-m", f"Add: x\n\nReviewed-by: {BOB}")
    team.refused("main.merges-only", "origin", "main")


def test_replaced_objects_are_not_believed(team: Team) -> None:
    """A pusher of refs/replace could show the hook another commit than the one that everybody gets."""
    direct = team.change()
    team.branch("feature/y", "y.py")
    team.git("switch", "--quiet", "--detach", "HEAD^")
    team.merge("feature/y", f"Reviewed-by: {BOB}")
    team.git("replace", direct, "HEAD")
    team.push("origin", f"refs/replace/{direct}")
    team.refused("main.merges-only", "origin", f"{direct}:refs/heads/main")


def test_a_new_main_and_other_branches_are_free(team: Team, tmp_path: Path) -> None:
    empty = tmp_path / "empty.git"
    team.git("init", "--quiet", "--bare", "--initial-branch=main", str(empty))
    team.l9("protect", "bare", str(empty), "--yes")
    team.tag(TAG)
    team.push("--atomic", str(empty), "main", TAG, "main:feature/z", "main:refs/notes/l9/cgmp")
    team.push("--force", str(empty), "main:refs/notes/l9/cgmp", "main:feature/z")
    team.push(str(empty), "--delete", "feature/z", "refs/notes/l9/cgmp")


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_release_is_taken_once_and_stays(team: Team) -> None:
    team.tag(TAG)
    team.push("origin", TAG)
    team.refused("tag.stays", "origin", "--delete", TAG)
    team.tag(TAG, "--force")
    team.refused("tag.never-moves", "--force", "origin", TAG)


def test_tags_that_are_not_taken(team: Team) -> None:
    team.git("tag", "v1.0.1-l9")
    assert "a lightweight tag of a commit" in team.refused("tag.annotated", "origin", "v1.0.1-l9")
    team.git("tag", "v1.0.2-l9", "HEAD:api.py")
    assert "of a blob" in team.refused("tag.annotated", "origin", "v1.0.2-l9")
    team.tag("v1.0.3-l9")
    team.tag("v1.0.4-l9", "v1.0.3-l9")
    assert "a tag of a tag" in team.refused("tag.of-a-commit", "origin", "v1.0.4-l9")
    assert "the name v1.0.3-l9" in team.refused("tag.own-name", "origin", "v1.0.3-l9:refs/tags/v1.0.9-l9")
    team.tag("release-1")
    team.refused("tag.well-formed", "origin", "release-1")
    team.git("tag", "--annotate", "v1.0.5-l9", "-m", "x", "HEAD^{tree}")
    assert "a tag of a tree" in team.refused("tag.of-a-commit", "origin", "v1.0.5-l9")


def test_a_tag_of_a_commit_that_is_not_on_main(team: Team) -> None:
    team.branch()
    team.tag(TAG, "feature/x")
    team.refused("tag.on-main", "origin", TAG, "feature/x")
    team.merge("feature/x", f"Reviewed-by: {BOB}")
    team.push("--atomic", "origin", "main", TAG)


def test_a_client_that_lies_of_what_is_there_now(team: Team) -> None:
    team.branch()
    team.push("origin", "feature/x")
    evil, nothing = team.git("rev-parse", "feature/x"), "0" * 40
    with pytest.raises(UsageError, match="repository changed since the last fetch"):
        judge_received(team.origin, f"{nothing} {evil} refs/heads/main\n")
    true = team.refs()["refs/heads/main"]
    assert judge_received(team.origin, f"{true} {evil} refs/heads/main\n")  # refused by the rules of main


def test_several_references_in_one_push(team: Team) -> None:
    team.tag(TAG)
    team.git("tag", "v1.0.1-l9")
    for how in ((), ("--atomic",)):
        said = team.refused("tag.annotated", *how, "origin", TAG, "v1.0.1-l9", "HEAD:feature/z")
        assert said.count("✘ l9 pre-receive:") == 1


def test_signatures(team: Team, tmp_path: Path) -> None:
    keys = {name: tmp_path / name for name in ("ours", "theirs")}
    for key in keys.values():
        team.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    signers = tmp_path / "signers"
    signers.write_text(f"ada@l9.invalid {keys['ours'].with_suffix('.pub').read_text()}")
    team.git("config", "gpg.format", "ssh")
    team.git("config", "user.signingKey", str(keys["theirs"]))

    team.tag(TAG, "--sign")
    team.push("origin", TAG)  # nothing is required, and nobody could tell
    team.protect("--signatures", "required", "--allowed-signers", str(signers))
    team.tag("v1.0.1-l9")
    assert "no signature" in team.refused("tag.signed", "origin", "v1.0.1-l9")
    team.tag("v1.0.2-l9", "--sign")
    assert "not an allowed signer" in team.refused("tag.signed", "origin", "v1.0.2-l9")
    team.git("config", "user.signingKey", str(keys["ours"]))
    team.tag("v1.0.3-l9", "--sign")
    team.push("origin", "v1.0.3-l9")
    team.protect("--signatures", "optional")
    team.git("config", "user.signingKey", str(keys["theirs"]))
    team.tag("v1.0.4-l9", "--sign")
    team.refused("tag.signed", "origin", "v1.0.4-l9")  # verified whenever there is one


def test_required_signatures_and_nobody_who_may_sign(team: Team) -> None:
    said = team.protect("--signatures", "required")
    assert "no allowed SSH signers" in said
    team.tag(TAG)
    team.refused("tag.signed", "origin", TAG)


# ── the rules ────────────────────────────────────────────────────────────────────────────────────


def test_rules_by_option(team: Team) -> None:
    team.protect("--review", "merge", "--other-tags", "nightly*")
    team.branch()
    team.merge()
    team.git("tag", "nightly-1")
    team.push("origin", "main", "nightly-1")
    said = team.protect("--review", "none", "--main", "trunk", "--tag", "r<major>")
    assert "trunk: fast-forward only" in said
    assert "tags: r<major>, annotated, of a commit on trunk" in said
    team.change()
    team.push("origin", "main", "main:trunk")
    team.tag("r7")
    team.push("origin", "r7")
    assert "invalid tag format" in team.protect("--tag", "r1", code=2)


def test_the_rules_come_from_l9_toml_and_stay_where_there_is_none(tmp_path: Path) -> None:
    team = Team(tmp_path, '[release]\nreview = "merge"\nallowed_signers = "signers"\n')
    team.write("signers", "ada@l9.invalid ssh-ed25519 AAAA\n")
    team.change("signers", "Add: Who may sign")
    team.push("origin", "main")
    assert team.json("protect", "bare", str(team.origin), "--yes")["policy"]["review"] == "merge"
    assert "ada@l9.invalid" in (team.origin / "l9" / "allowed_signers").read_text()
    elsewhere = Clone(tmp_path)
    found = elsewhere.json("protect", "bare", str(team.origin), "--yes", "--main", "trunk")["policy"]
    assert (found["review"], found["main"]) == ("merge", "trunk")


def test_it_shows_first_and_changes_nothing_by_itself(tmp_path: Path) -> None:
    team = Team(tmp_path)
    found = team.json("protect", "bare", str(team.origin), "--dry-run")
    assert not found["changed"]
    assert [Path(file).name for file in found["planned"]] == ["protection.json", "pre-receive"]
    shown = team.l9("protect", "bare", str(team.origin), "--dry-run")
    assert '    +  "review": "required"' in shown
    assert "main: reviewed merges only" in shown
    assert not (team.origin / "l9").exists()
    assert "not a terminal: pass --yes to confirm" in team.l9("protect", "bare", str(team.origin), code=2)

    assert team.json("protect", "bare", str(team.origin), "--yes")["changed"]
    again = team.json("protect", "bare", str(team.origin), "--yes")
    assert (again["changed"], again["planned"], again["hook"]["state"]) == (False, [], "installed")
    assert stat.S_IMODE((team.origin / "l9" / "protection.json").stat().st_mode) == 0o644


def test_a_hook_that_is_there_is_kept_and_comes_back(tmp_path: Path) -> None:
    team = Team(tmp_path)
    theirs = team.origin / "hooks" / "pre-receive"
    text = '#!/bin/sh\ncat > "$GIT_DIR/told"; [ ! -e "$GIT_DIR/closed" ] || exit 7\n'
    theirs.write_text(text)
    theirs.chmod(0o755)
    assert "is kept and runs first" in team.protect()
    team.tag(TAG)
    (team.origin / "closed").touch()
    team.push("origin", TAG, code=1)
    (team.origin / "closed").unlink()
    team.push("origin", TAG)
    assert f"refs/tags/{TAG}" in (team.origin / "told").read_text()
    team.git("tag", "v1.0.1-l9")
    team.refused("tag.annotated", "origin", "v1.0.1-l9")

    assert "no longer protected" in team.protect("--remove")
    assert theirs.read_text() == text
    assert not (team.origin / "l9").exists()
    team.push("origin", "v1.0.1-l9")


def test_rules_that_are_gone_or_broken_close(team: Team) -> None:
    team.change()
    rules = team.origin / "l9" / "protection.json"
    text = rules.read_text()
    rules.write_text("{")
    assert "cannot be read" in team.push("origin", "main", code=1)
    rules.unlink()
    said = team.push("origin", "main", code=1)
    assert "rules of this repository are missing" in said
    assert f"next      l9 protect bare {team.origin}" in said
    rules.write_text(text)
    hook = team.origin / "hooks" / "pre-receive"
    hook.write_text(hook.read_text().replace("package=", "package=/gone"))
    assert "remote: ✘ pre-receive: l9 not found at" in team.push("origin", "main", code=1)
    team.protect()
    team.refused("main.merges-only", "origin", "main")


def test_broken_rules_are_mended_by_new_ones(team: Team, tmp_path: Path) -> None:
    (team.origin / "l9" / "protection.json").write_text("{")
    Clone(tmp_path).l9("protect", "bare", str(team.origin), "--yes")
    team.change()
    team.refused("main.merges-only", "origin", "main")


def test_an_l9_that_the_repositorys_owner_cannot_reach(tmp_path: Path) -> None:
    program = tmp_path / "home" / "bin" / "python"
    program.parent.mkdir(parents=True)
    (tmp_path / "home").chmod(0o700)
    mine = tmp_path.stat().st_uid
    assert inaccessible((program,), mine) is None
    closed = inaccessible((program,), mine + 1)
    assert closed in program.parents
    assert not closed.stat().st_mode & stat.S_IXOTH
    assert inaccessible((Path("/bin/sh"),), mine + 1) is None


def test_what_is_no_bare_repository(team: Team, tmp_path: Path) -> None:
    for place in (team.work, team.work / ".git", team.origin / "refs"):
        assert "is not a bare repository" in team.l9("protect", "bare", str(place), "--yes", code=2)
    (tmp_path / "plain").mkdir()
    for place in (tmp_path / "plain", tmp_path / "nowhere"):
        team.l9("protect", "bare", str(place), "--yes", code=2)
    assert "no signers in it" in team.protect("--allowed-signers", "/dev/null", code=2)
    assert "cannot be read" in team.protect("--allowed-signers", str(tmp_path / "nobody"), code=2)


def test_what_is_refused_leaves_nothing_behind(team: Team) -> None:
    """git keeps what is pushed apart until the hook has said yes; the hook looks at it there."""
    objects = team.origin / "objects"
    before = {p for p in objects.rglob("*") if p.is_file()}
    team.change("big.py", "Add: Something big")
    team.refused("main.merges-only", "origin", "main")
    assert {p for p in objects.rglob("*") if p.is_file()} == before


def test_a_git_that_cannot_merge_again_is_no_silent_pass(team: Team, tmp_path: Path) -> None:
    """A stand-in for a git before 2.38, which does not know `merge-tree --write-tree`."""
    old = tmp_path / "old" / "git"
    old.parent.mkdir()
    real = shutil.which("git")
    old.write_text(f'#!/bin/sh\ncase " $* " in *" merge-tree "*) exit 129;; esac\nexec \'{real}\' "$@"\n')
    old.chmod(0o755)
    team.branch()
    team.merge("feature/x", f"Reviewed-by: {BOB}")
    hook = team.origin / "hooks" / "pre-receive"
    hook.write_text(hook.read_text().replace("python=", f"PATH='{old.parent}':$PATH\npython="))
    assert "git is older than 2.38" in team.refused("main.seen", "origin", "main")


def test_a_person_is_asked(tmp_path: Path) -> None:
    team = Team(tmp_path)
    argv = [sys.executable, "-P", "-m", "l9", "protect", "bare", str(team.origin)]
    for answer, code in (("n", 3), ("y", 0)):
        said, ended = on_terminal(argv, answer, team)
        assert "Make these changes? [y/N]" in said
        assert '"review": "required"' in said
        assert ended == code
        assert (team.origin / "l9").exists() is (answer == "y")


def on_terminal(argv: list[str], answer: str, team: Team) -> tuple[str, int]:
    """Run a command on a terminal, type the answer, and return its output and exit code."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(argv, cwd=team.work, env=team.env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    said = b""
    with contextlib.suppress(OSError):  # so a terminal ends
        while part := os.read(ours, 4096):
            said += part
    os.close(ours)
    return said.decode(), child.wait(timeout=30)
