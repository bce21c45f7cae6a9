"""The documents of the chains: the language reference that comes with every Python (`pydoc_data.topics`, PSF licence), and questions about it."""

from pydoc_data.topics import topics

QUESTIONS: tuple[tuple[str, str], ...] = (
    ("assert", "What happens to assert statements when Python runs with -O?"),
    ("assignment", "Can I unpack a list into fewer names than it has items"),
    ("augassign", "Is x += 1 evaluated differently from x = x + 1?"),
    ("async", "Where may an async comprehension stand?"),
    ("attribute-access", "when is __getattr__ called and when __getattribute__"),
    ("booleans", "What does `a or b` return if neither is a bool?"),
    ("calls", "In which order are starred arguments evaluated?"),
    ("class", "Do class bodies see the names of the enclosing function?"),
    ("comparisons", "Why is a < b < c not the same as (a < b) < c?"),
    ("context-managers", "Which methods does a context manager need?"),
    ("customization", "Explain the difference of __new__ and __init__ to a Java programmer."),
    ("debugger", "How do I set a breakpoint that stops only when a condition holds?"),
    ("del", "What does del do to a name that a nested block uses?"),
    ("dict", "Duplicate keys in a dict display: which one wins"),
    ("exceptions", "Are string exceptions still allowed?"),
    ("execmodel", "List the scopes in which a name is looked up, in order."),
    ("for", "Is the loop variable deleted when the loop ends?"),
    ("formatstrings", "How can I centre a number in 12 columns, filled with dots?"),
    ("function", "When are default values of parameters evaluated?"),
    ("global", "May a name be used before its global statement?"),
    ("identifiers", "Which characters can start an identifier"),
    ("import", "What does from . import x do at the top level?"),
    ("in", "How does `in` work for a class that only has __getitem__?"),
    ("integers", "Can I write 1_000_000?"),
    ("lambda", "May a lambda contain a statement?"),
    ("naming", "What is a free variable?"),
    ("numeric-types", "Which method is tried first for x + y if y's class is a subclass of x's?"),
    ("objects", "Can the type of an object change?"),
    ("operator-summary", "Does ** bind tighter than the minus on its left?"),
    ("raise", "How do I suppress the context of an exception?"),
    ("return", "What does return in a finally clause do?"),
    ("sequence-types", "What is the index of a negative slice step"),
    ("specialattrs", "Where do I find the bases of a class at run time?"),
    ("string-methods", "Difference between isdigit, isdecimal and isnumeric?"),
    ("strings", "What is a raw string not able to end with?"),
    ("subscriptions", "May a subscript contain a slice and an index at once?"),
    ("truth", "Which objects count as false"),
    ("try", "If both finally and except return, whose value is it?"),
    ("types", "what is an ellipsis good for"),
    ("typesmapping", "Is the order of a dict guaranteed?"),
    ("typesseq", "How do I repeat a list without sharing its inner lists?"),
    ("typesseq-mutable", "What does s[i:j] = t do when the lengths differ?"),
    ("unary", "What is ~x for an integer"),
    ("while", "When does the else of a while run?"),
    ("with", "Can one with statement open two files?"),
    ("yield", "Does yield make a function a coroutine?"),
    ("bitwise", "Which operand types does & accept?"),
    ("compound", "Is a match subject evaluated once?"),
)
FOLLOW_UPS = (
    "And in older versions?", "show me the shortest example", "why", "Is that also true for subclasses?", "what if it raises?",
    "Does the order matter there", "How would I test that?", "so it is slower, right?",
)  # fmt: skip

LONGEST = 12_000
"""Characters of a topic at most."""


def topic(name: str) -> str:
    return topics[name][:LONGEST].strip()
