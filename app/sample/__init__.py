"""Sample traffic: a week of LLM calls of an imaginary shop, with the true template and variables of every call.

For the demo, for tests and for benchmarks: no part of the product depends on it. Standard library only.
Deterministic: a test can check what grouping finds, call by call.

>>> from app.sample import EXPECTED, traces, truth
>>> first = next(traces(seed=0))
>>> first["external_id"], sorted(truth(seed=0)) == [body["external_id"] for body in traces(seed=0)]
('sample-0-00000', True)
"""

from app.sample.parts import Part
from app.sample.traffic import EXPECTED, ExpectedTask, ExpectedVersion, Truth, traces, truth

__all__ = ["EXPECTED", "ExpectedTask", "ExpectedVersion", "Part", "Truth", "traces", "truth"]
