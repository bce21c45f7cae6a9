"""Template mining: finds the templates behind prompts, from the prompts alone.

The steps, one module each:

    units       a prompt becomes a row of units (a word with the white space before it), each a 64-bit number
    evidence    the worth of a unit in bits: rare words prove more than frequent ones
    signatures  member sets: texts with the same runs of units, found by one sort
    forest      which member sets contain which: is a set one template, or a union of templates that share a phrase?
    ends        a test of a set by the beginnings and ends of its texts, before alignment
    alignment   the fixed text of a set, in order: literals and the gaps between
    skeleton    the template of a set, checked against every text of the set
    inside      text that all values of a slot hold: it is a part of the values, no fixed text
    borders     the borders of optional parts, of dates and of times
    separators  a mark between two values in every text; the fixed text around a value that stands twice
    eras        evidence from time, in bits: kinds of calls with times of their own
    families    an edit, which makes two templates, or a value, which makes a slot?
    siblings    several templates in one house style, or one template whose slots have few values?
    mixture     few texts of two siblings, which look like one template with slots
    search      every member set that is one template, from the widest set down
    rounds      the search of one bounded sample after the other (sampling), and what follows it:
                one_round         the search of one sample, with some texts of the templates so far
                replacing         which templates so far give way to a template found around their texts, and which fixed text known ones may lose
                short_templates   texts that begin and end alike, with few fixed words (frames); those that differ in a value become one
                revising          with more texts: was a template several, was it edited, which labels and marks separate its values?
                answer            each text in the most specific of the templates (sieve)
    filing      families of texts that share rare grams, for rounds after the random samples
    findings    the templates of a search so far, each with its texts
    texts       the texts of a search, with their times and runs (sessions)
    known       known templates as texts for a search
    anew        known templates found anew from the prompts that they remember
    mine        the entry, with the names of slots, its types (result) and time limit (budget)

What several steps use: pool (the texts of one search with their units), data (slots inside JSON or code), shared_text (what values begin, end
and hold in common), quantities (numbers that several rules mean alike).
"""

import os
import sys
import warnings

# Environment variables that numpy reads at import, with our values.
_SETTINGS = {
    "OPENBLAS_NUM_THREADS": "1",  # more threads would wait actively for linear algebra, which mining does not use: 0.1 s of CPU time
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_SKX",  # AVX-512, by its names since numpy 2.4 and before: on AMD Zen 4 it sorts in four times the time of AVX2
}

_SEEN_FREED = 31 << 20  # bytes; glibc adapts its threshold to freed chunks below 32 MB


def _load_numpy() -> None:
    """Loads numpy with our settings, unless it is loaded already. Variables that the caller has set keep their values.

    numpy refuses to load where one variable enables features and another one disables features, even different ones.
    """
    if "numpy" in sys.modules:
        return
    ours = _SETTINGS.keys() - os.environ.keys()
    if os.environ.get("NPY_ENABLE_CPU_FEATURES"):
        ours -= {"NPY_DISABLE_CPU_FEATURES"}
    os.environ.update({name: _SETTINGS[name] for name in ours})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportWarning)  # a feature that this processor, or this numpy, does not have
            import numpy  # noqa: F401
    finally:
        for name in ours:
            del os.environ[name]


def _keep_freed_memory() -> None:
    """Makes glibc's malloc keep freed memory, up to twice _SEEN_FREED, for later arrays, in large pages.

    By default malloc returns arrays of some megabytes to the kernel until it has seen a larger array freed (mallopt(3),
    M_MMAP_THRESHOLD, "dynamic"). Clearing and mapping the pages again took a twentieth of the time of mining 5,000 prompts.
    So the first array here is mapped, and its release raises malloc's threshold. The second array lies on the heap, as all later
    ones do; for an array of this size numpy asks for pages of 2 MB there (madvise(2), MADV_HUGEPAGE): two in five page faults less.
    No byte of the arrays is touched. Other implementations of malloc are not affected.
    """
    import numpy as np

    for _ in range(2):
        np.empty(_SEEN_FREED, np.uint8)


_load_numpy()
_keep_freed_memory()
