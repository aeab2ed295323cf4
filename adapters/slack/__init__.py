"""Slack: mentions, threads, the Messages tab, commands and buttons as the service's words."""

from adapters.slack.adapter import SlackAdapter
from adapters.slack.options import Options

__all__ = ["Options", "SlackAdapter"]
