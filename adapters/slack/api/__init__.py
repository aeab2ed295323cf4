"""Slack's Web API: one workspace's client, its pace, and where a place is."""
