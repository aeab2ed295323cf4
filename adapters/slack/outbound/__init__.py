"""What the bot shows on Slack: what passes, and what must arrive."""
