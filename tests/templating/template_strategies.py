"""Hypothesis strategies for templates and prompts that are easily confused with each other."""

from hypothesis import strategies as st

from templating import Template

FRAGMENTS = [
    "{", "}", "{{", "}}", "{{a}}", "{{b}}", "\\", "\\\\", "a", "b", "ab", " ",
    "\n", "\r\n", "\x00", "%s", "$", "é", "日本", "\ud800", "😀",
]  # fmt: skip
NAMES = st.sampled_from(["a", "b", "var_0", "question", "文脈", "_"])

texts = st.lists(st.sampled_from(FRAGMENTS), max_size=6).map("".join) | st.text(max_size=8)
"""Short texts of characters that code may misread: braces, backslashes, line ends, barriers, lone surrogates."""

plain = st.text(alphabet="ab \n", max_size=4)
"""Texts of so few characters that literals turn up inside values."""


@st.composite
def templates(draw, literal=texts, max_slots=4):
    """Any template; its middle literals are not empty and one literal is not white space."""
    slots = draw(st.lists(NAMES, max_size=max_slots))
    middle = [draw(literal.filter(bool)) for _ in slots[1:]]
    ends = [draw(literal) for _ in range(2 if slots else 1)]
    literals = [ends[0], *middle, *ends[1:]]
    if not "".join(literals).strip() or not any(text.strip() for text in literals):
        literals[0] += "a"
    return Template(tuple(literals), tuple(slots))


@st.composite
def filled(draw, template, value=plain):
    """Values for the template, one per place, equal where a name is shared."""
    by_name = {name: draw(value) for name in dict.fromkeys(template.slots)}
    return tuple(by_name[name] for name in template.slots)
