"""What runs `l9 tick` every minute and the drift check every hour: systemd timers, or lines for cron."""

from __future__ import annotations

import shlex

_HARDENED = """\
NoNewPrivileges=yes
ProtectSystem=full
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectKernelLogs=yes
ProtectClock=yes
ProtectHostname=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
LockPersonality=yes
SystemCallArchitectures=native
UMask=0027
"""
PROCESS = "KillMode=process\n"  # a slot that a recovery started is no part of the tick that started it
COMPOSE = "PrivateTmp=yes\n"  # slots are the Docker daemon's there, and have their own


def systemd(*, instance: str, agent: str, named: tuple[str, ...], user: str, runtime: str) -> dict[str, str]:
    """Unit files by name: `l9-INSTANCE` ticks, `l9-INSTANCE-drift` compares the host with its record.

    `named` are the arguments that name the target to the agent.
    """
    name = f"l9-{instance}"
    more = _HARDENED + (PROCESS if runtime == "process" else COMPOSE)
    return {
        f"{name}.service": _service(
            f"l9 {instance}: take up an interrupted run, stop a standby slot whose time is over",
            (agent, "tick", *named),
            user,
            # Every minute the same two lines would bury the journal: only what goes wrong is kept.
            f"StandardOutput=null\nSyslogLevel=err\nLogLevelMax=notice\n{more}",
        ),
        f"{name}.timer": _timer(
            f"l9 {instance}: every minute, and soon after a boot",
            "OnBootSec=30s\nOnUnitInactiveSec=60s\nAccuracySec=5s\n",
        ),
        f"{name}-drift.service": _service(
            f"l9 {instance}: is the host as its record says", (agent, "drift", *named), user, more
        ),
        f"{name}-drift.timer": _timer(
            f"l9 {instance}: every hour", "OnCalendar=hourly\nRandomizedDelaySec=5min\nPersistent=yes\n"
        ),
    }


def cron(*, instance: str, agent: str, named: tuple[str, ...], user: str) -> str:
    """The same for cron, where no systemd runs. What goes wrong, and all of the drift check, goes to syslog."""
    tick = _shell(agent, "tick", *named)
    drift = _shell(agent, "drift", *named)
    log = _shell("logger", "-t", f"l9-{instance}")
    return f"""\
# l9 {instance}: written by `l9 provision`.
SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
@reboot {user} sleep 30; {tick} 2>&1 >/dev/null | {log}
* * * * * {user} {tick} 2>&1 >/dev/null | {log}
7 * * * * {user} {drift} 2>&1 | {log}
"""


def cron_name(instance: str) -> str:
    """A file name that cron reads: it passes over names with a dot. Instances are lower case, so none meet."""
    return f"l9-{instance}".replace(".", "DOT")


def _service(what: str, argv: tuple[str, ...], user: str, more: str) -> str:
    """A oneshot. The program is a word for `env`, because systemd takes no quotes in an executable's own name."""
    return f"""\
# Written by `l9 provision`.
[Unit]
Description={_value(what)}
After=network-online.target docker.service caddy.service
Wants=network-online.target
ConditionPathExists={_value(argv[0])}

[Service]
Type=oneshot
User={_value(user)}
ExecStart=/usr/bin/env {" ".join(_word(a) for a in argv)}
{more}"""


def _timer(what: str, when: str) -> str:
    return f"""\
# Written by `l9 provision`.
[Unit]
Description={_value(what)}

[Timer]
{when}
[Install]
WantedBy=timers.target
"""


def _value(text: str) -> str:
    return text.replace("%", "%%")


def _word(text: str) -> str:
    """One word of an ExecStart line (systemd.service(5), "Command lines")."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if escaped != text or any(c.isspace() or c in "';" for c in text) else text


def _shell(*argv: str) -> str:
    """For a crontab line: cron takes a bare `%` for the line's end."""
    return shlex.join(argv).replace("%", "\\%")
