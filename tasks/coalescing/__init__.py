"""The coalescing protocol: at most one message and one run per group, and no request ever lost.

`protocol.py` tells the whole of it; `pace.py` says when; the `.lua` files beside them are its transitions.
"""
