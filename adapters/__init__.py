"""Platform adapters: events in, cards and text out."""
