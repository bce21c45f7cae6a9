"""HTTP to ourselves."""

import urllib.request

direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A proxy of the environment has no business with 127.0.0.1."""
