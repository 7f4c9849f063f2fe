"""Prepares a host: inspects it, plans the changes, shows them, and applies exactly those."""
