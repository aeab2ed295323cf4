"""A small but faithful Slack: Web API, Socket Mode and signed requests on 127.0.0.1, written to Slack's
documentation.
"""

from tests.adapters.slack.wire.server import SlackServer, running_slack

__all__ = ["SlackServer", "running_slack"]
