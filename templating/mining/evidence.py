"""What a unit is worth: -log2 of how often it stands in texts, in bits.

A word that is everywhere ("the", a comma) proves little when several texts share it; a rare one proves much.  A pool of
three texts cannot tell which is which, so two things are known beforehand: any text is as if it stood in a bigger
one (BACKGROUND), and short words are the common ones (G. K. Zipf's law of abbreviation).
"""

import numpy as np

from templating.mining.units import Rows

BACKGROUND = 1 << 14  # units of unseen text around every pool
CEILING, FLOOR = 14.0, 2.0  # bits
SHORT, PER_LETTER = 3.0, 1.5  # at most so many bits for a unit of no letters, and for each letter
_BUCKETS = np.uint64(46)  # the top 18 bits of a code: counting in buckets is a pass, sorting would be ten


def unit_bits(rows: Rows) -> np.ndarray:
    """Bits per unit of `rows.codes` (EDGE units: 0)."""
    bucket = (rows.codes >> _BUCKETS).astype(np.int64)
    often = np.bincount(bucket)[bucket]
    worth = np.log2((len(bucket) + BACKGROUND) / np.arange(1, often.max(initial=1) + 1))
    bits = np.minimum(np.clip(worth, FLOOR, CEILING)[often - 1], SHORT + PER_LETTER * rows.sizes)
    bits[rows.sizes == 0] = 0.0
    return bits
