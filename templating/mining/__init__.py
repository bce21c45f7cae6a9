"""How templates are found in prompts nobody explained.

The idea, one module a step:

    units       a prompt is a row of units (white space and the word after it), each a 64-bit number
    evidence    what a unit is worth in bits: rare words say more than common ones
    signatures  texts that share fixed text hold the same runs of units: equal member sets fall out of one sort
    forest      how those sets lie in each other: a template, or a union of templates that share a phrase?
    alignment   what is common to a set of texts, in order: literals and the gaps between them
    skeleton    the template of a set, held against every text of it
    families    an edit, which makes two templates, or a value, which makes a slot?
    mixture     few texts of two siblings, which look like one template with slots
    search      from the widest set of texts down, take every set that is one template
    rounds      a bounded sample at a time (sampling); the rest is matched (sieve)
    known       templates found before take part as texts; widening says what they may lose
    mine        what a caller asks and gets (result), within what the caller allows (budget), with names (naming)
"""
