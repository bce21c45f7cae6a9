"""Python's collector of cycles, kept from looking where there are none: at what mining makes, and what modules are made of."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """For work that makes many objects: to look for cycles among them is to look at all that the caller has, in vain.

    A twentieth of the time of a search in 5,000 prompts, a twelfth with 100,000.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def keep_old() -> None:
    """What lives now is filed as old at once, as it would be when two collections have looked at it; one of all still does.

    For once after modules are loaded, not for again and again: cycles that the caller has just left wait for that one.  Who has
    frozen objects (gc.freeze) has done so, and they stay frozen.
    """
    if gc.get_freeze_count() == 0:
        gc.freeze()
        gc.unfreeze()
