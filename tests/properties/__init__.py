"""Properties that must hold after any events in any order."""
