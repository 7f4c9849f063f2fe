"""The result of provisioning a host, for people and for machines."""

from __future__ import annotations

from msgspec.structs import replace

from l9.protocol.answers.provision import HostNeed, InstalledAgent, PlannedChange, Provision, SeenHost
from l9.provision.changes import Change
from l9.provision.needs import Need
from l9.provision.session import Look
from l9.provision.snapshot import Agent


class ProvisionReport:
    """`look` is the latest one; `planned` are the changes that were not made, `made` those that were.

    `declined`: a person answered no. `seconds`: from the first look to the last.
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
        """True if a person has to do something before a release can go live here."""
        blocking = any(need.blocking for need in self.look.needs)
        return blocking or bool(self.look.left) or bool(self.planned and not self._dry_run)

    def answer(self) -> Provision:
        """Return the report for machines."""
        snapshot = self.look.snapshot
        agent = snapshot.agents.get(self.look.wanted.agents, Agent())
        return Provision(
            target=self.look.wanted.config.name,
            host=self.look.wanted.config.target.host,
            path=self.look.wanted.path,
            dry_run=self._dry_run,
            changed=bool(self.made),
            ready=not self.incomplete and not self.planned,
            made=tuple(map(_change, self.made)),
            planned=tuple(map(_change, self.planned)),
            left=tuple(replace(_change(one), commands=one.commands()) for one in self.look.left),
            needs=tuple(map(_need, self.look.needs)),
            agent=InstalledAgent(current=agent.current, installed=agent.installed),
            seen=SeenHost(
                hostname=snapshot.hostname,
                user=snapshot.me.user,
                system=snapshot.system.name,
                python=".".join(map(str, snapshot.python.version)),
                caddy=snapshot.caddy.version if snapshot.caddy else None,
                docker=snapshot.docker.engine if snapshot.docker else None,
            ),
            seconds=round(self.seconds, 3),
        )

    def text(self) -> str:
        """Format the report for people; the changes themselves were already printed."""
        host, lines = self.look.wanted.config.target.host, []
        if self.look.left:
            lines.append(f"Run as root on {host} (l9 has no root login and no passwordless sudo there):")
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
            return f"· {len(self.planned)} changes planned for {host}, none made (--dry-run)"
        if self.planned:
            return f"✘ {len(self.planned)} changes not made on {host}"
        if not self.made:
            state = "nothing to change" if not self.look.left else "nothing to change without root"
            return f"✔ {state} on {host}"
        return f"✔ {len(self.made)} changes made on {host} in {self.seconds:.1f} s"


def _change(change: Change) -> PlannedChange:
    kind = str(change.__struct_config__.tag)
    return PlannedChange(kind=kind, title=change.title(), root=change.root, diff=change.diff())


def _need(need: Need) -> HostNeed:
    return HostNeed(
        what=need.what,
        expected=need.expected,
        observed=need.found,
        remedy=need.remedy,
        blocking=need.blocking,
    )
