"""`docs/benchmarks.md` and its plots, written from the JSON document of one run, so that they agree with each other.

python -m bench.page [--check] [DOCUMENT]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bench.figures import formatted
from bench.svg import Bar, plot

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "bench" / "last_run.json"
PAGE, PLOTS = "docs/benchmarks.md", "docs/benchmarks"
Section = tuple[str, str, str, tuple[str, ...]]
# name of the plot, title, text, and the beginnings of the figures' keys
SECTIONS: tuple[Section, ...] = (
    ("deploy", "A deploy of a built image", "Soak and bake are 0. The floor is `docker run` of the same image to the "
     "first 200, in the same run.", ("deploy.proof", "deploy.success", "deploy.prompt")),
    ("deploy-parts", "A deploy, broken down", "One after the other, from the prompt and back.", ("deploy.part.",)),
    ("rollback", "A rollback", "Warm: the old slot waits, paused. Cold: it is stopped.",
     ("warm.", "rollback.above", "cold.")),
    ("rollback-parts", "A rollback from the prompt, broken down",
     "One after the other. What remains above the floor is the sum of all rows but ssh.", ("rollback.part.",)),
    ("delay", "80 ms away", "A round trip of 80 ms between the operator and the host.", ("delay.",)),
    ("record", "Releases on record", "Nothing may grow with the number of releases.", ("record.",)),
    ("journal", "A long journal", "100,000 entries.", ("journal.",)),
    ("check", "Before a release", "`l9 check` keeps what it found out about each blob by the blob's id.",
     ("check.", "help")),
    ("cost", "CPU and bytes", "Of whole commands.", ("cost.", "memory.", "ssh.")),
    ("load", "Beside a plain script, under load",
     "60 requests a second and slow ones, event streams and WebSockets besides. The plain script is "
     "[plain_deploy.sh](../bench/plain_deploy.sh).", ("load.",)),
)  # fmt: skip


def files_of(document: dict[str, Any]) -> dict[str, str]:
    """Return the page and its plots by path from the repository's root."""
    machine = document["machine"]
    load = ", ".join(f"{value:g}" for value in machine["load"])
    lines = [
        "# Benchmarks", "",
        "Written by `make bench`: do not edit. Figures, not tests: no timing fails a build.", "",
        f"{machine['cpus']} CPUs, Python {machine['python']}, Linux {machine['kernel']}; load at the end {load}; "
        f"{document['runs']} runs of each, {document['seconds']:.0f} s in all, on the {document['ground']} ground. "
        "Bars are medians, whiskers go from the least to the most, a dashed line is the wanted limit, a thin bar is "
        "the floor that was measured beside it. The limit of a difference applies to what is above the floor.", "",
    ]  # fmt: skip
    found: dict[str, str] = {}
    for name, title, text, keys in SECTIONS:
        figures = [one for one in document["figures"] if one["key"].startswith(keys)]
        if not figures:
            continue
        found[f"{PLOTS}/{name}.svg"] = plot(title, [_bar(one) for one in figures])
        lines += [f"## {title}", "", text, "", f"![{title}](benchmarks/{name}.svg)", ""]
        lines += ["| | median | least–most | floor | above it | wanted | |", "|---|---|---|---|---|---|---|"]
        lines += [_row(one) for one in figures]
        lines += ["", *(f"- {one['title']}: {one['note']}" for one in figures if one["note"])]
        lines += [""] if lines[-1] else []
    found[PAGE] = "\n".join(lines).rstrip() + "\n"
    return found


def _bar(one: dict[str, Any]) -> Bar:
    beside = one.get("beside")
    target = one["target"]
    if target is not None and one["target_is_for"] == "difference" and beside:
        target += beside["median"]
    return Bar(
        one["title"], one["unit"], one["median"], one["min"], one["max"], target and round(target, 3),
        beside["median"] if beside else None, beside["what"] if beside else "", one["met"],
    )  # fmt: skip


def _row(one: dict[str, Any]) -> str:
    unit, beside, above = one["unit"], one.get("beside"), one.get("difference")
    sign = "+" if one["target_is_for"] == "difference" else ""
    cells = (
        one["title"],
        f"{formatted(one['median'])} {unit}".strip(),
        f"{formatted(one['min'])}–{formatted(one['max'])}",
        f"{formatted(beside['median'])} ({beside['what']})" if beside else "",
        formatted(above["median"], "+")
        if above
        else f"{one['ratio']['median']:.2f} ×"
        if "ratio" in one
        else "",
        f"{sign}{formatted(one['target'])}" if one["target"] is not None else "",
        {True: "✔", False: "✘", None: ""}[one["met"]],
    )
    return f"| {' | '.join(cells)} |"


def write(document: dict[str, Any], root: Path = ROOT) -> None:
    """Write page and plots; plots of a section that is gone are removed."""
    files = files_of(document)
    for old in (root / PLOTS).glob("*.svg"):
        old.unlink()
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def keep(document: dict[str, Any], *, merge: bool = False, path: Path = DOCUMENT) -> None:
    """Keep the document of a run, and write the page. merge: keep the other figures of the last run."""
    if merge and path.exists():
        older = json.loads(path.read_text(encoding="utf-8"))
        known = {one["key"]: one for one in (*older["figures"], *document["figures"])}
        document = {**document, "figures": list(known.values())}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write(document)


def differing(document: dict[str, Any], root: Path = ROOT) -> list[str]:
    """Return the files that are not as the document says, or that it does not have."""
    wanted = files_of(document)
    there = {str(path.relative_to(root)) for path in (root / PLOTS).glob("*.svg")}
    found = {path: (root / path).read_bytes() for path in wanted if (root / path).is_file()}
    wrong = {path for path, text in wanted.items() if found.get(path) != text.encode()}
    return sorted(wrong | (there - wanted.keys()))


def main() -> int:
    """Write or check the page. Returns 1 if `--check` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m bench.page")
    parser.add_argument("document", nargs="?", type=Path, default=DOCUMENT)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a file differs")
    asked = parser.parse_args()
    document = json.loads(asked.document.read_text(encoding="utf-8"))
    if not asked.check:
        write(document)
        return 0
    wrong = differing(document)
    for path in wrong:
        print(f"{path} differs from {asked.document}: python -m bench.page", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
