"""Git notes on trees: attestations of CGMP, and the API document of a release."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from l9.checks.pipeline.attestation import NAMESPACE, Envelope, problem, read_envelope
from l9.core.facts import Attested
from l9.drivers.git import notes_commands as git_notes
from l9.drivers.git.environment import reason
from l9.drivers.git.runner import run
from l9.drivers.process.programs import Done
from l9.drivers.signing import ssh_keys as ssh_signature
from l9.errors import ActionError

MOST, SIGNATURES = 50, 3  # checked attestations of one tree, and signatures of each
LONGEST = 64 * 1024  # characters of an attestation


class Attestations:
    """The notes of the repository at `top`. `env` is added to the environment of git."""

    def __init__(self, top: Path, env: Mapping[str, str] | None = None) -> None:
        self._top = top
        self._env = env

    def lines(self, tree: str, ref: str = git_notes.CGMP) -> tuple[str, ...]:
        """The lines of a tree's note."""
        done = self._run(git_notes.show_note(ref, tree))
        return tuple(filter(None, done.out.split("\n"))) if done.code == 0 else ()

    def add(self, tree: str, line: str, ref: str = git_notes.CGMP) -> None:
        """Add a line to a tree's note; idempotent."""
        lines = self.lines(tree, ref)
        if line not in lines:
            text = "".join(f"{each}\n" for each in (*lines, line))
            self._checked(git_notes.write_note(ref, tree), text.encode())

    def openapi(self, tree: str) -> Any:
        """The API document of the release with that tree, or None if none was stored."""
        for line in self.lines(tree, git_notes.OPENAPI):
            try:
                return msgspec.json.decode(line)
            except (msgspec.DecodeError, RecursionError):
                continue
        return None

    def keep_openapi(self, tree: str, document: Any) -> None:
        """Store an API document, for comparison with the next release."""
        self.add(tree, msgspec.json.encode(document, order="sorted").decode(), git_notes.OPENAPI)

    def refs(self) -> tuple[str, ...]:
        """The existing references of these notes."""
        done = self._run(git_notes.list_refs(git_notes.NOTES))
        return tuple(done.out.split())

    def merge_remote(self) -> None:
        """Merge origin's notes into the local ones. Raises ActionError if origin cannot be reached."""
        self._checked(git_notes.fetch_notes())
        for ref in (git_notes.CGMP, git_notes.OPENAPI):
            if self._run(git_notes.list_refs(git_notes.theirs(ref))).out.strip():
                self._checked(git_notes.merge_notes(ref))

    def judged(self, name: str, tree: str, allowed: Path | None, where: str) -> Attested:
        """Find an attestation by an allowed signer that the tree of release `name` passed CGMP.

        `where` is the command that writes their file. What cannot be read is a problem of the result, not an error.
        """
        again = shlex.join(("l9", "cgmp", "--attest", *((name,) if name else ())))
        lines = self.lines(tree)
        if not lines:
            return Attested(tree, problem=f"no attestation of tree {tree[:12]}", remedy=again)
        if allowed is None or not allowed.is_file():
            missing = (
                f"no file of allowed signers at {allowed}" if allowed else "no allowed signers are configured"
            )
            return Attested(tree, problem=missing, remedy=where, unseen=True)
        # Matching statements first, so that other people's notes cannot use up the limit.
        read = (read_envelope(line) if len(line) <= LONGEST else None for line in lines)
        found = sorted(read, key=lambda one: one is None or bool(problem(one, tree)))
        why_not: list[str] = []
        for envelope in found[:MOST]:
            try:
                signer, why = self._judge(envelope, tree, allowed)
            except ActionError as error:
                return Attested(tree, problem=error.summary, remedy=error.remedy, unseen=True)
            if not why:
                return Attested(tree, signer)
            why_not.append(why)
        return Attested(tree, problem="; ".join(tuple(dict.fromkeys(why_not))[:3]), remedy=again)

    def _judge(self, envelope: Envelope | None, tree: str, allowed: Path) -> tuple[str, str]:
        """The signer of one attestation, and the problem with it; one of them is empty."""
        if envelope is None:
            return "", "the note is not an attestation"
        why = "it is not signed"
        for one in envelope.signatures[:SIGNATURES]:
            signer = ssh_signature.verify(envelope.signed, one.sig, allowed, NAMESPACE)
            if not signer.problem:
                return signer.name, problem(envelope, tree)
            why = signer.problem
        return "", why

    def _run(self, argv: git_notes.Argv, data: bytes | None = None) -> Done:
        return run(argv, cwd=self._top, env=self._env, timeout=300, data=data)

    def _checked(self, argv: git_notes.Argv, data: bytes | None = None) -> str:
        done = self._run(argv, data)
        if done.code != 0:
            raise ActionError(
                f"{' '.join(argv[:2])} failed on l9's notes",
                expected="readable and writable notes",
                found=reason(done.err),
                remedy=shlex.join(argv),
                log=tuple(done.err.strip().splitlines()[-5:]),
            )
        return done.out
