"""Notes on trees, by real git with a real origin: kept, pushed with the tag, merged, judged on the other side."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from keys import allow, make_key
from l9.checks.pipeline.attestation import NAMESPACE, PAYLOAD_TYPE, Envelope, pae, read_envelope, seal, state
from l9.checks.pipeline.attestation_notes import LONGEST, Attestations
from l9.checks.pipeline.stages import CgmpReport, StageResult
from l9.config.layout import Layout
from l9.configuration import parse
from l9.core.states import Stage
from l9.drivers.git.repo import GitRepo
from l9.drivers.git.source import GitSource
from l9.drivers.signing.ssh_keys import sign
from l9.errors import ActionError

TAG, ADA, BOB, EVE = "v1.0.0-l9", "ada@l9.invalid", "bob@l9.invalid", "eve@l9.invalid"
CONFIG = 'app = "l9-api"\n[release]\nallowed_signers = "allowed"\n[targets.production]\nhost = "local"\n'
NOTES = "refs/notes/l9/cgmp"


@dataclass
class Scene:
    """Two working copies and a host's clone of one origin, and the keys of three people; Eve's is not allowed."""

    root: Path

    def __post_init__(self) -> None:
        self.work, self.other, self.host = (self.root / name for name in ("work", "other", "host"))
        self.origin = self.root / "origin.git"
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.origin), cwd=self.root)
        self.git("init", "--quiet", "--initial-branch=main", str(self.work), cwd=self.root)
        self.git("remote", "add", "origin", str(self.origin))
        self.keys = {name: make_key(self.root / name) for name in (ADA, BOB, EVE)}
        allow(self.work / "allowed", *((name, self.keys[name]) for name in (ADA, BOB)))
        self.commit("one")
        self.git("push", "--quiet", "origin", "main")
        for place in (self.other, self.host):
            self.git("clone", "--quiet", str(self.origin), str(place), cwd=self.root)
        self.layout = Layout(self.host)
        self.layout.state.mkdir()
        self.signers = self.layout.state / "allowed_signers"
        allow(self.signers, *((name, self.keys[name]) for name in (ADA, BOB)))

    @property
    def repo(self) -> GitRepo:
        return GitRepo(self.work, parse(CONFIG))

    @property
    def notes(self) -> Attestations:
        return Attestations(self.work)

    @property
    def source(self) -> GitSource:
        return GitSource(self.layout, "main", self.signers)

    @property
    def tree(self) -> str:
        return self.git("rev-parse", "HEAD^{tree}")

    def git(self, *args: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ("git", *args), cwd=cwd or self.work, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, text: str) -> None:
        (self.work / "app.py").write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Add: Something")

    def line(self, who: str = ADA, tree: str = "", *, stages: tuple[Stage, ...] = tuple(Stage)) -> str:
        results = tuple(StageResult(one, True, "run", 1.0, "well") for one in stages)
        report = CgmpReport(tree or self.tree, "a" * 64, "process", stages=results)
        body = state(report, app="l9-api", commit="c", version="0", configuration={})
        signature, keyid = sign(pae(PAYLOAD_TYPE, body), str(self.keys[who]), NAMESPACE)
        return seal(body, signature, keyid)

    def release(self, *lines: str) -> None:
        self.git("tag", "-a", TAG, "-m", f"Release {TAG}: Something")
        for line in lines:
            self.notes.add(self.tree, line)
        self.repo.push(TAG)
        self.source.fetch(TAG)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    for kind in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{kind}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{kind}_EMAIL", ADA)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    return Scene(tmp_path)


# ── notes ────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_noted_at_first(scene: Scene) -> None:
    assert scene.notes.lines(scene.tree) == ()
    assert scene.notes.refs() == ()
    assert scene.notes.openapi(scene.tree) is None


def test_several_lines_of_one_tree_each_once(scene: Scene) -> None:
    for line in ("one", "two", "one"):
        scene.notes.add(scene.tree, line)
    assert scene.notes.lines(scene.tree) == ("one", "two")
    assert scene.notes.refs() == (NOTES,)


def test_the_api_document_of_a_release(scene: Scene) -> None:
    document: dict[str, Any] = {"openapi": "3.1.0", "paths": {"/ü": {}}}
    scene.notes.keep_openapi(scene.tree, document)
    assert scene.notes.openapi(scene.tree) == document
    scene.git("notes", "--ref=refs/notes/l9/openapi", "add", "-f", "-m", "no JSON", scene.tree)
    assert scene.notes.openapi(scene.tree) is None


def test_two_people_attest_the_same_tree_and_neither_is_lost(scene: Scene) -> None:
    scene.notes.add(scene.tree, "mine")
    there = Attestations(scene.other)
    there.add(scene.tree, "theirs")
    scene.git("push", "--quiet", "origin", NOTES, cwd=scene.other)
    scene.git("tag", "-a", TAG, "-m", f"Release {TAG}: Something")
    assert scene.repo.push(TAG) == f"main, notes and {TAG} on origin"
    there.merge_remote()
    assert set(there.lines(scene.tree)) == set(scene.notes.lines(scene.tree)) == {"mine", "theirs"}


def test_notes_go_with_the_tag_or_not_at_all(scene: Scene) -> None:
    hook = scene.origin / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase "$1" in refs/notes/*) echo no notes here >&2; exit 1;; esac\n')
    hook.chmod(0o755)
    scene.git("tag", "-a", TAG, "-m", f"Release {TAG}: Something")
    scene.notes.add(scene.tree, scene.line())
    with pytest.raises(ActionError) as caught:
        scene.repo.push(TAG)
    assert NOTES in caught.value.found
    assert "origin must allow" in caught.value.found
    assert caught.value.remedy == f"git push origin {NOTES}"
    assert TAG not in scene.git("ls-remote", "--tags", "origin")


def test_without_notes_nothing_is_asked_for_more(scene: Scene) -> None:
    scene.git("tag", "-a", TAG, "-m", f"Release {TAG}: Something")
    assert scene.repo.push(TAG) == f"main and {TAG} on origin"
    assert "notes" not in scene.git("ls-remote", "origin")


def test_an_origin_out_of_reach(scene: Scene) -> None:
    scene.git("remote", "set-url", "origin", str(scene.root / "nowhere"))
    with pytest.raises(ActionError) as caught:
        scene.notes.merge_remote()
    assert "does not appear to be a git repository" in caught.value.found


# ── judged, here and on the host ─────────────────────────────────────────────────────────────────


def test_one_that_counts(scene: Scene) -> None:
    scene.release(scene.line(ADA))
    for seen in (scene.repo.attested(TAG), scene.repo.attested(""), scene.source.attested(TAG)):
        assert (seen.tree, seen.signer, seen.problem) == (scene.tree, ADA, "")


def test_one_of_many_is_enough(scene: Scene) -> None:
    scene.release("no JSON", scene.line(EVE), *(f'{{"noise": {n}}}' for n in range(60)), scene.line(BOB))
    assert scene.source.attested(TAG).signer == BOB


def test_each_reason_why_none_counts_is_told_once(scene: Scene) -> None:
    scene.release("LGTM", "LGTM too", scene.line(EVE))
    problem = scene.source.attested(TAG).problem
    assert problem == "it is signed by an unknown key; the note is not an attestation"


def test_none(scene: Scene) -> None:
    scene.release()
    seen = scene.source.attested(TAG)
    assert (seen.problem, seen.remedy) == (
        f"no attestation of tree {scene.tree[:12]}",
        f"l9 cgmp --attest {TAG}",
    )
    assert scene.repo.attested("").remedy == "l9 cgmp --attest"


def test_signed_by_somebody_unknown(scene: Scene) -> None:
    scene.release(scene.line(EVE))
    for seen in (scene.source.attested(TAG), scene.repo.attested(TAG)):
        assert (seen.signer, seen.problem) == (None, "it is signed by an unknown key")


def test_not_signed(scene: Scene) -> None:
    bare = {**json.loads(scene.line()), "signatures": []}
    scene.release(json.dumps(bare))
    assert scene.source.attested(TAG).problem == "it is not signed"


def signed_by(scene: Scene, *people: str) -> str:
    """One attestation with a signature of each."""
    lines = [json.loads(scene.line(who)) for who in people]
    return json.dumps(lines[0] | {"signatures": [one["signatures"][0] for one in lines]})


@pytest.mark.parametrize(("strangers", "signer"), [(2, ADA), (3, None)])
def test_only_the_first_signatures_are_looked_at(scene: Scene, strangers: int, signer: str | None) -> None:
    scene.release(signed_by(scene, *(EVE,) * strangers, ADA))
    assert scene.source.attested(TAG).signer == signer


@pytest.mark.parametrize(("longer", "signer"), [(0, ADA), (1, None)])
def test_one_that_is_too_long_is_none(scene: Scene, longer: int, signer: str | None) -> None:
    line = scene.line()
    filled = f'{{"filling": "", {line[1:]}'
    filled = filled.replace('""', f'"{"x" * (LONGEST + longer - len(filled))}"', 1)
    assert len(filled) == LONGEST + longer
    scene.release(filled)
    seen = scene.source.attested(TAG)
    assert seen.signer == signer
    assert seen.problem == ("the note is not an attestation" if longer else "")


def test_a_line_ends_at_a_line_feed_and_nowhere_else(scene: Scene) -> None:
    noted = json.dumps({"said": "one\u2028two\x85three"}, ensure_ascii=False)
    scene.notes.add(scene.tree, noted)
    assert scene.notes.lines(scene.tree) == (noted,)


def test_no_envelope(scene: Scene) -> None:
    scene.release("LGTM")
    assert scene.source.attested(TAG).problem == "the note is not an attestation"


def test_a_payload_that_was_changed(scene: Scene) -> None:
    """One that says nothing of two stages is made to say that they passed."""
    honest = read_envelope(scene.line(stages=(Stage.FIX, Stage.SIM)))
    full = read_envelope(scene.line())
    assert honest
    assert full
    scene.release(seal(full.payload, honest.signatures[0].sig))
    assert scene.source.attested(TAG).problem == f"the signature of {ADA} does not verify"


def test_one_that_says_nothing_of_a_stage(scene: Scene) -> None:
    scene.release(scene.line(stages=(Stage.FIX, Stage.SIM)))
    assert scene.source.attested(TAG).problem == "its result is FAILED; not passed: cov, oracle"


def test_one_of_another_tree_copied_here(scene: Scene) -> None:
    before, line = scene.tree, scene.line()
    scene.commit("two")
    scene.release(line)
    assert scene.source.attested(TAG).problem == f"it is for another tree, {before[:12]}"


def test_one_for_another_kind_of_payload(scene: Scene) -> None:
    """The type is signed too: a statement that was signed as something else is none."""
    envelope = read_envelope(scene.line())
    assert envelope
    other = "application/json"
    signature, _ = sign(pae(other, envelope.payload), str(scene.keys[ADA]), NAMESPACE)
    line = json.dumps(json.loads(seal(envelope.payload, signature)) | {"payloadType": other})
    assert read_envelope(line) == Envelope(envelope.payload, other, read_envelope(line).signatures)  # type: ignore[union-attr]
    scene.release(line)
    assert scene.source.attested(TAG).problem == "the signed statement is not a test result"


def test_a_host_without_allowed_signers(scene: Scene) -> None:
    scene.release(scene.line())
    scene.signers.unlink()
    seen = scene.source.attested(TAG)
    assert (seen.unseen, seen.remedy) == (True, "l9 provision")
    assert f"no file of allowed signers at {scene.signers}" in seen.problem


def test_a_host_without_ssh_keygen(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.release(scene.line())
    tools = scene.root / "tools"
    tools.mkdir()
    (tools / "git").symlink_to("/usr/bin/git")
    monkeypatch.setenv("PATH", str(tools))
    seen = scene.source.attested(TAG)
    assert (seen.unseen, seen.signer) == (True, None)
    assert (seen.problem, seen.remedy) == (
        "ssh-keygen cannot be run: No such file or directory",
        "apt-get install openssh-client",
    )


def test_nobody_is_configured_to_sign(scene: Scene) -> None:
    scene.release(scene.line())
    bare = GitRepo(scene.work, parse('app = "l9-api"\n[targets.production]\nhost = "local"\n'))
    seen = bare.attested(TAG)
    assert (seen.unseen, seen.problem) == (True, "no allowed signers are configured")
    scene.git("config", "gpg.ssh.allowedSignersFile", str(scene.signers))
    assert bare.attested(TAG).signer == ADA


def test_who_may_sign_is_what_main_says_and_not_what_lies_here(scene: Scene) -> None:
    """Nobody can put themselves among the signers on the way."""
    allow(scene.work / "allowed", (EVE, scene.keys[EVE]))
    scene.git("switch", "--quiet", "--create", "mine")
    scene.commit("two")
    scene.notes.add(scene.tree, scene.line(EVE))
    assert scene.repo.attested("").problem == "it is signed by an unknown key"
    main = parse(CONFIG.replace('"allowed"', '"elsewhere"'))
    seen = GitRepo(scene.work, main).attested("")
    assert (seen.unseen, seen.problem) == (
        True,
        "no elsewhere on origin's main to verify the signature with",
    )


def test_a_note_that_was_taken_back_on_origin_is_gone_on_the_host(scene: Scene) -> None:
    scene.release(scene.line())
    assert scene.source.attested(TAG).signer == ADA
    scene.git("notes", f"--ref={NOTES}", "remove", scene.tree)
    scene.git("push", "--quiet", "--force", "origin", NOTES)
    scene.source.fetch(TAG)
    assert scene.source.attested(TAG).signer is None
