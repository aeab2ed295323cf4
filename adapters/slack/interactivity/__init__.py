"""What people press, send and command on Slack."""
