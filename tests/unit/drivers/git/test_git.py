"""git: argument vectors by equality, and its real output, from a repository made for it, parsed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from l9.checks.git.facts import Workspace
from l9.core.facts import Tag
from l9.drivers.git import commands as git

TAG, MAIN = "v0.5.1-l9", "main"
REF = f"refs/tags/{TAG}"
CLEAN = {  # neither the user's configuration nor the clock has a say
    **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    "LC_ALL": "C",
}


class Repository:
    """A repository in a temporary directory, with one commit on main."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.git("init", "--quiet", "--initial-branch", MAIN)
        self.write("api/main.py", "one\n")
        self.commit("Add: The API")

    def call(self, argv: git.Argv) -> subprocess.CompletedProcess[str]:
        return subprocess.run(argv, cwd=self.top, env=CLEAN, capture_output=True, text=True, check=False)

    def run(self, argv: git.Argv) -> str:
        done = self.call(argv)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def git(self, *arguments: str) -> str:
        return self.run(("git", *arguments))

    def write(self, path: str, text: str = "text\n") -> None:
        (self.top / path).parent.mkdir(parents=True, exist_ok=True)
        (self.top / path).write_text(text)

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD").strip()

    def status(self) -> Workspace:
        return git.parse_status(self.run(git.status()))

    def tag(self, name: str = TAG) -> Tag:
        return git.parse_tag(name, self.run(git.show_tag(name)))


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (git.status(), ("git", "status", "--porcelain=v2", "-z", "--branch", "--untracked-files=all")),
        (
            git.show_tag(TAG),
            (
                "git",
                "for-each-ref",
                "--format=%(refname:strip=2)%00%(objecttype)%00%(*objecttype)%00%(objectname)%00%(*objectname)"
                "%00%(tree)%(*tree)%00%(taggername) %(taggeremail)%00%(contents)",
                REF,
            ),
        ),
        (
            git.list_tags(),
            ("git", "for-each-ref", "--format=%(refname:strip=2)", "--sort=version:refname", "refs/tags"),
        ),
        (git.is_ancestor("c0ffee", MAIN), ("git", "merge-base", "--is-ancestor", "c0ffee", MAIN)),
        (git.remote_url(), ("git", "remote", "get-url", "--", "origin")),
        (git.ls_remote(MAIN, TAG), ("git", "ls-remote", "--", "origin", "refs/heads/main", REF)),
        (
            git.fetch(MAIN, TAG),
            (
                "git", "fetch", "--no-tags", "--no-prune", "--no-prune-tags", "--quiet", "origin",
                "+refs/heads/main:refs/remotes/origin/main", f"{REF}:{REF}", "+refs/notes/l9/*:refs/notes/l9/*",
            ),
        ),
        (
            git.push(MAIN, TAG),
            (
                "git", "push", "--atomic", "--porcelain", "origin",
                "refs/heads/main:refs/heads/main", f"{REF}:{REF}",
            ),
        ),
        (
            git.push_in_turn(MAIN, TAG, "refs/notes/l9/cgmp")[0],
            ("git", "push", "--porcelain", "origin", "refs/heads/main:refs/heads/main"),
        ),
        (
            git.push_in_turn(MAIN, TAG, "refs/notes/l9/cgmp")[1],
            (
                "git", "push", "--porcelain", "origin", "refs/notes/l9/cgmp:refs/notes/l9/cgmp", f"{REF}:{REF}",
            ),
        ),
        (git.ls_remote_tag(TAG), ("git", "ls-remote", "--", "origin", REF, f"{REF}^{{}}")),
        (
            git.unshallow(MAIN),
            ("git", "fetch", "--unshallow", "origin", "+refs/heads/main:refs/remotes/origin/main"),
        ),
        (git.push(MAIN, TAG, "refs/notes/l9/cgmp")[-1:], ("refs/notes/l9/cgmp:refs/notes/l9/cgmp",)),
        (git.read_setting("gpg.format"), ("git", "config", "--get", "gpg.format")),
        (git.read_setting("a.b", "path"), ("git", "config", "--type=path", "--get", "a.b")),
        (git.show_head(), ("git", "rev-parse", "HEAD^{commit}", "HEAD^{tree}")),
        (git.peel(TAG), ("git", "rev-parse", f"{REF}^{{commit}}", f"{REF}^{{tree}}")),
        (
            git.changed_python("a", "b"),
            ("git", "-c", "core.quotePath=false", "diff", "--unified=0", "a", "b", "--", "*.py"),
        ),
        (
            git.repack(),
            ("git", "repack", "--geometric=2", "-d", "--quiet", "--no-write-bitmap-index"),
        ),
        (git.pack_references(), ("git", "pack-refs", "--all")),
        (git.merged_tags(), (*git.list_tags(), "--merged=HEAD")),
        (git.read_file(TAG, "a b"), ("git", "cat-file", "blob", f"{REF}:a b")),
        (git.checkout(TAG), ("git", "checkout", "--quiet", "--force", "--detach", REF)),
        (git.head(), ("git", "rev-parse", "--verify", "--quiet", "HEAD")),
    ],
    ids=lambda value: value[1] if value[1:] else "",
)  # fmt: skip
def test_the_argument_vector(argv: git.Argv, expected: git.Argv) -> None:
    assert argv == expected


# ── git status ───────────────────────────────────────────────────────────────────────────────────


def test_a_clean_tree(repo: Repository) -> None:
    assert repo.status() == Workspace(MAIN, (), ())


def test_a_detached_head_is_no_branch(repo: Repository) -> None:
    repo.git("checkout", "--quiet", "--detach")
    assert repo.status().branch is None


def test_a_repository_without_a_commit_has_a_branch(tmp_path: Path) -> None:
    fresh = Repository.__new__(Repository)
    fresh.top = tmp_path
    fresh.git("init", "--quiet", "--initial-branch", MAIN)
    fresh.write("first")
    assert fresh.status() == Workspace(MAIN, ("first",), ())


@pytest.mark.parametrize(
    "name", ["a b", " lead", "trail ", "ünï…", "two\nlines", "tab\there", 'quo"te', "-x", "1 M"]
)
def test_names_come_through_as_they_are(repo: Repository, name: str) -> None:
    repo.write(name)
    assert repo.status() == Workspace(MAIN, (name,), ())
    repo.commit("Add: A name")
    repo.write(name, "changed\n")
    assert repo.status() == Workspace(MAIN, (), (name,))


def test_every_untracked_file_is_named_and_not_its_folder(repo: Repository) -> None:
    repo.write("new/a")
    repo.write("new/b")
    assert repo.status().untracked == ("new/a", "new/b")


def test_an_ignored_file_is_not_seen(repo: Repository) -> None:
    repo.write(".gitignore", "*.log\n")
    repo.commit("Add: What to leave out")
    repo.write("x.log")
    assert repo.status().untracked == ()


def test_staged_unstaged_deleted_and_both(repo: Repository) -> None:
    for name in ("staged", "unstaged", "deleted", "both"):
        repo.write(name)
    repo.commit("Add: Files")
    for name in ("staged", "unstaged", "both"):
        repo.write(name, "changed\n")
    repo.git("add", "staged", "both")
    repo.write("both", "again\n")
    (repo.top / "deleted").unlink()
    assert repo.status() == Workspace(MAIN, (), ("both", "deleted", "staged", "unstaged"))


def test_a_rename_is_one_change_under_its_new_name(repo: Repository) -> None:
    repo.write("old name", "many\nlines\nto\nbe\nknown\nby\n")
    repo.commit("Add: A file")
    repo.git("mv", "old name", "new\nname")
    repo.write("untracked")
    assert repo.status() == Workspace(MAIN, ("untracked",), ("new\nname",))


def test_an_unmerged_file_is_a_change(repo: Repository) -> None:
    repo.git("switch", "--quiet", "--create", "topic")
    repo.write("api/main.py", "theirs\n")
    repo.write("api/ours and theirs.py", "theirs\n")
    repo.commit("Fix: Theirs")
    repo.git("switch", "--quiet", MAIN)
    repo.write("api/main.py", "ours\n")
    repo.write("api/ours and theirs.py", "ours\n")
    repo.commit("Fix: Ours")
    assert repo.call(("git", "merge", "--quiet", "topic")).returncode == 1
    assert repo.status() == Workspace(MAIN, (), ("api/main.py", "api/ours and theirs.py"))


def test_what_a_later_git_may_add_is_passed_over() -> None:
    assert git.parse_status("# stash 3\0? a\0! ignored\0") == Workspace(None, ("a",), ())


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_annotated_tag(repo: Repository) -> None:
    message = f"Release {TAG}: Fix the deadlock\n\n- one\n- two\n"
    repo.git("tag", "--annotate", TAG, "--message", message)
    head = repo.git("rev-parse", "HEAD").strip()
    assert repo.tag() == Tag(
        name=TAG,
        object_id=repo.git("rev-parse", REF).strip(),
        kind="tag",
        commit=head,
        tree=repo.git("rev-parse", "HEAD^{tree}").strip(),
        message=message.strip(),
        tagger="Ada <ada@example.com>",
    )


def test_a_lightweight_tag_says_nothing_and_nobody(repo: Repository) -> None:
    repo.git("tag", TAG)
    found = repo.tag()
    head = repo.git("rev-parse", "HEAD").strip()
    assert (found.kind, found.object_id, found.commit) == ("commit", head, head)
    assert (found.message, found.tagger) == ("", "")
    assert found.tree == repo.git("rev-parse", "HEAD^{tree}").strip()


def test_a_tag_of_a_tag_has_to_be_peeled(repo: Repository) -> None:
    repo.git("tag", "--annotate", "rc", "--message", "a candidate")
    repo.git("tag", "--annotate", TAG, "rc", "--message", "Release")
    found = repo.tag()
    assert (found.kind, found.commit, found.message) == ("tag", "", "Release")
    assert repo.run(git.peel(TAG)).split() == repo.git("rev-parse", "HEAD", "HEAD^{tree}").split()


@pytest.mark.parametrize("of", ["HEAD^{tree}", "HEAD:api/main.py"])
def test_a_tag_of_no_commit(repo: Repository, of: str) -> None:
    repo.git("tag", TAG, of)
    assert (repo.tag().kind, repo.tag().commit) == (repo.git("cat-file", "-t", of).strip(), "")
    repo.git("tag", "--annotate", "--force", TAG, of, "--message", "x")
    assert (repo.tag().kind, repo.tag().commit) == ("tag", "")
    assert repo.call(git.peel(TAG)).returncode != 0


def test_no_such_tag(repo: Repository) -> None:
    assert repo.tag() == Tag(TAG)
    assert repo.tag().kind == "absent"


def test_a_folder_of_tags_is_not_the_tag_of_its_name(repo: Repository) -> None:
    for name in ("1", "2"):
        repo.git("tag", "--annotate", f"{TAG}/{name}", "--message", "a candidate")
    assert repo.tag() == Tag(TAG)
    assert repo.tag(f"{TAG}/1").kind == "tag"


def test_a_branch_of_the_same_name_is_not_the_tag(repo: Repository) -> None:
    repo.git("branch", TAG)
    assert repo.tag() == Tag(TAG)


def test_a_signature_is_seen_and_is_no_part_of_the_message(repo: Repository, tmp_path: Path) -> None:
    signature = "-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQ==\n-----END SSH SIGNATURE-----\n"
    head = repo.git("rev-parse", "HEAD").strip()
    body = (
        f"object {head}\ntype commit\ntag {TAG}\ntagger Ada <ada@example.com> 1767225600 +0000\n\nRelease\n"
    )
    (tmp_path / "tag").write_text(body + signature)
    made = repo.git("hash-object", "-t", "tag", "-w", "tag").strip()
    repo.git("update-ref", REF, made)
    found = repo.tag()
    assert (found.message, found.signature) == ("Release", "unchecked")


def test_tags_are_listed_by_version(repo: Repository) -> None:
    for name in ("v0.10.0-l9", "v0.9.0-l9", "v0.2.0-l9"):
        repo.git("tag", name)
    assert repo.run(git.list_tags()).split() == ["v0.2.0-l9", "v0.9.0-l9", "v0.10.0-l9"]


# ── the rest, on a real origin ───────────────────────────────────────────────────────────────────


def test_what_is_pushed_is_what_the_remote_has_and_what_another_clone_fetches(tmp_path: Path) -> None:
    origin, here, there = tmp_path / "origin", tmp_path / "here", tmp_path / "there"
    here.mkdir()
    repo = Repository(here)
    assert repo.call(git.remote_url()).returncode != 0
    repo.git("init", "--quiet", "--bare", str(origin))
    repo.git("remote", "add", "origin", str(origin))
    assert repo.run(git.remote_url()).strip() == str(origin)
    repo.git("tag", "--annotate", TAG, "--message", "Release")
    assert git.parse_ls_remote(repo.run(git.ls_remote(MAIN, TAG))) == {}
    repo.run(git.push(MAIN, TAG))
    tag = repo.tag()
    assert git.parse_ls_remote(repo.run(git.ls_remote(MAIN, TAG))) == {
        "refs/heads/main": tag.commit,
        REF: tag.object_id,
    }
    repo.git("clone", "--quiet", "--no-tags", str(origin), str(there))
    clone = Repository.__new__(Repository)
    clone.top = there
    clone.run(git.fetch(MAIN, TAG))
    assert clone.tag() == tag
    assert clone.call(git.is_ancestor(tag.commit, "refs/remotes/origin/main")).returncode == 0
    repo.git("tag", "--annotate", "--force", TAG, "--message", "Moved")
    repo.git("push", "--quiet", "--force", "origin", REF)
    assert clone.call(git.fetch(MAIN, TAG)).returncode != 0  # a tag that moved is refused by git itself


def test_a_tags_tree_is_read_and_checked_out(repo: Repository) -> None:
    repo.write("ünï code.txt", "a text\n")
    commit = repo.commit("Add: A text")
    repo.git("tag", TAG)
    repo.write("later")
    repo.commit("Add: Something later")
    assert repo.run(git.read_file(TAG, "ünï code.txt")) == "a text\n"
    assert repo.call(git.read_file(TAG, "later")).returncode != 0
    repo.write("api/main.py", "edited on the host\n")
    repo.run(git.checkout(TAG))
    assert repo.run(git.head()).strip() == commit
    assert repo.status() == Workspace(None, (), ())


def test_entries_of_a_tree() -> None:
    out = "100644 blob aa      12\tapi/a b.py\x00160000 commit bb       -\tsub\x00"
    assert git.parse_entries(out) == {
        "api/a b.py": git.TreeEntry("100644", "blob", "aa", 12),
        "sub": git.TreeEntry("160000", "commit", "bb", 0),
    }
    assert git.list_entries("HEAD")[-1] == "HEAD"


def test_objects_of_a_batch() -> None:
    assert git.read_objects() == ("git", "cat-file", "--batch")
    assert git.parse_objects(b"aa blob 3\na\nb\nbb missing\ncc blob 0\n\n") == [b"a\nb", None, b""]


def test_names_of_files_that_hold_a_pattern() -> None:
    assert git.grep_names("a|b", "HEAD", "*.py")[-5:] == ("-e", "a|b", "HEAD", "--", "*.py")
    assert git.parse_grep_names("HEAD:a b.py\x00HEAD:x:y\x00", "HEAD") == ("a b.py", "x:y")


def test_files_that_a_diff_adds_lines_to() -> None:
    diff = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n+a\n--- a/gone.py\n+++ /dev/null\n--- a/a b.py\n+++ b/a b.py\t\n"
    assert git.parse_changed_files(diff) == ("x.py", "a b.py")


def test_what_lies_in_the_working_directory(repo: Repository, tmp_path: Path) -> None:
    repo.write(".gitignore", "*.log\n")
    repo.write("a b.log", "")
    repo.write("new.py", "")
    assert repo.run(git.list_known()).split("\0") == [".gitignore", "new.py", "api/main.py", ""]
    asked = subprocess.run(
        git.ignored_of(), cwd=repo.top, env=CLEAN, input=b"a b.log\0new.py", capture_output=True
    )
    assert (asked.returncode, asked.stdout) == (0, b"a b.log\0")
    assert repo.run(git.current_branch()) == f"refs/heads/{MAIN}\n"
    assert repo.call(git.known_of_origin(MAIN)).returncode != 0
    assert repo.call(git.origin_head()).returncode != 0
    clone = tmp_path / "clone"
    repo.git("clone", "--quiet", str(repo.top), str(clone))
    there = subprocess.run(git.known_of_origin(MAIN), cwd=clone, env=CLEAN, capture_output=True)
    assert there.returncode == 0
    head = subprocess.run(git.origin_head(), cwd=clone, env=CLEAN, capture_output=True, text=True)
    assert head.stdout == f"refs/remotes/origin/{MAIN}\n"
