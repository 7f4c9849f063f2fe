"""The host's clone: the same promises in memory and by real git with a bare origin."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from keys import allow, make_key
from l9.checks.pipeline.attestation import NAMESPACE, PAYLOAD_TYPE, pae, seal, state
from l9.checks.pipeline.attestation_notes import Attestations
from l9.checks.pipeline.stages import CgmpReport, StageResult
from l9.config.layout import Layout
from l9.core.facts import Attested
from l9.core.ports import Source
from l9.core.states import Stage
from l9.drivers.git.source import GitSource
from l9.drivers.signing.ssh_keys import sign
from l9.errors import ActionError
from world.host import World

V1, V2, NEVER = "v1.0.0-l9", "v1.1.0-l9", "v9.9.9-l9"
ADA = "ada@l9.invalid"
QUIET = {
    "GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@l9.invalid", "GIT_COMMITTER_NAME": "T",
    "GIT_COMMITTER_EMAIL": "t@l9.invalid", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
}  # fmt: skip


def git(*args: str, cwd: Path) -> str:
    done = subprocess.run(
        ("git", *args), cwd=cwd, env={**os.environ, **QUIET}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass
class Clone:
    """A host's clone whose origin has two releases. `move` is what somebody does to a tag on origin.

    `attest` pushes an attestation of a tag's tree, by Ada, whose signature counts on the host.
    """

    source: Source
    has_tree: Callable[[str], bool]
    move: Callable[[str], None]
    edit: Callable[[], None]
    attest: Callable[[str], None]


def simulated(_directory: Path) -> Clone:
    world = World()
    for tag in (V1, V2):
        world.tag(tag)

    def edit() -> None:
        world.source.edits = ("app.py",)

    return Clone(
        world.source,
        lambda tag: tag in world.machine.trees,
        world.source.move,
        edit,
        lambda tag: world.source.attest(tag, ADA),
    )


def real(directory: Path) -> Clone:
    work, origin, host = directory / "work", directory / "origin.git", directory / "with space é"
    git("init", "--quiet", "--bare", "--initial-branch=main", str(origin), cwd=directory)
    git("init", "--quiet", "--initial-branch=main", str(work), cwd=directory)
    git("remote", "add", "origin", str(origin), cwd=work)
    for tag in (V1, V2):
        (work / "app.py").write_text(f"print({tag!r})\n")
        git("add", "--all", cwd=work)
        git("commit", "--quiet", "-m", tag, cwd=work)
        git("tag", "-a", tag, "-m", f"Release {tag}", cwd=work)
    git("push", "--quiet", "origin", "main", V1, V2, cwd=work)
    git("clone", "--quiet", "--no-tags", str(origin), str(host), cwd=directory)
    (host / ".git" / "info" / "exclude").write_text(".l9/\n")
    layout = Layout(host)

    def move(tag: str) -> None:
        git("tag", "--force", "-a", tag, "-m", "moved", "HEAD", cwd=work)
        git("push", "--quiet", "--force", "origin", tag, cwd=work)

    key = make_key(directory / "key")
    layout.state.mkdir()
    signers = directory / "allowed_signers"
    allow(signers, (ADA, key))

    def attest(tag: str) -> None:
        tree = git("rev-parse", f"{tag}^{{tree}}", cwd=work)
        stages = tuple(StageResult(stage, True, "run", 1.0, "well") for stage in Stage)
        report = CgmpReport(tree, "a" * 64, "process", stages=stages)
        body = state(report, app="a", commit="c", version="0", configuration={})
        Attestations(work, QUIET).add(tree, seal(body, sign(pae(PAYLOAD_TYPE, body), str(key), NAMESPACE)[0]))
        git("push", "--quiet", "origin", "refs/notes/l9/cgmp", cwd=work)

    return Clone(
        GitSource(layout, "main", signers),
        lambda tag: (layout.tree(tag) / "app.py").exists(),
        move,
        lambda: (host / "app.py").write_text("edited\n") and None,  # type: ignore[func-returns-value]
        attest,
    )


@pytest.fixture(params=[simulated, real])
def clone(request: pytest.FixtureRequest, tmp_path: Path) -> Clone:
    return request.param(tmp_path)


def test_unknown_tag_is_absent_and_no_error(clone: Clone) -> None:
    seen = clone.source.tag(NEVER)
    assert (seen.name, seen.kind, seen.object_id, seen.commit) == (NEVER, "absent", None, "")


def test_fetched_tag_is_known_in_full(clone: Clone) -> None:
    clone.source.fetch(V1)
    seen = clone.source.tag(V1)
    assert (seen.kind, seen.on_main, seen.message) == ("tag", True, f"Release {V1}")
    assert seen.object_id
    assert len({seen.object_id, seen.commit, seen.tree}) == 3
    assert all(len(part) == 40 for part in (seen.object_id, seen.commit, seen.tree))


def test_fetching_again_does_no_harm(clone: Clone) -> None:
    clone.source.fetch(V1)
    before = clone.source.tag(V1)
    clone.source.fetch(V1)
    assert clone.source.tag(V1) == before


def test_tag_that_origin_does_not_have_cannot_be_fetched(clone: Clone) -> None:
    with pytest.raises(ActionError):
        clone.source.fetch(NEVER)


def test_tag_that_moved_is_refused_and_the_known_one_stays(clone: Clone) -> None:
    clone.source.fetch(V1)
    before = clone.source.tag(V1)
    clone.move(V1)
    with pytest.raises(ActionError):
        clone.source.fetch(V1)
    assert clone.source.tag(V1) == before


def test_tree_is_added_and_again_does_no_harm(clone: Clone) -> None:
    clone.source.fetch(V1)
    assert not clone.has_tree(V1)
    for _ in range(2):
        clone.source.add_tree(V1)
        assert clone.has_tree(V1)


def test_tree_of_an_unknown_tag_is_an_error(clone: Clone) -> None:
    with pytest.raises(ActionError):
        clone.source.add_tree(NEVER)


def test_tree_is_removed_and_again_does_no_harm(clone: Clone) -> None:
    clone.source.fetch(V1)
    clone.source.add_tree(V1)
    for _ in range(2):
        clone.source.remove_tree(V1)
        assert not clone.has_tree(V1)
    clone.source.add_tree(V1)
    assert clone.has_tree(V1)


def test_an_attestation_comes_with_the_tag(clone: Clone) -> None:
    clone.source.fetch(V1)
    before = clone.source.attested(V1)
    tree = clone.source.tag(V1).tree
    assert (before.tree, before.signer, before.remedy) == (tree, None, f"l9 cgmp --attest {V1}")
    assert before.problem == f"no attestation of tree {tree[:12]}"
    clone.attest(V1)
    assert clone.source.attested(V1) == before
    for tag in (V1, V2):
        clone.source.fetch(tag)
    assert clone.source.attested(V1) == Attested(tree, ADA)
    assert clone.source.attested(V2).signer is None


def test_checkout_moves_the_head_and_back_again(clone: Clone) -> None:
    for tag in (V1, V2):
        clone.source.fetch(tag)
    for tag in (V1, V2, V2, V1):
        assert clone.source.checkout(tag) == clone.source.tag(tag).commit == clone.source.head()


def test_checkout_of_an_unknown_tag_is_an_error_and_moves_nothing(clone: Clone) -> None:
    clone.source.fetch(V1)
    clone.source.checkout(V1)
    with pytest.raises(ActionError):
        clone.source.checkout(NEVER)
    assert clone.source.head() == clone.source.tag(V1).commit


def test_edited_file_is_drift_and_the_next_checkout_ends_it(clone: Clone) -> None:
    clone.source.fetch(V1)
    clone.source.checkout(V1)
    assert clone.source.drifted() == ()
    clone.edit()
    assert clone.source.drifted() == ("app.py",)
    clone.source.checkout(V1)
    assert clone.source.drifted() == ()


def test_trees_do_not_move_the_checkout_nor_count_as_drift(clone: Clone) -> None:
    for tag in (V1, V2):
        clone.source.fetch(tag)
    clone.source.checkout(V1)
    clone.source.add_tree(V2)
    assert clone.source.head() == clone.source.tag(V1).commit
    assert clone.source.drifted() == ()


def test_a_tree_is_repaired_and_again_does_no_harm(clone: Clone) -> None:
    clone.source.fetch(V1)
    for _ in range(2):
        clone.source.repair_tree(V1)
        assert clone.has_tree(V1)


def test_a_tree_of_an_unknown_tag_cannot_be_repaired(clone: Clone) -> None:
    with pytest.raises(ActionError):
        clone.source.repair_tree(NEVER)


def test_whatever_has_come_into_a_tree_goes_before_the_next_build(tmp_path: Path) -> None:
    """A build may have been killed half-way, and a planted `sitecustomize.py` is run by every Python there."""
    clone = real(tmp_path)
    clone.source.fetch(V1)
    clone.source.add_tree(V1)
    tree = Layout(tmp_path / "with space é").tree(V1)
    (tree / "app.py").write_text("half\n")
    (tree / "sitecustomize.py").write_text("raise SystemExit\n")
    clone.source.repair_tree(V1)
    assert (tree / "app.py").read_text() == f"print({V1!r})\n"
    assert (tree / "sitecustomize.py").exists()
    clone.source.add_tree(V1)
    assert [path.name for path in tree.iterdir()] == ["app.py"]


def test_the_tree_on_the_host_is_what_was_tested(tmp_path: Path) -> None:
    """A tag of a tag, with attributes and settings that change what a checkout writes on either side."""
    clone = real(tmp_path)
    work, host = tmp_path / "work", tmp_path / "with space é"
    (work / ".gitattributes").write_text("app.py export-ignore ident eol=crlf\n")
    (work / "app.py").write_text("print('$Id$')\n")
    git("add", "--all", cwd=work)
    git("commit", "--quiet", "-m", "nested", cwd=work)
    git("tag", "-a", "rc", "-m", "A candidate", cwd=work)
    git("tag", "-a", NEVER, "rc", "-m", "A release", cwd=work)
    git("push", "--quiet", "origin", "main", NEVER, cwd=work)
    git("config", "core.autocrlf", "true", cwd=host)
    clone.source.fetch(NEVER)
    assert clone.source.tag(NEVER).tree == git("rev-parse", "HEAD^{tree}", cwd=work)
    assert clone.source.tag(NEVER).on_main
    clone.source.add_tree(NEVER)
    assert (Layout(host).tree(NEVER) / "app.py").read_bytes() == b"print('$Id$')\n"


def test_a_tag_that_contains_l9s_own_directory_is_refused(tmp_path: Path) -> None:
    clone, work = real(tmp_path), tmp_path / "work"
    (work / ".l9" / "agent").mkdir(parents=True)
    (work / ".l9" / "agent" / "x").write_text("x\n")
    git("add", "--all", cwd=work)
    git("commit", "--quiet", "-m", "own", cwd=work)
    git("tag", "-a", NEVER, "-m", NEVER, cwd=work)
    git("push", "--quiet", "origin", "main", NEVER, cwd=work)
    clone.source.fetch(NEVER)
    with pytest.raises(ActionError, match=r"\.l9/ is reserved for l9"):
        clone.source.add_tree(NEVER)
    assert not clone.has_tree(NEVER)


# ── what only a real clone can gather ────────────────────────────────────────────────────────────


def _many_releases(host: Path, count: int) -> None:
    """What so many fetches leave: loose objects, and a loose reference for each tag."""
    tag = git("rev-parse", f"{V1}^{{tag}}", cwd=host)
    text = git("cat-file", "tag", tag, cwd=host)
    for number in range(count):
        name = f"v0.1.{number}-l9"
        written = subprocess.run(
            ("git", "hash-object", "-t", "tag", "-w", "--stdin"), cwd=host, capture_output=True, check=True,
            input=text.replace(f"tag {V1}", f"tag {name}").encode() + b"\n",
        ).stdout.decode().strip()  # fmt: skip
        (host / ".git" / "refs" / "tags" / name).write_text(written + "\n", encoding="ascii")


def test_many_fetches_leave_a_clone_that_is_packed_again(tmp_path: Path) -> None:
    clone, host = real(tmp_path), tmp_path / "with space é"
    clone.source.fetch(V1)
    before = sorted((host / ".git").rglob("*"))
    clone.source.tidy()
    assert sorted((host / ".git").rglob("*")) == before  # nothing to do for a few
    _many_releases(host, 12)
    folder = host / ".git" / "objects" / "17"  # by which the rest is estimated
    folder.mkdir(exist_ok=True)
    for number in range(3):
        (folder / f"{number:038x}").touch()
    clone.source.tidy()
    loose = [path for path in (host / ".git" / "objects").glob("??/*") if path.parent != folder]
    assert loose == []
    assert list((host / ".git" / "refs" / "tags").iterdir()) == []
    assert clone.source.tag("v0.1.7-l9").kind == "tag"
    clone.source.fetch(V2)
    assert clone.source.tag(V2).on_main
    assert clone.source.checkout(V2) == clone.source.tag(V2).commit
