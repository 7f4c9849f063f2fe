"""The spec's own commands (5.2, 5.3, 6.1) as thin wrappers over l9, with the spec's usage."""

from __future__ import annotations

# The spec's scripts exit with 1 on every failure; l9's exit codes are more specific, and never 0 on failure.
DEPLOY = """\
#!/bin/sh
# USAGE: ./scripts/deploy.sh <version-tag> [options of l9 deploy]
#
# Deploys a release through l9's gates, and rolls back automatically if a gate closes.
# Exit codes: 0 deployed, 1 wrong usage, otherwise those of `l9 --help`.
set -eu

case "${1:-}" in
"" | -*)
    echo "Usage: $0 <version-tag>" >&2
    echo "Example: $0 v0.5.1-l9" >&2
    exit 1
    ;;
esac
if [ -n "${VPS_HOST:-}${VPS_USER:-}${VPS_PATH:-}" ]; then
    echo "$0: VPS_HOST, VPS_USER and VPS_PATH are not supported: set the server in l9.toml (--target NAME)" >&2
    exit 1
fi
CDPATH='' cd -- "$(dirname -- "$0")/.."
exec l9 deploy "$@"
"""

# A host has one l9 per target. Root's settings contain the path of the target's directory (`settings_text`).
_FIND_L9 = """\
l9=l9
if [ -x .l9/agent/bin/l9 ]; then l9=.l9/agent/bin/l9; fi
for settings in /etc/l9/*/settings.json; do
    if grep -qsxF -e "  \\"path\\": \\"$PWD\\"," -e "  \\"path\\": \\"$(pwd -P)\\"," "$settings"; then
        instance=${settings%/settings.json}
        l9=/usr/lib/l9/${instance##*/}/bin/l9
    fi
done
"""
ROLLBACK = f"""\
#!/bin/sh
# USAGE: scripts/rollback.sh <previous-tag> [options of l9 rollback]
#
# Rolls back to a retained release. Run it on your machine, or on the host in the live checkout.
# Exit codes: 0 rolled back, 1 wrong usage, otherwise those of `l9 --help`.
set -eu

case "${{1:-}}" in
"" | -*)
    echo "Usage: $0 <previous-tag>" >&2
    echo "Example: $0 v0.5.0-l9" >&2
    exit 1
    ;;
esac
CDPATH='' cd -- "$(dirname -- "$0")/.."
{_FIND_L9}exec "$l9" rollback "$@"
"""

DRIFT_CHECK = f"""\
#!/bin/sh
# USAGE: scripts/drift-check.sh [options of l9 drift]
#
# Compares the running system with its record. Run it on your machine, or on the host in the live checkout (cron).
# Exit codes: 0 no drift, 7 drift, otherwise those of `l9 --help`.
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/.."
{_FIND_L9}exec "$l9" drift "$@"
"""

SCRIPTS = {
    "scripts/deploy.sh": DEPLOY,
    "scripts/rollback.sh": ROLLBACK,
    "scripts/drift-check.sh": DRIFT_CHECK,
}
