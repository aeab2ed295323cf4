"""One module per peer. Each is imported in its own interpreter only, and knows nothing of the others."""
