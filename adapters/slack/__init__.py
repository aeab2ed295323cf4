"""Slack as a platform of Nod."""
