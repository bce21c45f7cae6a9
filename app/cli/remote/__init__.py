"""Commands that talk to a running Promptlode through its API, on this machine or another.

Each takes `--url` and `--key`; without them the environment says where (`PROMPTLODE_URL`, `PROMPTLODE_API_KEY`), then what
`promptlode login` kept, then the instance that runs on this machine.
"""
