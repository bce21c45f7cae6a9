"""Chaos: a real installation under traffic while its processes and servers are killed, stopped, emptied and restarted.

    python -m benchmarks.chaos             the whole plan, about ten minutes
    python -m benchmarks.chaos --small     the plan of `make test`, about a minute and a half
    python -m benchmarks.chaos --scheme plain   the plan with "skip if a newer trace id is stored": this scheme must lose traces

Afterwards the rows of the database are audited. The printed seed repeats the same traffic and faults.
"""
