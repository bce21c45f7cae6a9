"""Access to servers that others may run: connecting to Redis, waiting for a socket, and the reasons why a server is unusable."""
