"""The simulated clone on the host, and its origin."""

from __future__ import annotations

import hashlib
from typing import Any

from msgspec.structs import replace

from l9.core.facts import Attested, Tag, TagFile
from l9.errors import ActionError

from .acts import Acts


def tag_of(name: str) -> Tag:
    """The annotated tag that origin has under this name."""
    commit, tree, object_id = (
        hashlib.sha1(f"{what} {name}".encode()).hexdigest() for what in ("commit", "tree", "tag")
    )
    return Tag(
        name, object_id, "tag", commit, tree, f"Release {name}", "Demo <demo@l9.invalid>", on_main=True
    )


class FakeSource:
    """Implements `Source`."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._machine = acts.machine
        self.origin: dict[str, Tag] = {}
        self.clone: dict[str, Tag] = {}
        self.edits: tuple[str, ...] = ()
        self.origin_notes: dict[str, Attested] = {}
        self.noted: dict[str, Attested] = {}

    def tidy(self) -> None:
        """Nothing: memory is tidy."""

    def fetch(self, name: str) -> str:
        with self._acts.act("source.fetch", name):
            if name not in self.origin:
                raise ActionError(
                    f"cannot fetch {name} from origin on the host", expected=name, found="no such tag"
                )
            if self.clone.setdefault(name, self.origin[name]) != self.origin[name]:
                raise ActionError(
                    f"cannot fetch {name} from origin on the host",
                    expected=name,
                    found="would clobber existing tag",
                )
            self.noted = dict(self.origin_notes)
        return f"{name} fetched"

    def tag(self, name: str) -> Tag:
        self._acts.look("source.tag")
        return self.clone.get(name, Tag(name))

    def attested(self, name: str) -> Attested:
        self._acts.look("source.attested")
        tree = self.tag(name).tree
        missing = f"no attestation of tree {tree[:12]}"
        return self.noted.get(tree, Attested(tree, problem=missing, remedy=f"l9 cgmp --attest {name}"))

    def file(self, name: str, path: str) -> TagFile | None:
        self._acts.look("source.file")
        return None

    def add_tree(self, name: str) -> str:
        with self._acts.act("source.add_tree", name):
            if name not in self.clone:
                raise ActionError(f"no tag {name}", expected="a tag", found="none")
            self._machine.trees.add(name)
        return "tree"

    def repair_tree(self, name: str) -> None:
        with self._acts.act("source.repair_tree", name):
            if name not in self.clone:
                raise ActionError(f"no tag {name}", expected="a tag", found="none")
            self._machine.trees.add(name)

    def remove_tree(self, name: str) -> None:
        with self._acts.act("source.remove_tree", name):
            self._machine.trees.discard(name)
            self._acts.within(f"source.remove_tree {name}: tree gone, snapshots there")
            self._machine.built.pop(name, None)
            self._machine.settings.discard(name)

    def checkout(self, name: str) -> str:
        with self._acts.act("source.checkout", name):
            if name not in self.clone:
                raise ActionError(f"no tag {name}", expected="a tag", found="none")
            self._machine.head, self.edits = self.clone[name].commit, ()
        return self.clone[name].commit

    def head(self) -> str | None:
        self._acts.look("source.head")
        return self._machine.head

    def edited(self) -> tuple[str, ...]:
        self._acts.look("source.edited")
        return self.edits

    def drifted(self) -> tuple[str, ...]:
        self._acts.look("source.drifted")
        return self.edits

    def attest(self, name: str, signer: str | None = "ada@l9.invalid", **why: Any) -> None:
        """Somebody pushes an attestation of the tag's tree; without a signer it is one that does not count."""
        tree = self.origin[name].tree
        self.origin_notes[tree] = Attested(tree, signer, **why)

    def move(self, name: str) -> None:
        """Somebody moves a tag on origin."""
        self.origin[name] = replace(self.origin[name], object_id="f" * 40, commit="e" * 40)
