"""Sample traffic: a week of LLM calls of an imaginary shop, with the truth about every one.

For the demo, for tests and for benchmarks: no part of the product depends on it. Standard library only, and
deterministic, so that what was found can be checked call by call.

>>> from app.sample import EXPECTED, traces, truth
>>> first = next(traces(seed=0))
>>> first["external_id"], sorted(truth(seed=0)) == [body["external_id"] for body in traces(seed=0)]
('sample-0-00000', True)
"""

from app.sample.parts import Part
from app.sample.traffic import EXPECTED, ExpectedTask, ExpectedVersion, Truth, traces, truth

__all__ = ["EXPECTED", "ExpectedTask", "ExpectedVersion", "Part", "Truth", "traces", "truth"]
