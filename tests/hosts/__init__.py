"""Hosts of their own for tests: sshd, dockerd and Caddy in namespaces of this machine."""
