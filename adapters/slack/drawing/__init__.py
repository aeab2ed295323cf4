"""What cards, modals, the Home tab and texts look like on Slack. Pure."""
