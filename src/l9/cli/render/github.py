"""A run in the log of GitHub Actions: one group per phase, one error annotation, and the job summary."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import IO

from l9.cli.render.plain import PlainView
from l9.cli.render.rows import Row, plain
from l9.cli.render.sections import Section, section_of
from l9.core import events as ev
from l9.core.states import State


class GithubView(PlainView):
    """Plain lines between workflow commands. `summary` is the file of the job summary."""

    def __init__(self, out: IO[str], summary: Path | None, *, verbose: bool = False) -> None:
        super().__init__(out, verbose=verbose)
        self._summary = summary
        self._section: Section | None = None

    def entry(self, entry: ev.Entry) -> None:
        body = entry.body
        if isinstance(body, ev.GateEntered | ev.GateOpened | ev.GateClosed):
            self._enter(section_of(body.gate))
        elif isinstance(body, ev.RunFinished):
            self._enter(None)
        rows = self._narrator.rows(entry)
        for row in rows:
            self.row(row)
        if isinstance(body, ev.RunFinished):
            self._end(body.outcome, rows)

    def row(self, row: Row) -> None:
        """Write a line that the runner cannot mistake for a workflow command."""
        self._write(plain(row, self._charset).replace("##[", "## ["))

    def close(self) -> None:
        self._enter(None)

    def _enter(self, section: Section | None) -> None:
        if section is self._section:
            return
        if self._section is not None:
            self._write("::endgroup::")
        if section is not None:
            self._write(f"::group::{section}")
        self._section = section

    def _end(self, outcome: State, rows: list[Row]) -> None:
        lines = [plain(row, self._charset) for row in rows]
        if outcome is not State.SUCCESS:
            found = next((row.text for row in rows if row.name in ("found", "cause")), "")
            title = _escaped(self._charset.text(rows[0].text), property=True)
            self._write(f"::error title={title}::{_escaped(self._charset.text(found))}")
        if self._summary is not None:
            with suppress(OSError), self._summary.open("a", encoding="utf-8") as file:
                file.write(f"### l9: {outcome}\n\n{_fenced(lines)}\n")


def _escaped(text: str, *, property: bool = False) -> str:
    """Escape a value of a workflow command, as GitHub's own toolkit does."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property else text


def _fenced(lines: list[str]) -> str:
    """Return a Markdown code block whose fence no line can close."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}text", *lines, fence])
