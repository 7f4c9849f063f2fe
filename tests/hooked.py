"""A working copy with an origin, worked in as people do: real git, real hooks, and what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from documented import documents

CONFIG = 'app = "l9-api"\n{release}[targets.production]\nhost = "local"\n'
ADA, BOB = "Ada <ada@l9.invalid>", "Bob <bob@l9.invalid>"
BIN = Path(sys.executable).parent


class Done(NamedTuple):
    """The result of a program; `said` is all that it printed."""

    code: int
    out: str
    said: str


class Clone:
    """One working copy; `who` commits in it."""

    def __init__(self, work: Path, who: str = ADA) -> None:
        self.work, self.who = work, who

    @property
    def env(self) -> dict[str, str]:
        name, _, mail = self.who.partition(" ")
        ident = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", name), ("EMAIL", mail.strip("<>")))
        }
        alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_EDITOR": "true"}
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "PRE_COMMIT"))}
        return {**clean, **ident, **alone, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}

    def run(self, *argv: str, code: int | None = 0, cwd: Path | None = None, **env: str) -> Done:
        done = subprocess.run(
            argv, cwd=cwd or self.work, env={**self.env, **env}, capture_output=True, text=True, check=False
        )
        said = done.stdout + done.stderr
        assert code is None or done.returncode == code, (argv, done.returncode, said)
        assert "Traceback" not in said, said
        return Done(done.returncode, done.stdout, said)

    def git(self, *args: str, code: int | None = 0, **env: str) -> str:
        return self.run("git", *args, code=code, **env).out.strip()

    def l9(self, *args: str, code: int = 0, cwd: Path | None = None) -> str:
        return self.run(sys.executable, "-P", "-m", "l9", *args, code=code, cwd=cwd).said

    def json(self, *args: str, code: int = 0, **env: str) -> dict[str, Any]:
        """The document that a command prints, read through its published schema."""
        argv = (sys.executable, "-P", "-m", "l9", *args, "--json")
        (found,) = documents(self.run(*argv, code=code, **env).out)
        return found

    def write(self, path: str, text: str) -> None:
        (self.work / path).parent.mkdir(parents=True, exist_ok=True)
        (self.work / path).write_text(text, encoding="utf-8")

    def commit(self, subject: str = "Add: Something", *args: str, code: int | None = 0) -> Done:
        return self.run("git", "commit", "--quiet", "-m", subject, *args, code=code)

    def change(self, path: str = "api.py", subject: str = "Add: Something") -> str:
        """One more commit, unseen by hooks; its id."""
        with (self.work / path).open("a", encoding="utf-8") as file:
            file.write("x = 1\n")
        self.git("add", path)
        self.git("commit", "--quiet", "--no-verify", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str = "feature/x", path: str = "feature.py") -> None:
        """A branch with one commit, and main checked out again."""
        self.git("switch", "--quiet", "--create", name, "main")
        self.change(path)
        self.git("switch", "--quiet", "main")

    def merge(self, name: str = "feature/x", *trailers: str) -> None:
        """A merge of a branch into main, with these trailers."""
        message = f"Merge branch '{name}'\n\n" + "".join(f"{t}\n" for t in trailers)
        self.git("merge", "--quiet", "--no-ff", "--no-verify", "-m", message, name)

    def tag(self, name: str = "v1.0.0-l9", *args: str) -> None:
        """An annotated tag; another object each time, also within one second."""
        self.tags = getattr(self, "tags", 0) + 1
        self.git("tag", "--annotate", name, "-m", f"Release {name}: Something, time {self.tags}", *args)

    def push(self, *args: str, code: int | None = 0) -> str:
        return self.run("git", "push", *args, code=code).said


def working_copy(root: Path, release: str = "", name: str = "work") -> Clone:
    """A working copy with one commit on main, published to a bare origin beside it."""
    clone, origin = Clone(root / name), root / "origin.git"
    clone.work.mkdir(parents=True)
    clone.git("init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    clone.git("init", "--quiet", "--initial-branch=main")
    clone.git("remote", "add", "origin", str(origin))
    clone.write("l9.toml", CONFIG.format(release=release))
    clone.write("requirements.txt", "fastapi==0.104.1\n")
    clone.write("api.py", "x = 0\n")
    clone.git("add", "--all")
    clone.commit("Add: The first of it")
    clone.push("--quiet", "--set-upstream", "origin", "main")
    return clone
