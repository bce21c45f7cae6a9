"""What a unit is worth: -log2 of how often it stands in texts, in bits.

A word that is everywhere ("the", a comma) proves little when several texts share it; a rare one proves much.  A pool of
three texts cannot tell which is which, so two things are known beforehand: any text is as if it stood in a bigger
one (BACKGROUND), and short words are the common ones (G. K. Zipf's law of abbreviation).
"""

from functools import reduce

import numpy as np

from templating.mining.units import Rows, blocks

BACKGROUND = 1 << 14  # units of unseen text around every pool
CEILING, FLOOR = 14.0, 2.0  # bits
SHORT, PER_LETTER = 3.0, 1.5  # at most so many bits for a unit of no letters, and for each letter
_BUCKETS = 1 << 18  # of codes, by their first bits: counting in buckets is a pass, sorting would be ten
_SHIFT = np.uint64(64 - 18)


def unit_bits(rows: Rows) -> np.ndarray:
    """Bits per unit of `rows.codes` (EDGE units: 0)."""
    units = len(rows.codes)
    often = reduce(np.add, (np.bincount(_buckets(rows, block), minlength=_BUCKETS) for block in blocks(units)))
    worth = np.log2((units + BACKGROUND) / np.arange(1, often.max(initial=1) + 1)).clip(FLOOR, CEILING)
    bits = np.empty(units)
    for block in blocks(units):
        sizes = rows.sizes[block]
        np.minimum(worth[often[_buckets(rows, block)] - 1], SHORT + PER_LETTER * sizes, out=bits[block])
        bits[block][sizes == 0] = 0.0
    return bits


def _buckets(rows: Rows, block: slice) -> np.ndarray:
    return (rows.codes[block] >> _SHIFT).view(np.int64)
