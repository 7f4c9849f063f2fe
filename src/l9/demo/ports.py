"""Ports for the parts of the demo and of the tests."""

from l9.adapters.free_port import free_port

__all__ = ["free_port"]
