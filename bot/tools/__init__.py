"""Tools: what the bot can do, and the box that checks, runs and bounds every call."""
