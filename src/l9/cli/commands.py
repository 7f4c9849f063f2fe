"""The commands: the module of each below `l9.cli`, and its line in the help."""

from __future__ import annotations

COMMANDS = {
    "init": ("repository.init", "Create l9.toml and the other files a deploy needs."),
    "graph": ("graph", "Show the graph of gates."),
    "check": ("repository.check", "Check every invariant of the workspace and the repository."),
    "ready": ("repository.ready", "Check the eight criteria for production readiness."),
    "checklist": ("repository.checklist", "Check each line of the spec's checklist."),
    "env": ("repository.env", "Compare environment files with their schema or each other."),
    "cgmp": ("repository.cgmp", "Run the stages FIX, SIM, COV and ORACLE on an exported tree."),
    "lock": ("repository.lock", "Write requirements.txt with hashes, or check and audit it."),
    "release": ("repository.release", "Test, attest and tag HEAD as the next release."),
    "releases": ("repository.releases", "List releases and where each is live or retained."),
    "plan": ("server.plan", "Show what a deploy would do, gate by gate."),
    "deploy": ("server.deploy", "Deploy a tag."),
    "rollback": ("server.rollback", "Roll back to the previous good release, or to a tag."),
    "resume": ("server.resume", "Resume an interrupted run, or watch the current one."),
    "status": ("server.status", "Show the live release, the standby and the current run."),
    "history": ("server.history", "List past runs."),
    "explain": ("server.explain", "Show the record of a release or run, or explain an error code."),
    "logs": ("server.logs", "Show the log of a slot."),
    "drift": ("server.drift", "Compare the host's state with its record."),
    "branches": ("repository.branches", "List branches with their age and distance from main."),
    "provision": ("server.provision", "Set up a host for deployments."),
    "hooks": ("repository.hooks", "Install and run git hooks that check commits and pushes."),
    "protect": ("repository.protect", "Protect main and release tags on the remote."),
    "config": ("config", "Show the configuration or its JSON Schema."),
    "schema": ("schema", "Show the JSON Schemas of --json output."),
    "demo": ("demo", "Run a complete demonstration on this machine."),
    "agent": ("server.agent", "Internal: the agent that runs on the host."),
}

# The commands of an l9 on a server: they report, resume and roll back what an operator's machine deployed.
ON_SERVER = ("rollback", "resume", "status", "history", "explain", "logs", "drift", "agent")
