"""The web process of a local instance: `app.front`, in a worker of granian that does not outlive it.

A killed granian cannot stop its workers. A surviving worker would listen beside those of the next granian, answer every second request from
its own memory, and outlast Ctrl-C.
"""

import os
import signal

from app import front
from app.front.serving import Front
from app.local.child import die_with_parent


def create() -> Front:
    """The web process with the settings of the environment; granian calls this in the worker."""
    die_with_parent(signal.SIGTERM, os.getppid())
    return front.create()
