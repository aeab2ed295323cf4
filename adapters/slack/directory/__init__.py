"""Who and what there is in a workspace: people, groups, channels, and who talks with the bot."""
