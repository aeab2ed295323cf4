"""How Slack reaches the bot, and how the bot is installed there."""
