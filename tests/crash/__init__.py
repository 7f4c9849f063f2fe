"""The deployer killed at every point of a run, and what the next command makes of it."""
