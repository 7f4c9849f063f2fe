"""The systemd timers, or lines for cron, that run `l9 tick` every minute and the drift check every hour."""

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
PROCESS = "KillMode=process\n"  # a slot that a recovery started outlives the tick that started it
COMPOSE = "PrivateTmp=yes\n"  # slots run in containers, which have their own /tmp


def systemd(*, instance: str, agent: str, named: tuple[str, ...], user: str, runtime: str) -> dict[str, str]:
    """Return unit files by name: `l9-INSTANCE` ticks, `l9-INSTANCE-drift` compares the host with its record.

    `named` are the agent's arguments that select the target.
    """
    name = f"l9-{instance}"
    more = _HARDENED + (PROCESS if runtime == "process" else COMPOSE)
    return {
        f"{name}.service": _service(
            f"l9 {instance}: resume an interrupted run, stop an expired standby slot",
            (agent, "tick", *named),
            user,
            # Keep only problems: the same two lines every minute would flood the journal.
            f"StandardOutput=null\nSyslogLevel=err\nLogLevelMax=notice\n{more}",
        ),
        f"{name}.timer": _timer(
            f"l9 {instance}: every minute, and soon after a boot",
            "OnBootSec=30s\nOnUnitInactiveSec=60s\nAccuracySec=5s\n",
        ),
        f"{name}-drift.service": _service(
            f"l9 {instance}: compare the host with its record", (agent, "drift", *named), user, more
        ),
        f"{name}-drift.timer": _timer(
            f"l9 {instance}: every hour", "OnCalendar=hourly\nRandomizedDelaySec=5min\nPersistent=yes\n"
        ),
    }


def cron(*, instance: str, agent: str, named: tuple[str, ...], user: str) -> str:
    """Return the same for cron, without systemd. Errors, and all output of the drift check, go to syslog."""
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
    """Return a file name without dots, which cron ignores. `DOT` is unique: instances are lower case."""
    return f"l9-{instance}".replace(".", "DOT")


def _service(what: str, argv: tuple[str, ...], user: str, more: str) -> str:
    """Return a oneshot service. It runs `env`, because systemd allows no quotes in the executable's name."""
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
    """Quote one word of an ExecStart line (systemd.service(5), "Command lines")."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if escaped != text or any(c.isspace() or c in "';" for c in text) else text


def _shell(*argv: str) -> str:
    """Quote a command for a crontab line, where a bare `%` is a newline."""
    return shlex.join(argv).replace("%", "\\%")
