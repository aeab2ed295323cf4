"""Who drives runs: in this process."""
