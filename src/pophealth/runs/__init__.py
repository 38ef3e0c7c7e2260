"""I carry out runs: journal, resume, lock, clock."""
