"""The coalescing protocol: at most one message and one run per group, and no request is ever lost.

`protocol.py` describes it as a whole; `pace.py` decides when a group runs; the `.lua` files are its transitions.
"""
