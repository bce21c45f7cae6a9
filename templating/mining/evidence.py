"""What a unit is worth: -log2 of how often it stands in texts, in bits.

A word that is everywhere ("the", a comma) proves little when several texts share it; a rare one proves much.  A pool of
three texts cannot tell which is which, so two things are known beforehand: any text is as if it stood in a bigger
one (BACKGROUND_UNITS), and short words are the common ones (G. K. Zipf's law of abbreviation).
"""

from functools import reduce

import numpy as np

from templating.mining.units import Rows, blocks

BACKGROUND_UNITS = 1 << 14  # units of unseen text around every pool
MOST_BITS = 14.0  # bits of one unit: one in 16,384
LEAST_BITS = 2.0  # bits of one unit, however often it stands
BITS_WITHOUT_LETTERS = 3.0  # bits of a unit of no letters, at most
BITS_PER_LETTER = 1.5  # bits more, at most, for each letter
_BUCKETS = 1 << 18  # of codes, by their first bits: counting in buckets is a pass, sorting would be ten
_SHIFT = np.uint64(64 - 18)


def unit_bits(rows: Rows) -> np.ndarray:
    """Bits per unit of `rows.codes` (EDGE units: 0)."""
    units = len(rows.codes)
    often = reduce(np.add, (np.bincount(_buckets(rows, block), minlength=_BUCKETS) for block in blocks(units)))
    worth = np.log2((units + BACKGROUND_UNITS) / np.arange(1, often.max(initial=1) + 1)).clip(LEAST_BITS, MOST_BITS)
    bits = np.empty(units)
    for block in blocks(units):
        sizes = rows.sizes[block]
        np.minimum(worth[often[_buckets(rows, block)] - 1], BITS_WITHOUT_LETTERS + BITS_PER_LETTER * sizes, out=bits[block])
        bits[block][sizes == 0] = 0.0
    return bits


def _buckets(rows: Rows, block: slice) -> np.ndarray:
    return (rows.codes[block] >> _SHIFT).view(np.int64)
