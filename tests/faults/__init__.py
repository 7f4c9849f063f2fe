"""The matrix: every fault at every state of the graph, on a real host, under load (`python -m faults --help`)."""
