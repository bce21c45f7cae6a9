"""All known templates found anew from the prompts that they remember.

When a quarter more prompts have come since the last such search, a search has the remembered prompts of all known templates beside the
new prompts, as if all had come at once, and does not know these templates. What it finds decides about each of them:

- the same template again: it stays;
- groups that hold all its prompts: it is superseded, by the group with most of its prompts. If it has forgotten some prompts, only one
  group may supersede it: a wider one, or a narrower one that fits its prompts, most of which it remembers. It stays beside several
  groups, and any other narrower one is an accident of what it remembers;
- groups that hold some of its prompts: it stays for the others;
- no group: it stays.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence, Set

from templating.matching import BARRIER, fit
from templating.memory import Memory
from templating.mining.answer import Group
from templating.mining.known import MOST_EXAMPLES
from templating.mining.quantities import FEW
from templating.mining.sampling import TEXTS_PER_ROUND, spread
from templating.mining.sieve import sort_by_template
from templating.template import Template

NEW_SHARE = 0.25  # least new prompts of a search, as a share of those at the last one: with a half, 2 instead of 6 of 14 templates of a planning agent are exact


class Anew:
    """The known templates that a search finds anew, by their numbers in the caller's list, and the prompts that they remember.

    prompts: of all these templates, oldest first; moments: with their places in the order of all prompts.
    others: the other known templates with their numbers.
    """

    def __init__(self, known: Sequence[Template], new: int, barrier: str = BARRIER) -> None:
        """new: the number of prompts that no known template matches."""
        self._known = known
        self._memories = _due(known, new)
        self._barrier, self._grouped = barrier, set[str]()
        self.others = [(number, template) for number, template in enumerate(known) if number not in self._memories]
        remembered = {number: memory.moments for number, memory in self._memories.items()}  # read once: another thread may be matching
        self._prompts_of = {number: _some(list(prompts), len(remembered)) for number, prompts in remembered.items()}
        moments = {prompt: moment for prompts in remembered.values() for prompt, moment in prompts.items()}
        shown = sorted(dict.fromkeys(prompt for prompts in self._prompts_of.values() for prompt in prompts), key=moments.__getitem__)
        self.moments = {prompt: moments[prompt] for prompt in shown}
        self.prompts = self.moments.keys()

    @property
    def numbers(self) -> Set[int]:
        """The numbers of these templates."""
        return self._memories.keys()

    def before(self, calls: Mapping[str, Sequence[int]]) -> dict[str, Sequence[int]]:
        """The texts of a search, text -> the times of its calls: the remembered prompts, a call each, and then the new calls."""
        size = len(self.moments)
        remembered: dict[str, Sequence[int]] = {prompt: [time] for time, prompt in enumerate(self.moments)}
        return {text: [size + call for call in its] for text, its in calls.items()} | remembered

    def runs_before(self, runs: Sequence[int]) -> list[int]:
        """Per call of such a search the first call of its run: the session of a remembered prompt is not known, so a template is one run."""
        if not runs:
            return []
        owner = {prompt: number for number, prompts in self._prompts_of.items() for prompt in prompts}
        first: dict[int, int] = {}
        its = [first.setdefault(owner[prompt], time) for time, prompt in enumerate(self.moments)]
        return [*its, *(len(its) + run for run in runs)]

    def judge(self, groups: Sequence[Group]) -> list[Group]:
        """The groups with the templates that they supersede, without those that are found again and replace no other."""
        home = {text: place for place, group in enumerate(groups) for text, _ in group.rows}
        place_of = {group.template: place for place, group in enumerate(groups)}
        gone, dropped = dict[int, set[int]](), set[int]()
        for number, prompts in self._prompts_of.items():
            takers = Counter(home[prompt] for prompt in prompts if prompt in home)
            if self._known[number] in place_of:
                dropped.add(place_of[self._known[number]])
            elif prompts and takers.total() == len(prompts):
                [(place, _), *others] = takers.most_common()
                if self._remembers_all(number) or (not others and self._may_replace(groups[place], number)):
                    gone.setdefault(place, set()).add(number)
                elif not others:
                    dropped.add(place)
        for number in self._memories:
            same = place_of.get(self._known[number])
            if same is not None and same in gone:
                gone[same].add(number)  # the template stays, and its new memory holds what the others remembered
        return [
            group._replace(supersedes=group.supersedes | gone.get(place, set()))
            for place, group in enumerate(groups)
            if place in gone or place not in dropped
        ]

    def _remembers_all(self, number: int) -> bool:
        """Whether the search has all prompts that a template matched."""
        return len(self._prompts_of[number]) >= self._memories[number].seen

    def _may_replace(self, group: Group, number: int) -> bool:
        """Whether a group may be the only one in the place of a template that forgot prompts: it is wider, or fits the template's prompts, most of which are remembered."""
        memory = self._memories[number]
        if len(group.rows) > len(self._prompts_of[number]):
            return True
        return 2 * len(memory) > memory.seen and all(fit(group.template.literals, prompt) is not None for prompt in memory.moments)

    def note_search(self) -> None:
        """Notes the search in the memories of all known templates: also of those that it had no room for, else they would be due at once again."""
        for template in self._known if self._memories else ():
            if template.memory is not None:
                takes_all = template.literals[1:] == ("",) and bool(self._barrier) and template.literals[0].endswith(self._barrier)
                template.memory.note_search(self._grouped if takes_all else frozenset())  # what is left decides when it comes apart again

    def memory(self, group: Group, moments: Mapping[str, int]) -> Memory | None:
        """The memory of a new template. moments: of the group's prompts."""
        if self._memories:
            self._grouped.update(moments)
        if not group.template.slots:
            return None
        widened = [memory for number in group.supersedes - self.numbers if (memory := self._known[number].memory) is not None]
        old = {prompt: moment for memory in widened for prompt, moment in memory.moments.items()}
        fitting = {prompt: moment for prompt, moment in old.items() if fit(group.template.literals, prompt) is not None}
        seen = self._seen(moments) + sum(memory.seen for memory in widened)
        return Memory({**moments, **fitting} if fitting else moments, seen, seen if self._memories or not self._known else 0)

    def _seen(self, texts: Collection[str]) -> int:
        """The number of prompts for which these texts stand: a remembered prompt stands for those that its template forgot."""
        old = {text for text in texts if text in self.moments} if self.moments else set[str]()
        some = {number: len(old.intersection(prompts)) for number, prompts in self._prompts_of.items()} if old else {}
        return len(texts) - len(old) + sum(self._memories[n].seen * its // len(self._prompts_of[n]) for n, its in some.items() if its)


def with_prompts(groups: Sequence[Group], prompts: Sequence[str], tick: Callable[[], object]) -> list[Group]:
    """The groups with these prompts, which superseded templates matched, in the groups that they fit. tick: called often."""
    if not prompts:
        return list(groups)
    held = {text for group in groups for text, _ in group.rows}
    rows, _ = sort_by_template((text for text in prompts if text not in held), [group.template for group in groups], tick)
    return [group._replace(rows=[*group.rows, *rows.get(group.template, [])]) for group in groups]


def _due(known: Sequence[Template], new: int) -> dict[int, Memory]:
    """The memories of all known templates, as many as a round has texts for; none before so many prompts are new that a search pays."""
    memories = {number: template.memory for number, template in enumerate(known) if template.memory is not None}
    searched = sum(memory.searched for memory in memories.values())
    if new + sum(memory.seen for memory in memories.values()) - searched < max(FEW, NEW_SHARE * searched):
        return {}
    youngest = sorted(memories, key=lambda number: memories[number].seen)[: TEXTS_PER_ROUND // MOST_EXAMPLES]  # the least sure
    return {number: memories[number] for number in youngest}


def _some(prompts: Sequence[str], templates: int) -> list[str]:
    """Some prompts of one of so many templates, which share a round."""
    return spread(prompts, max(MOST_EXAMPLES, TEXTS_PER_ROUND // templates))
