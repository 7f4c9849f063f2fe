"""The working copy, on real git: what the local gates see of it, and the one push."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from l9.configuration import parse
from l9.drivers.git import commands as git
from l9.drivers.git.environment import CALLERS, forget_callers_repository
from l9.drivers.git.repo import GitRepo, find_top
from l9.drivers.git.source import reason
from l9.errors import ActionError, UsageError

TAG = "v1.0.0-l9"
TEST = '["{python}", "-c", "print(open(\'a.txt\').read())"]'
CONFIG = f'app = "l9-api"\n[check]\ntest = {TEST}\n[targets.production]\nhost = "local"\n'


@dataclass
class World:
    work: Path
    origin: Path

    @property
    def repo(self) -> GitRepo:
        return GitRepo(self.work, parse(CONFIG))

    def git(self, *args: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ("git", *args), cwd=cwd or self.work, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, name: str = "a.txt", text: str = "a") -> str:
        path = self.work / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", f"Add: {name}")
        return self.git("rev-parse", "HEAD")

    def release(self, tag: str = TAG) -> None:
        self.git("tag", "-a", tag, "-m", f"Release {tag}")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A repository with one commit, and a bare origin that has nothing yet; both below a name with a space."""
    for kind in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{kind}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{kind}_EMAIL", "ada@l9.invalid")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    made = World(tmp_path / "wörk place", tmp_path / "origin.git")
    made.git("init", "--quiet", "--bare", "--initial-branch=main", str(made.origin), cwd=tmp_path)
    made.git("init", "--quiet", "--initial-branch=main", str(made.work), cwd=tmp_path)
    made.git("remote", "add", "origin", str(made.origin))
    made.commit()
    return made


# ── looking ──────────────────────────────────────────────────────────────────────────────────────


def test_workspace(world: World) -> None:
    assert (world.repo.workspace().branch, world.repo.workspace().changed) == ("main", ())
    for name in ("with space", "Größe", "two\nlines", "-rf"):
        (world.work / name).touch()
    (world.work / "a.txt").write_text("b", encoding="utf-8")
    seen = world.repo.workspace()
    assert set(seen.untracked) == {"with space", "Größe", "two\nlines", "-rf"}
    assert seen.changed == ("a.txt",)
    world.git("switch", "--quiet", "--detach", "--discard-changes")
    assert world.repo.workspace().branch is None


def test_renamed_file_is_one_change(world: World) -> None:
    world.git("mv", "a.txt", "b c.txt")
    (world.work / "z.txt").touch()
    seen = world.repo.workspace()
    assert (seen.changed, seen.untracked) == (("b c.txt",), ("z.txt",))


def test_unmerged_file_is_a_change(world: World) -> None:
    world.git("switch", "--quiet", "--create", "side")
    world.commit(text="side")
    world.git("switch", "--quiet", "main")
    world.commit(text="main")
    subprocess.run(("git", "merge", "side"), cwd=world.work, capture_output=True)
    assert world.repo.workspace().changed == ("a.txt",)


def test_annotated_tag(world: World) -> None:
    world.release()
    tag = world.repo.tag(TAG)
    assert (tag.kind, tag.on_main, tag.signature) == ("tag", True, "none")
    assert tag.object_id == world.git("rev-parse", TAG)
    assert tag.commit == world.git("rev-parse", "HEAD")
    assert tag.tree == world.git("rev-parse", "HEAD^{tree}")
    assert (tag.message, tag.tagger) == (f"Release {TAG}", "Ada <ada@l9.invalid>")


def test_lightweight_and_absent_tags(world: World) -> None:
    world.git("tag", TAG)
    assert (world.repo.tag(TAG).kind, world.repo.tag(TAG).message) == ("commit", "")
    assert world.repo.tag("v9.9.9-l9").object_id is None


def test_tag_beside_main(world: World) -> None:
    world.git("switch", "--quiet", "--create", "side")
    world.commit("side.txt")
    world.release()
    assert world.repo.tag(TAG).on_main is False
    world.git("switch", "--quiet", "main")
    world.git("merge", "--quiet", "--no-edit", TAG)
    assert world.repo.tag(TAG).on_main is True


def test_tag_whose_history_is_cut_off(world: World, tmp_path: Path) -> None:
    world.release()
    world.commit("b.txt")
    world.git("push", "--quiet", "origin", "main", TAG)
    shallow = World(tmp_path / "shallow", world.origin)
    world.git("clone", "--quiet", "--depth=1", f"file://{world.origin}", str(shallow.work))
    shallow.git("fetch", "--quiet", "--depth=1", "origin", "tag", TAG)
    with pytest.raises(ActionError, match=r"cannot determine whether .* is on main") as refused:
        shallow.repo.tag(TAG)
    shallow.git(*shlex.split(refused.value.remedy)[1:])
    assert shallow.repo.tag(TAG).on_main is True


def test_signature_that_nobody_can_verify(world: World) -> None:
    world.release()
    signed = (
        world.git("cat-file", "tag", TAG)
        + "\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n"
    )
    made = subprocess.run(
        ("git", "hash-object", "-t", "tag", "-w", "--stdin", "--literally"),
        cwd=world.work, input=signed, text=True, capture_output=True, check=True,
    )  # fmt: skip
    world.git("update-ref", f"refs/tags/{TAG}", made.stdout.strip())
    tag = world.repo.tag(TAG)
    assert (tag.signature, tag.message) == ("unchecked", f"Release {TAG}")
    assert world.repo.history.signature(TAG).state == "bad"


def test_tags_in_order_of_version(world: World) -> None:
    for tag in ("v1.10.0-l9", "v1.9.0-l9", "v1.2.0-l9"):
        world.release(tag)
    assert world.repo.tags() == ("v1.2.0-l9", "v1.9.0-l9", "v1.10.0-l9")


def test_files_are_read_from_the_tag_and_not_from_the_disk(world: World) -> None:
    world.commit("requirements.txt", "click==8.1.7\n")
    world.commit("docs/requirements notes.md", "x")
    world.release()
    (world.work / "requirements.txt").write_text("click\n", encoding="utf-8")
    reports = world.repo.locks(TAG).reports
    assert (list(reports), reports["requirements.txt"].loose) == (["requirements.txt"], ())
    assert world.repo.read(TAG, "requirements.txt") == "click==8.1.7\n"
    assert world.repo.read(TAG, "nothing") is None


def test_export_is_the_tags_own_tree(world: World, tmp_path: Path) -> None:
    world.release()
    (world.work / "untracked").touch()
    (world.work / "a.txt").write_text("dirty", encoding="utf-8")
    (tmp_path / "out").mkdir()
    world.repo.export(TAG, tmp_path / "out")
    assert {p.name: p.read_text(encoding="utf-8") for p in (tmp_path / "out").iterdir()} == {"a.txt": "a"}


def test_a_tree_that_no_tag_names_can_be_exported(world: World, tmp_path: Path) -> None:
    (world.work / "b.txt").write_text("staged", encoding="utf-8")
    world.git("add", "b.txt")
    tree = world.git("write-tree")
    (tmp_path / "out").mkdir()
    world.repo.export_revision(tree, tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"a.txt", "b.txt"}


def test_python_lines_that_changed(world: World) -> None:
    before = world.git("rev-parse", "HEAD^{tree}")
    world.git("config", "diff.noprefix", "true")
    world.commit("Größe.py", "x = 1\n")
    world.commit("b.txt", "no code")
    diff = world.repo.changed_python(before, world.git("rev-parse", "HEAD^{tree}"))
    assert git.parse_changed_files(diff) == ("Größe.py",)
    assert "+x = 1" in diff


def test_tags_that_head_comes_after(world: World) -> None:
    world.release("v1.0.0-l9")
    world.git("switch", "--quiet", "--create", "side")
    world.commit("side.txt")
    world.release("v1.1.0-l9")
    world.git("switch", "--quiet", "main")
    assert world.repo.merged_tags() == ("v1.0.0-l9",)
    assert world.repo.tree_id("v1.1.0-l9") == world.git("rev-parse", "v1.1.0-l9^{tree}")
    assert world.repo.tree_id("v9.9.9-l9") == ""


def test_state_lies_in_the_repository_itself(world: World, tmp_path: Path) -> None:
    world.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "other"))
    for place in (world.work, tmp_path / "other"):
        assert GitRepo(place, parse(CONFIG)).state() == world.work / ".git" / "l9"


# ── pushing ──────────────────────────────────────────────────────────────────────────────────────


def test_push_takes_main_and_tag(world: World) -> None:
    world.release()
    assert world.repo.push(TAG) == f"main and {TAG} on origin"
    origin = world.repo.origin(TAG, world.git("rev-parse", "HEAD"))
    assert (origin.url, origin.tag_object) == (str(world.origin), world.git("rev-parse", TAG))
    assert origin.main_has_commit is True
    assert world.repo.push(TAG) == f"main and {TAG} on origin"


def refused(world: World) -> ActionError:
    """The error of a push, which must leave origin as it was."""
    before = world.git("for-each-ref", cwd=world.origin)
    with pytest.raises(ActionError) as error:
        world.repo.push(TAG)
    assert world.git("for-each-ref", cwd=world.origin) == before
    return error.value


def test_push_without_an_origin(world: World) -> None:
    world.release()
    world.git("remote", "remove", "origin")
    assert world.repo.origin(TAG, "").url is None
    with pytest.raises(ActionError) as error:
        world.repo.push(TAG)
    assert (error.value.found, error.value.remedy) == ("none", "git remote add origin URL")


def test_push_to_an_origin_that_is_gone(world: World) -> None:
    world.release()
    world.git("remote", "set-url", "origin", f"{world.origin}-gone")
    with pytest.raises(ActionError) as error:
        world.repo.push(TAG)
    assert error.value.found.startswith(f"fatal: '{world.origin}-gone' does not appear to be")
    assert error.value.remedy == "git ls-remote origin"
    with pytest.raises(ActionError) as error:
        world.repo.origin(TAG, "")
    assert error.value.remedy.startswith("git ls-remote -- origin")


def test_push_of_a_tag_that_is_another_one_there(world: World) -> None:
    world.release()
    world.repo.push(TAG)
    world.commit("b.txt")
    world.git("tag", "-a", "-f", TAG, "-m", "Another")
    error = refused(world)
    assert error.found.startswith(f"refs/tags/{TAG} [rejected]")
    assert error.remedy == f"git ls-remote origin {TAG}"


def test_push_behind_an_origin_that_is_ahead(world: World, tmp_path: Path) -> None:
    world.git("push", "--quiet", "origin", "main")
    other = World(tmp_path / "other", world.origin)
    world.git("clone", "--quiet", str(world.origin), str(other.work))
    other.commit("theirs.txt")
    other.git("push", "--quiet", "origin", "main")
    world.commit("ours.txt")
    world.release()
    error = refused(world)
    assert error.found == "refs/heads/main [rejected] (fetch first): origin is ahead"
    world.git(*shlex.split(error.remedy)[1:])
    assert world.repo.push(TAG) == f"main and {TAG} on origin"  # the merge left the tagged commit on main


def test_push_that_a_hook_declines(world: World) -> None:
    hook = world.origin / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho no releases on Fridays >&2\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    world.release()
    error = refused(world)
    assert error.found == "refs/heads/main [remote rejected] (pre-receive hook declined)"
    assert any("no releases on Fridays" in line for line in error.log)
    assert shlex.split(error.remedy)[:3] == ["git", "push", "--atomic"]


# ── where it is ──────────────────────────────────────────────────────────────────────────────────


def test_top_from_a_folder_in_it(world: World) -> None:
    world.commit("deep/er.txt")
    assert find_top(world.work / "deep") == world.work


def test_outside_of_any_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "nowhere").mkdir()
    with pytest.raises(UsageError) as error:
        find_top(tmp_path / "nowhere")
    assert (error.value.message, error.value.remedy) == ("not inside a git working copy", "git init")
    with pytest.raises(UsageError):
        GitRepo(tmp_path / "nowhere", parse(CONFIG)).workspace()


def test_repository_of_somebody_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch for its own tests
    with pytest.raises(UsageError) as error:
        find_top(world.work)
    words = shlex.split(error.value.remedy)
    assert words == ["git", "config", "--global", "--add", "safe.directory", str(world.work)]


def test_the_callers_repository_is_forgotten(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CALLERS:
        monkeypatch.setenv(name, str(tmp_path / "other" / ".git"))
    forget_callers_repository()
    assert find_top(world.work) == world.work


@pytest.mark.parametrize(
    ("err", "said"),
    [
        ("warning: x\nhint: y\nfatal: no such remote\nhint: z\n", "fatal: no such remote"),
        ("From /srv/origin\n ! [rejected] a -> a (would clobber)\n", "! [rejected] a -> a (would clobber)"),
        ("", "no reason given"),
    ],
)
def test_the_line_that_says_why(err: str, said: str) -> None:
    assert reason(err) == said


@pytest.mark.parametrize(("folder", "path"), [(".", "l9.toml"), ("services/näme", "services/näme/l9.toml")])
def test_the_configuration_may_lie_below_the_top(world: World, folder: str, path: str) -> None:
    (world.work / folder).mkdir(parents=True, exist_ok=True)
    assert GitRepo(world.work / folder, parse(CONFIG)).config_path == path
