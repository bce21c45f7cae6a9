"""The commands of processes: granian with the options that `app.front` needs, and Celery. A test holds the Procfile to the same options."""

import sys

CELERY = (sys.executable, "-m", "tasks")
"""Beginning of the command of a process that Celery runs: as `celery -A tasks`, in less memory."""

WEB_OPTIONS = (
    *("--interface", "rsgi"),  # our event loop reads the bodies
    *("--factory", "--no-ws"),
    *("--respawn-failed-workers", "--respawn-interval", "0.1"),  # seconds; the other workers serve meanwhile
    *("--backpressure", "16384"),  # connections, idle ones included: a thousand idle connections delay no other
    *("--http1-buffer-size", "65536"),  # bytes: the largest headers
)


def web_command(host: str, port: str, factory: str) -> list[str]:
    """The command of one web process; `factory` is the function that makes the application, as `module:function`."""
    return [sys.executable, "-m", "granian", *WEB_OPTIONS, "--host", host, "--port", port, factory]
