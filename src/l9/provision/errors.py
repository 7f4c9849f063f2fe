"""How preparing a host fails."""

from __future__ import annotations

from l9.errors import GateClosed, L9Error, UsageError


class HostUnfit(UsageError):
    """The host is not one that l9 can be put on."""

    code = "HOST_UNFIT"


class ChangeRefused(GateClosed):
    """The host, or Caddy on it, refused a change before anything was changed."""

    code = "CHANGE_REFUSED"


class HalfProvisioned(L9Error):
    """Some changes were made, and one failed: the host needs a look, and then `l9 provision` again."""

    code = "HALF_PROVISIONED"
    exit_code = 5
    changed = True
