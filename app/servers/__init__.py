"""Access to servers that others may run: connecting to Redis, and the reasons why a server is unusable."""
