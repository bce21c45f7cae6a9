"""What a unit is worth: -log2 of how often it stands in texts, in bits.

A word that is everywhere ("the", a comma) proves little when several texts share it; a rare one proves much.  A pool of
three texts cannot tell which is which, so two things are known beforehand: any text is as if it stood in a bigger
one (BACKGROUND), and short words are the common ones (G. K. Zipf's law of abbreviation).
"""

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
    buckets = np.empty(units, np.int32)
    often = np.zeros(_BUCKETS, np.int64)
    for block in blocks(units):
        buckets[block] = rows.codes[block] >> _SHIFT
        counts = np.bincount(buckets[block])
        often[: len(counts)] += counts
    worth = np.log2((units + BACKGROUND) / np.arange(1, often.max(initial=1) + 1)).clip(FLOOR, CEILING)
    bits = np.empty(units)
    for block in blocks(units):
        most = SHORT + PER_LETTER * rows.sizes[block]
        np.minimum(worth[often[buckets[block]] - 1], most, out=bits[block])
        bits[block][rows.sizes[block] == 0] = 0.0
    return bits
