"""ssh-keygen: argument vectors for signatures of files, and the two ways in which a signature is written."""

from __future__ import annotations

import base64
import textwrap

Argv = tuple[str, ...]

_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_KEY_TYPES = ("ssh-", "ecdsa-", "sk-")


def sign(key: str, namespace: str, file: str) -> Argv:
    """Sign a file; the signature goes to FILE.sig. `key` may be a public key whose other half an agent has."""
    return ("ssh-keygen", "-Y", "sign", "-q", "-f", key, "-n", namespace, file)


def find_principals(allowed: str, signature: str) -> Argv:
    """Whom the key of a signature belongs to, a line each; exit code 0 where it is anybody."""
    return ("ssh-keygen", "-Y", "find-principals", "-f", allowed, "-s", signature)


def verify(allowed: str, principal: str, namespace: str, signature: str) -> Argv:
    """Exit code 0 when the signature is that person's, over standard input."""
    return ("ssh-keygen", "-Y", "verify", "-f", allowed, "-I", principal, "-n", namespace, "-s", signature)


def fingerprint(key: str) -> Argv:
    """A key's fingerprint, as its second word."""
    return ("ssh-keygen", "-l", "-f", key)


def parse_fingerprint(out: str) -> str:
    """`fingerprint`'s output; empty where there is none in it."""
    words = out.split()
    return words[1] if len(words) > 1 else ""


def parse_principals(out: str) -> tuple[str, ...]:
    """`find_principals`' output; of several names for one key the first."""
    names = (line.split(",")[0].strip() for line in out.splitlines())
    return tuple(name for name in names if name and not name.startswith("!"))


def literal_key(setting: str) -> str | None:
    """The public key that git's `user.signingkey` holds in full, or None where it names a file."""
    text = setting.removeprefix("key::")
    return text if text != setting or text.startswith(_KEY_TYPES) else None


def armor(signature: bytes) -> str:
    """A signature as ssh-keygen reads it."""
    body = textwrap.wrap(base64.b64encode(signature).decode(), 70)
    return "\n".join((_BEGIN, *body, _END, ""))


def unarmor(text: str) -> bytes:
    """The signature of a file that ssh-keygen wrote. Raises ValueError where it is none."""
    lines = text.strip().splitlines()
    if len(lines) < 3 or (lines[0], lines[-1]) != (_BEGIN, _END):
        raise ValueError("no SSH signature")
    try:
        return base64.b64decode("".join(lines[1:-1]), validate=True)
    except ValueError as error:
        raise ValueError(f"no SSH signature: {error}") from None
