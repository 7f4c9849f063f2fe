"""Errors of provisioning a host."""

from __future__ import annotations

from l9.errors import GateClosed, L9Error, UsageError


class HostUnfit(UsageError):
    """The host does not meet the requirements of l9."""

    code = "HOST_UNFIT"


class ChangeRefused(GateClosed):
    """The host, or Caddy on it, rejected a change; nothing was changed."""

    code = "CHANGE_REFUSED"


class HalfProvisioned(L9Error):
    """Some changes were made and one failed: inspect the host, then run `l9 provision` again."""

    code = "HALF_PROVISIONED"
    exit_code = 5
    changed = True
