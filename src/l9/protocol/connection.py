"""The agent's process, over ssh or on this machine.

It takes no request to start it, and connecting takes longer than anything the client does itself. So that a command
can connect while it still imports what it needs, this module imports little.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from l9.config import provisioned
from l9.config.model import Config
from l9.drivers.ssh import client as ssh
from l9.errors import Unreachable

# The agent that root provisioned, else the one in the target's own directory. All paths are positional parameters.
_FIND_AGENT = 'if [ -x "$1" ]; then exec "$1" agent --instance "$3"; else exec "$2" agent --path "$4"; fi'


class Connection:
    """A started agent that waits for its request; close it, or use it as a context manager.

    Raises Unreachable if the program that connects cannot be run; any other failure is found by reading its output.
    """

    def __init__(self, config: Config) -> None:
        program = argv(config)
        pipe = subprocess.PIPE
        try:
            self.process = subprocess.Popen(program, stdin=pipe, stdout=pipe, stderr=pipe)
        except FileNotFoundError:
            raise Unreachable(
                f"{program[0]} cannot be run",
                expected=f"a program {program[0]}",
                found="none",
                remedy="apt-get install openssh-client",
            ) from None

    def close(self) -> None:
        """End the process; an agent that works for a request continues on the host."""
        if self.process.poll() is None:
            self.process.terminate()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                with suppress(BrokenPipeError):  # the request was not read; close flushes again
                    pipe.close()
        self.process.wait()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def argv(config: Config) -> tuple[str, ...]:
    """Return the command that starts the agent, with OpenSSH's client and the user's configuration."""
    target, instance = config.target, config.instance
    by_root, own = provisioned.for_instance(instance), provisioned.in_directory(Path(target.path))
    if target.host == "local":
        named = ("--instance", instance) if by_root.settings.exists() else ("--path", target.path)
        return (
            sys.executable,
            "-P",
            "-m",
            "l9",
            "agent",
            *named,
        )  # -P: do not import a folder l9 of the user's repository
    find = ("/bin/sh", "-c", _FIND_AGENT, "l9", str(by_root.agent), str(own.agent), instance, target.path)
    return ssh.argv(target, f"exec {shlex.join(find)}")


def by_hand(config: Config) -> str:
    """Return the command that shows a person why no agent answers."""
    return shlex.join(argv(config)) if config.target.host == "local" else ssh.by_hand(config.target)
