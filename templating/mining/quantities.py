"""Quantities that several rules of mining mean alike. Each has one value, so a rule has no threshold of its own where it asks the same question."""

OTHERS_SHARE = 0.1  # share from which the others count: texts of a second sibling, values with one more item
EXCEPTIONS_SHARE = 0.2  # share up to which places, or words, are exceptions
HALF = 0.5  # share from which texts, values or grams outnumber the others
CLEAR_MAJORITY = 0.6  # share that is the main part of texts, calls, words or characters; with half, prompts with few values, rare templates, and prompts of agents are lost
GREAT_MAJORITY = 0.8  # share from which the others are exceptions: calls that quote their template, values with an odd mark, a few texts of other prompts
NEARLY_ALL = 0.9  # share from which the others do not count

MOST_EDIT_TEXTS = 3  # most different texts that are versions, or templates of a few calls; four or more are values (versions may keep sentences of each other)
MUCH_MORE = 2  # factor from which texts, bits or grams are much more than others
SEVERAL = 2  # words, units or places that say more than one does
FEWEST_ALIKE = 3  # least calls, texts, values or words that agree by more than chance, as two do
FEWEST_OF_A_KIND = 6  # least texts of a kind: of siblings, or values that an edit beside a slot changes; with eight, 4 of 14 prompts of an agent company are lost
FEW = 8  # calls, texts, values or runs: fewer can all be of one kind by chance, more show what is the rule
END_CHARACTERS = 12  # characters of a beginning or end by which texts, values and templates are compared first: less than two words
UNITS_OF_AN_END = 12  # units of a beginning or end by which sets of texts are compared; longer fixed text has grams
BITS_OF_A_TIME = 4.0  # least bits of evidence that some calls have a time of their own: one call that is the oldest or newest of sixteen
BITS_BEYOND_CHANCE = 8.0  # least bits of evidence that texts differ by more than chance: in the times of their calls, in a label
FEWEST_EDIT_WORDS = 5  # least words, numbers and marks of an edit; shorter differences are values
FEWEST_WORDS_OF_A_BODY = 8  # least words that are the fixed text of a template of its own: next to a variable, or in a row in different values
FEWEST_WORDS_OF_A_LONG_TEXT = 24  # least words of a whole text that is more than a value: a description, a schema, examples before a prompt
MOST_WEAK_CHARACTERS = 80  # most characters of fixed text of a template that is short: a longer one may take its place, and it is found by its number of calls
