"""Prepares a host: looks at it, plans the difference, shows it, and makes exactly what was shown."""
