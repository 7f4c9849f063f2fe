"""What was found out about blobs, kept by their id: the same answers as without, and only what is new is looked at."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from l9.drivers.git import tree as trees
from l9.drivers.git.objects.kept import KeptAnswers
from l9.drivers.git.tree import GitTree

PATTERN = r"environ|[A-Za-z]Settings|Settings\b"
FILES = {
    "a.py": b"import os\nos.environ['A']\n",
    "b.py": b"class Settings:\n    pass\n",
    "c.py": b"x = 1\n",
    "deep/d.py": b"MySettings\n",
    "e.txt": b"environ\n",
    "binary.py": b"\0environ\n",
    "umlaut.py": "# ähnlich\nenviron\n".encode("latin-1"),
}


class Repo:
    def __init__(self, top: Path) -> None:
        self.top = top
        self.kept = KeptAnswers(top / ".git" / "l9" / "blobs")
        self.git("init", "--quiet", "--initial-branch=main")
        for name in ("user.name", "user.email"):
            self.git("config", name, "test@l9.invalid")
        self.commit(FILES)

    def git(self, *args: str) -> None:
        subprocess.run(("git", *args), cwd=self.top, check=True)

    def commit(self, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            (self.top / name).parent.mkdir(exist_ok=True)
            (self.top / name).write_bytes(data)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Add: Files")

    def tree(self, *, kept: bool = True) -> GitTree:
        return GitTree(self.top, "HEAD", kept=self.kept if kept else None)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path)


@pytest.mark.parametrize("many", [0, 500])
def test_a_tree_is_the_same_with_and_without_kept_answers(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(trees, "MANY", many)  # git looks at the whole tree, or at each unknown blob
    for more in ({}, {"f.py": b"environ\n", "c.py": b"Settings = 2\n", "large.py": b"x" * 5000}):
        if more:
            repo.commit(more)
        for _ in range(2):
            assert repo.tree().entries == repo.tree(kept=False).entries
            assert repo.tree().holding_by_name(PATTERN, ".py") == repo.tree(kept=False).holding_by_name(
                PATTERN, ".py"
            )


def test_a_known_blob_is_not_looked_at_again(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    run = GitTree._git

    def noted(self: GitTree, argv: tuple[str, ...], data: bytes | None = None, *, none: int = 0) -> bytes:
        asked.append((*argv, *(data or b"").decode().split()))
        return run(self, argv, data, none=none)

    found = repo.tree().holding_by_name(PATTERN, ".py")
    monkeypatch.setattr(GitTree, "_git", noted)
    assert repo.tree().holding_by_name(PATTERN, ".py") == found
    assert [argv[1] for argv in asked] == ["ls-tree"]
    assert "-l" not in asked[0]
    asked.clear()
    repo.commit({"new.py": b"environ, anew\n"})
    assert repo.tree().holding_by_name(PATTERN, ".py") == tuple(sorted((*found, "new.py")))
    new = subprocess.run(
        ("git", "rev-parse", "HEAD:new.py"), cwd=repo.top, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert [argv[-1] for argv in asked[1:]] == [new, new]  # its size, and its content


def test_a_file_without_findings_is_looked_at_once(repo: Repo) -> None:
    looks: list[str] = []

    def look(found: tuple[str, ...]) -> tuple[str, ...]:
        looks.append("look")
        return found

    for _ in range(2):
        assert repo.tree().unless_nothing("q", "c.py", lambda: look(())) == ()
    assert len(looks) == 1
    for _ in range(2):
        assert repo.tree().unless_nothing("q", "a.py", lambda: look(("found",))) == ("found",)
    assert len(looks) == 3
    assert repo.tree().unless_nothing("other", "c.py", lambda: look(("more",))) == ("more",)


def test_an_unreadable_answer_counts_as_missing_and_a_full_disk_keeps_none(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = repo.tree().entries
    for file in (repo.top / ".git" / "l9" / "blobs").iterdir():
        file.write_bytes(b"{")
    assert repo.tree().entries == entries
    repo.kept = KeptAnswers(repo.top / "a.py" / "no-folder")
    assert repo.tree().entries == entries


def test_too_many_answers_are_those_of_the_newest_tree(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("l9.drivers.git.objects.kept.MOST", 2)
    repo.kept.keep("q", {"a": 1, "b": 2, "c": 3}, ("b", "unknown"))
    assert repo.kept.of("q") == {"b": 2}
