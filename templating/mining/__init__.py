"""How templates are found in prompts nobody explained.

The idea, one module a step:

    units       a prompt is a row of units (white space and the word after it), each a 64-bit number
    evidence    what a unit is worth in bits: rare words say more than common ones
    signatures  texts that share fixed text hold the same runs of units: equal member sets fall out of one sort
    forest      how those sets lie in each other: a template, or a union of templates that share a phrase?
    ends        what the beginnings and ends of a set of texts tell before it is aligned
    alignment   what is common to a set of texts, in order: literals and the gaps between them
    skeleton    the template of a set, held against every text of it
    inside      what all values of a slot hold inside of them, which is no fixed text
    borders     where an optional part begins
    separators  a mark that parts two values in every text
    eras        what time tells about a few kinds of calls, in bits
    repeats     the text between values that are said twice
    families    an edit, which makes two templates, or a value, which makes a slot?
    siblings    several templates in one house style, or one with few-valued slots?
    mixture     few texts of two siblings, which look like one template with slots
    search      from the widest set of texts down, take every set that is one template
    verdicts    what was found out about few texts before, by content
    rounds      a bounded sample at a time (sampling); the rest is matched (sieve)
    filing      texts that share what few others hold, to be looked at together
    hidden      templates of few calls behind one preamble, which look like one with a slot
    frames      short templates: texts that begin and end alike, where few words are fixed
    witnesses   what the calls of one run (a session) say about a template
    known       templates found before take part as texts; widening says what they may lose
    mine        what a caller asks and gets (result), within what the caller allows (budget), with names (naming)
"""

import os
import sys

# What numpy takes from the environment when it is loaded, and what this is for here.
_SETTINGS = {
    "OPENBLAS_NUM_THREADS": "1",  # threads wait actively for linear algebra that nobody does here: 0.1 s of CPU time
}

_SEEN_FREED = 31 << 20  # bytes; glibc learns from chunks of less than 32 MB


def _load_numpy() -> None:
    """Load numpy in the way that mining needs it; who has loaded it before, or has set a variable, keeps what they have."""
    if "numpy" in sys.modules:
        return
    ours = _SETTINGS.keys() - os.environ.keys()
    os.environ.update({name: _SETTINGS[name] for name in ours})
    try:
        import numpy  # noqa: F401
    finally:
        for name in ours:
            del os.environ[name]


def _keep_freed_memory() -> None:
    """Let glibc's malloc keep what is freed, up to twice this size, for the arrays that come next, in large pages.

    It gives arrays of some megabytes back to the kernel until it has seen a larger one freed, and to have each page cleared and
    mapped anew took a twentieth of the time of mining 5,000 prompts (mallopt(3), M_MMAP_THRESHOLD, "dynamic"). So the first of
    these is mapped and teaches it; the second lies where all arrays will, and as it is large numpy asks for pages of 2 MB there
    (madvise(2), MADV_HUGEPAGE): two in five page faults less. Nothing touches these bytes; another malloc makes nothing of it.
    """
    import numpy as np

    for _ in range(2):
        np.empty(_SEEN_FREED, np.uint8)


_load_numpy()
_keep_freed_memory()
