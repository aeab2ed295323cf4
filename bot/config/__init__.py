"""Settings from the environment and `.env`, read once at start."""
