"""The values of a template's slots, and each slot's share of the prompt. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.reading.insights import CountedValue, PlaceStatistics
from app.reading.pieces import Part


@dataclass(frozen=True)
class SlotRow:
    """A slot for readers. A name at several places is one slot, whose characters are those of all places."""

    name: str
    kind: str
    places: int
    distinct: int
    mean: float
    longest: int
    share: float
    top: tuple[CountedValue, ...]


@dataclass(frozen=True)
class Costs:
    """The characters of a prompt by origin, on average over the sampled calls."""

    calls: int
    fixed: int
    fixed_share: float
    mean: float
    slots: tuple[SlotRow, ...]


def costs(
    parts: Sequence[Part],
    slots: Sequence[str],
    kinds: Sequence[Mapping[str, Any]],
    places: Mapping[int, PlaceStatistics],
) -> Costs:
    """The characters that calls of a template put into its slots; `kinds` are stored with the template, by place.

    The shares of all slots and of the fixed text add up to 1: a prompt consists of its literals and values.
    """
    fixed = sum(part.characters for part in parts)
    mean = fixed + sum(_mean(place) for place in places.values())
    words = dict(zip(slots, map(_in_words, kinds), strict=False))
    rows = [
        _slot_row(name, words.get(name, ""), [places[n] for n in numbers if n in places], mean)
        for name, numbers in _by_name(slots)
    ]
    calls = max((place.calls for place in places.values()), default=0)
    by_share = sorted(rows, key=lambda row: row.share, reverse=True)
    return Costs(calls, fixed, _ratio(fixed, mean), mean, tuple(by_share))


def _by_name(slots: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Each slot with its places, in the order of the first places."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(slots):
        places.setdefault(name, []).append(place)
    return list(places.items())


def _slot_row(name: str, kind: str, places: Sequence[PlaceStatistics], total: float) -> SlotRow:
    if not places:
        return SlotRow(name, kind, 0, 0, 0, 0, 0, ())
    first, mean = places[0], sum(_mean(place) for place in places)
    return SlotRow(
        name,
        kind,
        len(places),
        first.distinct,
        mean,
        first.longest,
        _ratio(mean, total),
        tuple(first.values),
    )


def _in_words(kind: Mapping[str, Any]) -> str:
    """The words for a stored `templating.SlotKind`, without its values, which are shown beside it."""
    return f"{kind['kind']}, may be empty" if kind["optional"] else str(kind["kind"])


def _mean(place: PlaceStatistics) -> float:
    return place.characters / place.calls


def _ratio(part: float, total: float) -> float:
    return part / total if total else 0.0
