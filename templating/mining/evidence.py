"""The worth of a unit in bits: -log2 of its frequency in texts.

A shared frequent word ("the", a comma) proves little, a shared rare word much. A pool of three texts cannot tell frequent
words from rare ones, so there are two priors: every pool counts as a part of a larger text (BACKGROUND_UNITS), and short
words are frequent (G. K. Zipf's law of abbreviation).
"""

from functools import reduce

import numpy as np

from templating.mining.units import Rows, blocks

BACKGROUND_UNITS = 1 << 14  # units of unseen text that are added to every pool
MOST_BITS = 14.0  # most bits of one unit: one in 16,384
LEAST_BITS = 2.0  # least bits of one unit, however frequent
BITS_WITHOUT_LETTERS = 3.0  # most bits of a unit without letters
BITS_PER_LETTER = 1.5  # bits that each letter adds to the most bits
_BUCKETS = 1 << 18  # buckets of codes, by first bits: counting in buckets takes one pass, sorting about ten
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
