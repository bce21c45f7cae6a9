"""What stands before the application in the web process: it reads bodies and gives every project its turn.

A WSGI server hands a request to a thread as soon as its headers are there.  A few clients that send their bodies slowly then
hold every thread, and a project that sends much holds them all day (both seen).  Here an event loop reads the bodies, within a
time and a size, and a request takes a thread only when it is whole and its project's turn has come.
"""

import gc
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.front.serving import Front


_LOOKS = (10_000, 50, 20)
"""New objects before a look at them, such looks before one at what they left, and those before one at everything since the start.

A page leaves some 2,000 objects that only the collector finds. At 100,000 of them a look took 40 to 110 ms, which was the slowest page
of fifty; at 10,000 it takes a tenth of that. A batch of 1,000 calls, whose 50,000 objects all live, is looked through once either way.
"""


def create() -> "Front":
    """The web process on the settings of the environment; granian calls this in each of its workers."""
    from app.config import settings
    from app.front.serving import Front
    from app.reading import prices
    from app.web import create_app

    front = Front(create_app(), settings())
    threading.Thread(target=prices.load, name="prices", daemon=True).start()
    _spare_the_collector()
    return front


def _spare_the_collector() -> None:
    """What is here at the start stays to the end: 150,000 objects that a full collection need not look at.

    Every fourth batch set one off and waited for it, some 80 ms of a quarter second; of single calls it was the slowest that did.
    And a batch makes some 50,000 objects that all live until it is answered: to look for rubbish among them after every 700, as
    Python does unless told, and again at those after ten such looks, is a twentieth of its time and finds none.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_LOOKS)
