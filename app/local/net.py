"""HTTP to this machine."""

import urllib.request

direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Requests to 127.0.0.1 must not use a proxy from the environment."""
