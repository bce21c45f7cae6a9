"""The types of `mine`: options as input, groups and reasons as output."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import overload

from templating.template import Template

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "known": "A template that is already known matches this prompt.",
        "alone": "No group of prompts large enough shares fixed text with this one: it reads like free text.",
        "blank": "The prompt is empty or only white space, so it has no fixed text to recognise.",
        "unseen": "The search stopped at its limit before it could place this prompt; a later run will.",
    }
)
"""Reason key -> one sentence for people: why a prompt is in no group."""


@dataclass(frozen=True)
class Options:
    """The limits of `mine`.

    min_group_size: least calls of a template (each call of an equal text counts). 3: two calls can agree by chance, and
        three calls show a template in its first minutes.
    max_prompts: most prompts in which templates are looked for; all prompts are then matched against these templates.
        None: all, as a call costs the same few dozen microseconds in a pool of any size.
    max_seconds: a bound on wall time; the templates found so far are returned. None: no bound but should_stop.
    should_stop: called often (at least every 0.2 s of work); True ends the call like max_seconds.
    barrier: separates the parts of a prompt: never inside a slot, equal in number within a group. NUL, since
        PostgreSQL cannot store NUL, so no stored text holds it. "": prompts have one part.
    """

    min_group_size: int = 3
    max_prompts: int | None = None
    max_seconds: float | None = None
    should_stop: Callable[[], bool] | None = None
    barrier: str = "\x00"


@dataclass(frozen=True)
class Mined:
    """A template and the calls that it explains.

    members: ascending indices into prompts; no index is in two groups.
    values: values[i][j] is the text of prompt members[i] at place j; template.render(values[i]) is exactly the prompt.
    supersedes: indices into known: the templates that this template widens. Such a group may have fewer calls than
        min_group_size, since the calls of the known templates count too.
    fixed_share: share of the members' characters that are fixed text, 0 to 1.
    bits_saved: bits saved by writing the fixed text once instead of with every member.
    """

    template: Template
    members: list[int]
    values: list[tuple[str, ...]]
    supersedes: tuple[int, ...] = ()
    fixed_share: float = 0.0
    bits_saved: float = 0.0

    @property
    def why(self) -> str:
        """The evidence for this template, in words for people."""
        return (
            f"{len(self.members)} calls share this text; it makes up {self.fixed_share:.0%} of what they say and "
            f"saves {self.bits_saved / 8192:.1f} KiB when written once."
        )


@dataclass(frozen=True)
class MiningResult(Sequence[Mined]):
    """A read-only sequence of groups, largest first, ties by first member.

    ungrouped: index -> reason (a key of REASONS), for every prompt in no group.
    complete: False when max_seconds, should_stop or max_prompts left prompts unseen.
    """

    groups: tuple[Mined, ...] = ()
    ungrouped: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    complete: bool = True

    @overload
    def __getitem__(self, index: int) -> Mined: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Mined, ...]: ...
    def __getitem__(self, index: int | slice) -> Mined | tuple[Mined, ...]:
        return self.groups[index]

    def __len__(self) -> int:
        return len(self.groups)

    def __iter__(self) -> Iterator[Mined]:
        return iter(self.groups)
