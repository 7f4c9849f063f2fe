"""Paths of a server's settings, its allowed signers, and the agent, as provisioning writes them.

With root, only root can write or rename there. Without root (the embedded default), they are in the target's own
directory: whoever can write there controls the target.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

ETC = Path("/etc/l9")
LIB = Path("/usr/lib/l9")


class Provisioned(msgspec.Struct, frozen=True):
    """The paths that provisioning writes for one instance. `by_root`: only root may write them."""

    settings: Path
    allowed_signers: Path
    agents: Path
    by_root: bool

    @property
    def agent(self) -> Path:
        """The agent's program, through the link to the version in use."""
        return self.agents / "bin" / "l9"

    @property
    def guarded(self) -> tuple[Path, ...]:
        """The directories that only root may write, each after its parent; none without root."""
        etc = self.settings.parent
        return (etc.parent, etc, self.agents.parent, self.agents) if self.by_root else ()


def for_instance(instance: str) -> Provisioned:
    """Return the paths of an instance that root provisioned."""
    etc = ETC / instance
    return Provisioned(etc / "settings.json", etc / "allowed_signers", LIB / instance, by_root=True)


def in_directory(root: Path) -> Provisioned:
    """Return the paths of a target that was provisioned without root, in its own directory `root`."""
    state = root / ".l9"
    return Provisioned(state / "settings.json", state / "allowed_signers", state / "agent", by_root=False)
