"""How preparing a host ended, for people and for machines."""

from __future__ import annotations

from typing import Any

import msgspec

from l9.provision.changes import Change
from l9.provision.session import Look
from l9.provision.snapshot import Agent


class ProvisionReport:
    """`look` is the newest one; `planned` are changes that were not made, `made` those that were.

    `declined`: a person was asked and said no. `seconds`: from the first look to the last.
    """

    def __init__(self, look: Look, *, dry_run: bool) -> None:
        self._dry_run = dry_run
        self.look = look
        self.planned: tuple[Change, ...] = ()
        self.made: tuple[Change, ...] = ()
        self.declined = False
        self.seconds = 0.0

    @property
    def incomplete(self) -> bool:
        """Whether a person has to do something before a release can go live here."""
        blocking = any(need.blocking for need in self.look.needs)
        return blocking or bool(self.look.left) or bool(self.planned and not self._dry_run)

    def document(self) -> dict[str, Any]:
        """The report as one JSON document (schema `l9.provision/1`)."""
        seen = self.look.seen
        return {
            "target": self.look.wanted.config.name,
            "host": self.look.wanted.config.target.host,
            "path": self.look.wanted.path,
            "dry_run": self._dry_run,
            "changed": bool(self.made),
            "ready": not self.incomplete and not self.planned,
            "made": [_document(change) for change in self.made],
            "planned": [_document(change) for change in self.planned],
            "left": [{**_document(c), "commands": list(c.commands())} for c in self.look.left],
            "needs": [need.document() for need in self.look.needs],
            "agent": msgspec.to_builtins(seen.agents.get(self.look.wanted.agents, Agent())),
            "seen": {
                "hostname": seen.hostname,
                "user": seen.me.user,
                "system": seen.system.name,
                "python": ".".join(map(str, seen.python.version)),
                "caddy": seen.caddy.version if seen.caddy else None,
                "docker": seen.docker.engine if seen.docker else None,
            },
            "seconds": round(self.seconds, 3),
        }

    def text(self) -> str:
        """The same for people; the changes themselves were shown already."""
        host, lines = self.look.wanted.config.target.host, []
        if self.look.left:
            lines.append(f"Left to root on {host} (no root, and no sudo without a password):")
            for change in self.look.left:
                lines.append(f"  · {change.title()}")
                lines.extend(f"    {line}" for cmd in change.commands() for line in cmd.splitlines())
        for need in self.look.needs:
            lines.append(f"{'✘' if need.blocking else '▲'} {need.what}")
            lines.append(f"  expected  {need.expected}")
            lines.append(f"  found     {need.found}")
            lines.append(f"  next      {need.remedy}")
        lines.append(self._end(host))
        return "\n".join(lines)

    def _end(self, host: str) -> str:
        if self._dry_run and self.planned:
            return f"· {len(self.planned)} changes for {host}, none made (--dry-run)"
        if self.planned:
            return f"✘ {len(self.planned)} changes not made on {host}"
        if not self.made:
            state = "nothing to change" if not self.look.left else "nothing that we may change"
            return f"✔ {state} on {host}"
        return f"✔ {len(self.made)} changes made on {host} in {self.seconds:.1f} s"


def _document(change: Change) -> dict[str, Any]:
    tag = msgspec.to_builtins(change)["kind"]
    return {"kind": tag, "title": change.title(), "root": change.root, "diff": list(change.diff())}
