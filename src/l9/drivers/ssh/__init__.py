"""OpenSSH's own client."""
