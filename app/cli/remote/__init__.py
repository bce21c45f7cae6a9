"""Commands that talk to a running Promptlode through its API, on this machine or another.

Each takes `--url` and `--key`; without them the environment (`PROMPTLODE_URL`, `PROMPTLODE_API_KEY`) is used, then the file of `promptlode
login`, then the instance that runs on this machine.
"""
