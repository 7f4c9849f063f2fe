"""One host in memory, behind the same ports as a real one: virtual time, scripted releases, crashes on demand."""
