"""The command of the web process: granian, as `app.front` needs it.  The Procfile says the same, and a test holds it to that."""

import sys

WEB_OPTIONS = (
    *("--interface", "rsgi"),  # an event loop of ours reads the bodies
    *("--factory", "--no-ws"),
    *("--respawn-failed-workers", "--respawn-interval", "0.1"),  # seconds; the others serve meanwhile
    *("--backpressure", "16384"),  # connections, idle ones too: a thousand of them hold up nobody
    *("--http1-buffer-size", "65536"),  # bytes: the largest headers
)


def web_command(host: str, port: str, factory: str) -> list[str]:
    """One web process; `factory` names what makes its application: `module:function`."""
    return [sys.executable, "-m", "granian", *WEB_OPTIONS, "--host", host, "--port", port, factory]
