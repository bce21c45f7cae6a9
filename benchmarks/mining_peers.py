"""Other tools that a team could use, on the same texts in the same run."""

from collections import defaultdict
from collections.abc import Sequence
from difflib import SequenceMatcher

from benchmarks.score import Group


def exact_match(texts: Sequence[str]) -> list[Group]:
    """Groups of equal texts, as `GROUP BY prompt` finds them."""
    members = defaultdict(list)
    for i, text in enumerate(texts):
        members[text].append(i)
    return [Group((text,), members_of_text, [()] * len(members_of_text)) for text, members_of_text in members.items()]


def drain3(texts: Sequence[str]) -> list[Group]:
    """A widely used log template miner, with its defaults. It drops white space, so it cannot render many texts exactly."""
    from drain3 import TemplateMiner
    from drain3.template_miner_config import TemplateMinerConfig

    config = TemplateMinerConfig()
    config.profiling_enabled = False
    miner = TemplateMiner(config=config)
    members = defaultdict(list)
    for i, text in enumerate(texts):
        members[miner.add_log_message(text)["cluster_id"]].append(i)
    return [
        _fitted(cluster.get_template().split("<*>"), members[cluster.cluster_id], texts)
        for cluster in miner.drain.clusters
    ]


LCS_LIMIT = 1_500
"""Most traces: each is compared with every earlier template, in time quadratic in its words."""


def token_lcs(texts: Sequence[str]) -> list[Group]:
    """The longest common subsequence of words, greedily: a text joins the first template that shares half of its words."""
    templates: list[list[str]] = []
    members: list[list[int]] = []
    for i, text in enumerate(texts):
        words = text.split(" ")
        for number, template in enumerate(templates):
            matcher = SequenceMatcher(None, template, words, autojunk=False)
            if matcher.real_quick_ratio() > 0.5 and matcher.quick_ratio() > 0.5 and matcher.ratio() > 0.5:
                templates[number] = _common(template, matcher)
                members[number].append(i)
                break
        else:
            templates.append(words)
            members.append([i])
    return [
        _fitted(" ".join(words).split(_GAP), members_of_template, texts)
        for words, members_of_template in zip(templates, members, strict=True)
    ]


_GAP = "\ue000"
"""A slot among a template's words: a private-use character, which no corpus has."""


def _common(template: Sequence[str], matcher: SequenceMatcher) -> list[str]:
    words: list[str] = []
    ends = (0, 0)
    for a, b, size in matcher.get_matching_blocks():
        if (a, b) != ends and words[-1:] != [_GAP]:
            words.append(_GAP)
        words += template[a : a + size]
        ends = (a + size, b + size)
    return words


def _fitted(literals: Sequence[str], members: Sequence[int], texts: Sequence[str]) -> Group:
    """A template with its values in each text: literals are placed first fit from the left, the last one at the end."""
    return Group(tuple(literals), members, [_values(literals, texts[i]) for i in members])


def _values(literals: Sequence[str], text: str) -> list[str]:
    """The values in a text; empty where the template does not fit, so that the round trip fails."""
    empty_values = [""] * (len(literals) - 1)
    if len(literals) == 1 or not text.startswith(literals[0]) or not text.endswith(literals[-1]):
        return empty_values
    values, position, end = [], len(literals[0]), len(text) - len(literals[-1])
    for literal in literals[1:-1]:
        start = text.find(literal, position, end)
        if start < 0:
            return empty_values
        values.append(text[position:start])
        position = start + len(literal)
    return [*values, text[position:end]] if position <= end else empty_values
