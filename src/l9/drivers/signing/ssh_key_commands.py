"""ssh-keygen: argument vectors for signatures of files, and the two forms of a signature."""

from __future__ import annotations

import base64
import textwrap

Argv = tuple[str, ...]

_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_KEY_TYPES = ("ssh-", "ecdsa-", "sk-")


def sign(key: str, namespace: str, file: str) -> Argv:
    """Sign a file; the signature goes to FILE.sig. `key` may be a public key whose private key is in an agent."""
    return ("ssh-keygen", "-Y", "sign", "-q", "-f", key, "-n", namespace, file)


def find_principals(allowed: str, signature: str) -> Argv:
    """Print the principals of a signature's key, a line each; exit code 0 if there are any."""
    return ("ssh-keygen", "-Y", "find-principals", "-f", allowed, "-s", signature)


def verify(allowed: str, principal: str, namespace: str, signature: str) -> Argv:
    """Exit code 0 if the signature over standard input is that principal's."""
    return ("ssh-keygen", "-Y", "verify", "-f", allowed, "-I", principal, "-n", namespace, "-s", signature)


def fingerprint(key: str) -> Argv:
    """Print a key's fingerprint, as the second word."""
    return ("ssh-keygen", "-l", "-f", key)


def parse_fingerprint(out: str) -> str:
    """Parse `fingerprint`'s output; empty if it has none."""
    words = out.split()
    return words[1] if len(words) > 1 else ""


def parse_principals(out: str) -> tuple[str, ...]:
    """Parse `find_principals`' output; of several names for one key the first."""
    names = (line.split(",")[0].strip() for line in out.splitlines())
    return tuple(name for name in names if name and not name.startswith("!"))


def literal_key(setting: str) -> str | None:
    """Return the public key that git's `user.signingkey` contains, or None if it names a file."""
    text = setting.removeprefix("key::")
    return text if text != setting or text.startswith(_KEY_TYPES) else None


def armor(signature: bytes) -> str:
    """Encode a signature in ssh-keygen's text form."""
    body = textwrap.wrap(base64.b64encode(signature).decode(), 70)
    return "\n".join((_BEGIN, *body, _END, ""))


def unarmor(text: str) -> bytes:
    """Decode a signature from ssh-keygen's text form. Raises ValueError."""
    lines = text.strip().splitlines()
    if len(lines) < 3 or (lines[0], lines[-1]) != (_BEGIN, _END):
        raise ValueError("not an SSH signature")
    try:
        return base64.b64decode("".join(lines[1:-1]), validate=True)
    except ValueError as error:
        raise ValueError(f"not an SSH signature: {error}") from None
