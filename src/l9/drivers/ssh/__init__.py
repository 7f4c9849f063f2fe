"""OpenSSH's client."""
