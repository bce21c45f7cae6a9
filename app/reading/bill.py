"""The bill of a prompt: the cost of its fixed text and of each of its slots, and what a cache could save. Pure.

Providers bill the tokens of a whole input. The bill divides them by characters: the parts of an average sampled call that are fixed text,
each slot, and text around the prompt (history, tools).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from app.reading.pieces import Part, Piece
from app.reading.prices import MILLION, Price, input_dollars
from app.reading.shares import Costs
from app.reading.slot_values import ENOUGH_CALLS
from app.store.call_facts import Usage

LEAST_CACHED = 1024
"""Tokens of the shortest prefix that OpenAI, Anthropic and Google cache; some of their models need more."""


@dataclass(frozen=True)
class BillLine:
    """A line of the bill: tokens and dollars of the range, share of the input."""

    tokens: int
    dollars: float
    share: float


@dataclass(frozen=True)
class CacheAdvice:
    """The tokens that a provider's prefix cache saved and could save, in the range.

    prefix: tokens of a call before the first slot that varies. seen, possible: cached tokens of all calls. saving: dollars saved if
    paragraphs with varying slots were moved behind the others, as in `reordered`, whose prefix has `reordered_prefix` tokens; None: there
    is nothing to move.
    """

    prefix: int
    seen: int
    possible: int
    saving: float
    reordered: list[Part] | None
    reordered_prefix: int


@dataclass(frozen=True)
class Bill:
    """The cost of a version's input by its origin."""

    fixed: BillLine
    slots: dict[str, BillLine]
    around: BillLine
    cache: CacheAdvice


def bill(parts: Sequence[Part], costs: Costs, around: float, usage: Usage, price: Price | None) -> Bill:
    """The bill of a version. around: characters of an average call beside its prompt; price: None where it is unknown."""
    mean_tokens = costs.mean + around
    dollars = input_dollars(price, usage) if price else 0.0

    def item(characters: float) -> BillLine:
        share = characters / mean_tokens if mean_tokens else 0.0
        return BillLine(round(usage.input_tokens * share), dollars * share, share)

    slots = {slot.name: item(slot.mean) for slot in costs.slots}
    return Bill(item(costs.fixed), slots, item(around), _advice(parts, costs, mean_tokens, usage, price))


def varying(costs: Costs) -> set[str]:
    """Slots whose values differ between sampled calls."""
    return {slot.name for slot in costs.slots if slot.distinct > 1 or costs.calls < ENOUGH_CALLS}


def _advice(parts: Sequence[Part], costs: Costs, mean_tokens: float, usage: Usage, price: Price | None) -> CacheAdvice:
    moving = varying(costs)
    means = {slot.name: slot.mean / max(slot.places, 1) for slot in costs.slots}
    per_call = usage.input_tokens / usage.calls if usage.calls else 0.0

    def prefix(template: Sequence[Part]) -> int:
        return round(per_call * _prefix(template, moving, means) / mean_tokens) if mean_tokens else 0

    ordered = reordered(parts, moving)
    tokens_now, tokens_reordered = prefix(parts), prefix(ordered)
    possible, better = (
        tokens * usage.calls if tokens >= LEAST_CACHED else 0 for tokens in (tokens_now, tokens_reordered)
    )
    gain = max(0, better - max(possible, usage.cached_tokens))
    saving = gain * max(0.0, price.input - price.cached) / MILLION if price else 0.0
    return CacheAdvice(
        tokens_now,
        usage.cached_tokens,
        possible,
        saving,
        ordered if tokens_reordered > tokens_now else None,
        tokens_reordered,
    )


def _prefix(parts: Sequence[Part], moving: set[str], means: dict[str, float]) -> float:
    """Characters before the first slot that varies."""
    pieces = (piece for part in parts for piece in part.pieces)
    return sum(_mean(piece, means) for piece in takewhile(lambda piece: piece.slot not in moving, pieces))


def prefix_end(parts: Sequence[Part], moving: set[str]) -> tuple[int, int] | None:
    """The number of the part, and of the piece in it, at which the cacheable prefix ends; None where nothing varies."""
    for number, part in enumerate(parts):
        for place, piece in enumerate(part.pieces):
            if piece.slot in moving:
                return number, place
    return None


def _mean(piece: Piece, means: dict[str, float]) -> float:
    return len(piece.text) if piece.slot is None else means.get(piece.slot, 0.0)


# --- another order


def reordered(parts: Sequence[Part], moving: set[str]) -> list[Part]:
    """The same paragraphs, those with varying slots last; such paragraphs of the system part move to the user part."""
    blocks = {part.role: _blocks(part.pieces) for part in parts}
    fixed_blocks = {
        role: [block for block in blocks_of_role if not _moves(block, moving)]
        for role, blocks_of_role in blocks.items()
    }
    moves = [block for role in ("system", "user") for block in blocks.get(role, []) if _moves(block, moving)]
    ordered = [
        Part("system", _joined(fixed_blocks.get("system", []))),
        Part("user", _joined([*fixed_blocks.get("user", []), *moves])),
        *(part for part in parts if part.role not in {"system", "user"}),
    ]
    return [part for part in ordered if part.pieces]


def _blocks(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Paragraphs, separated at blank lines of the fixed text."""
    blocks: list[list[Piece]] = [[]]
    for piece in pieces:
        first, *further = piece.text.split("\n\n") if piece.slot is None else [piece]
        blocks[-1].append(Piece(first) if isinstance(first, str) else first)
        blocks.extend([Piece(text)] for text in further if isinstance(text, str))
    return [block for block in blocks if any(piece.slot or piece.text.strip() for piece in block)]


def _moves(block: Sequence[Piece], moving: set[str]) -> bool:
    return any(piece.slot in moving for piece in block)


def _joined(blocks: Sequence[Sequence[Piece]]) -> list[Piece]:
    """Paragraphs joined by blank lines, neighbouring texts as one piece."""
    pieces: list[Piece] = []
    for number, block in enumerate(blocks):
        for piece in [*([Piece("\n\n")] if number else []), *block]:
            if pieces and piece.slot is None and pieces[-1].slot is None:
                pieces[-1] = Piece(pieces[-1].text + piece.text)
            else:
                pieces.append(piece)
    return pieces
