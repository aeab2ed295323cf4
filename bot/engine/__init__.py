"""The engine: plain data, pure decisions, one loop. Knows no platform, database or SDK."""
