"""The commands: the file of each below `l9.cli`, and its line in the help."""

from __future__ import annotations

COMMANDS = {
    "init": ("repository.init", "Write an l9.toml for this repository."),
    "graph": ("graph", "Show the graph of gates."),
    "check": ("repository.check", "Judge every invariant of workspace and repository, changing nothing."),
    "ready": ("repository.ready", "Judge the eight criteria of readiness for production."),
    "checklist": ("repository.checklist", "Judge the lines of the spec's checklist."),
    "env": ("repository.env", "Compare environment files with their schema or each other, showing no value."),
    "cgmp": ("repository.cgmp", "Run the stages FIX, SIM, COV and ORACLE on a tree of its own."),
    "lock": (
        "repository.lock",
        "Write requirements.txt with hashes; say what drifted; ask for known vulnerabilities.",
    ),
    "release": ("repository.release", "Tag HEAD as the next release, tested and attested."),
    "releases": ("repository.releases", "List the releases, and where each is live or retained."),
    "plan": ("server.plan", "Show what a deploy would do, with every gate judged that can be."),
    "deploy": ("server.deploy", "Take a tag live."),
    "rollback": ("server.rollback", "Go back to the previous good release, or to a tag."),
    "resume": ("server.resume", "Take up an interrupted run, or watch the one that is on."),
    "status": ("server.status", "Show what is live, what stands by, and what runs."),
    "history": ("server.history", "List the runs on record."),
    "explain": ("server.explain", "Tell all that is on record of a release, a run or an error code."),
    "logs": ("server.logs", "Show a slot's log."),
    "drift": ("server.drift", "Compare the host with its record."),
    "branches": ("repository.branches", "List branches: how old, how far from main, how named."),
    "provision": ("server.provision", "Prepare a host."),
    "hooks": ("repository.hooks", "Judge commits and pushes before they are made."),
    "protect": ("repository.protect", "Guard main and tags where everybody pushes to."),
    "config": ("config", "Show the configuration or its JSON Schema."),
    "schema": ("schema", "Show what --json prints, as JSON Schemas."),
    "demo": ("demo", "Run the whole story on this machine, on real parts."),
    "agent": ("server.agent", "Internal: what runs on the host."),
}

# Those that the l9 of a server has: it runs, tells and undoes what an operator's machine released.
ON_SERVER = ("rollback", "resume", "status", "history", "explain", "logs", "drift", "agent")
