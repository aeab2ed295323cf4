"""Slack's Web API: the workspaces that have the bot, each with a client at its pace, and where a place is."""
