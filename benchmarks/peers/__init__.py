"""Products that a user could pick instead, beside Promptlode: what they keep of the same calls. `python -m benchmarks.peers`."""
