"""The web process of a local instance: `app.front`, in a worker of granian that does not outlive it.

A granian that is killed cannot end its workers. One that lived on would listen beside those of the next granian, answer
every second request with what it knows, and still be there after Ctrl-C.
"""

import os
import signal

from app import front
from app.front.serving import Front
from app.local.child import die_with_parent


def create() -> Front:
    """The web process of the environment's settings; granian calls this in the worker, whose parent it is."""
    die_with_parent(signal.SIGTERM, os.getppid())
    return front.create()
