"""The front of the web process: it reads request bodies and gives every project its turn before the application runs.

A WSGI server hands a request to a thread as soon as its headers have arrived. A few clients that send their bodies slowly then hold every
thread, and a project that sends much holds all threads all day (both were seen). Here an event loop reads the bodies, within a time and a
size. A request takes a thread only when its body is complete and its project's turn has come.
"""

import gc
import multiprocessing
import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from flask import Flask

    from app.front.serving import Front


_GC_THRESHOLDS = (10_000, 50, 20)
"""For `gc.set_threshold`: new objects before a collection of generation 0, such collections before one of generation 1, those before one of 2.

A page leaves some 2,000 objects that only the collector finds. At 100,000 of them a collection took 40 to 110 ms, which was the slowest
page of fifty; at 10,000 it takes a tenth of that. A batch of 1,000 calls, whose 50,000 objects all live, is collected once either way.
"""


def create() -> "Front":
    """The web process with the settings of the environment; granian calls this function in each of its workers."""
    from app.config import settings
    from app.front.serving import Front
    from app.web import create_app

    _end_with_the_master()
    app = create_app()
    front = Front(app, settings())
    threading.Thread(target=_load, args=(app,), name="loading", daemon=True).start()
    _spare_the_collector()
    return front


def _end_with_the_master() -> None:
    """End this worker when granian's first process is gone: it would keep the port, and answer with old code beside the next start."""
    master = multiprocessing.parent_process()
    if master is not None:
        threading.Thread(target=_follow, args=(master,), name="master", daemon=True).start()


def _follow(master: "BaseProcess") -> None:
    master.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _load(app: "Flask") -> None:
    """Load what the first page needs and no call does."""
    from app import pages
    from app.reading import prices

    prices.load()
    pages.load(app)


def _spare_the_collector() -> None:
    """Exempt the objects made at start-up from garbage collection: they live as long as the process, and a full collection scans 150,000 of
    them.

    A full collection took 80 ms of the 250 ms of every fourth batch; the slowest single calls were those that waited for one. A batch
    makes some 50,000 objects that live until its answer: collections after every 700 of them and after ten such collections, Python's
    default, take 5 % of its time and free nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
