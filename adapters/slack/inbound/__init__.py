"""What people write on Slack, until the service has it."""
