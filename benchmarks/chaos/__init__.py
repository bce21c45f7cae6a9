"""Chaos: a real installation under traffic while everything in it is killed, stopped, emptied and restarted.

    python -m benchmarks.chaos             the whole, about ten minutes
    python -m benchmarks.chaos --small     what `make test` runs, about a minute and a half
    python -m benchmarks.chaos --scheme plain   the same with "skip if a newer trace id is stored": it must lose traces

Afterwards the rows of the database are audited.  The seed is printed; with it traffic and faults are the same again.
"""
