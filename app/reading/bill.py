"""The bill of a prompt: the cost of its fixed text and of each of its slots, and what a cache could save. Pure.

Providers bill the tokens of a whole input. The bill divides them by characters: the parts of an average sampled call that are fixed text,
each slot, and text around the prompt (history, tools).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile

from app.reading.pieces import Part, Piece
from app.reading.prices import MILLION, Price, input_dollars
from app.reading.shares import Costs
from app.reading.slot_values import ENOUGH_CALLS
from app.store.call_facts import Usage

Block = list[Piece]
"""A paragraph, a line, or several."""

LEAST_CACHED = 1024
"""Tokens of the shortest prefix that OpenAI, Anthropic and Google cache; some of their models need more."""

LEAST_CHARACTERS_APART = 200
"""Characters of fixed lines that stay when the varying lines of their paragraph move. Shorter ones are labels and instructions about these."""

_CLOSES = re.compile(r"\s*(</|```)")
"""The line after a value that ends a tag or a fence."""

_OPENS = re.compile(r"\s*([<#`]|.*:\s*$)")
"""The line before a value that is its tag, heading, fence or label."""


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
    paragraphs and lines with varying slots were moved behind the others, as in `reordered`, whose prefix has `reordered_prefix` tokens; None: there
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
    """The same paragraphs, those with varying slots last; such paragraphs of the system part move to the user part.

    Of a paragraph with long fixed text, only the lines with varying slots move.
    """
    blocks = {part.role: _blocks(part.pieces, moving) for part in parts}
    fixed_blocks = {
        role: [block for block in blocks_of_role if not _moves(block, moving)]
        for role, blocks_of_role in blocks.items()
    }
    moves = [block for role in ("system", "user") for block in blocks.get(role, []) if _moves(block, moving)]
    ordered = [
        Part("system", _joined(fixed_blocks.get("system", []), "\n\n")),
        Part("user", _joined([*fixed_blocks.get("user", []), *moves], "\n\n")),
        *(part for part in parts if part.role not in {"system", "user"}),
    ]
    return [part for part in ordered if part.pieces]


def _blocks(pieces: Sequence[Piece], moving: set[str]) -> list[Block]:
    """Paragraphs; one with varying slots in its stretches of lines."""
    paragraphs = (block for block in _split(pieces, "\n\n") if any(piece.slot or piece.text.strip() for piece in block))
    return [block for paragraph in paragraphs for block in _stretches(paragraph, moving)]


def _split(pieces: Sequence[Piece], separator: str) -> list[Block]:
    """The pieces, separated at a text of the fixed text."""
    blocks: list[Block] = [[]]
    for piece in pieces:
        first, *further = piece.text.split(separator) if piece.slot is None else [piece]
        blocks[-1].append(Piece(first) if isinstance(first, str) else first)
        blocks.extend([Piece(text)] for text in further if isinstance(text, str))
    return blocks


def _stretches(paragraph: Block, moving: set[str]) -> list[Block]:
    """A paragraph, with long fixed lines apart from the lines that vary; their tags and labels stay with these."""
    stretches: list[list[Block]] = [[]]
    runs = [list(run) for _, run in groupby(_split(paragraph, "\n"), lambda line: _moves(line, moving))]
    for number, run in enumerate(runs):
        if _is_apart(run, moving):
            closing = 1 if number > 0 and _is_like(_CLOSES, run[0]) else 0
            end = len(run) - 1 if number + 1 < len(runs) and _is_like(_OPENS, run[-1]) else len(run)
            stretches[-1].extend(run[:closing])
            stretches.extend([run[closing:end], run[end:]])
        else:
            stretches[-1].extend(run)
    return [_joined(lines, "\n") for lines in stretches if lines]


def _is_apart(run: Sequence[Block], moving: set[str]) -> bool:
    return not any(_moves(line, moving) for line in run) and sum(map(_length, run)) >= LEAST_CHARACTERS_APART


def _length(line: Block) -> int:
    return sum(len(piece.text) for piece in line)


def _is_like(pattern: re.Pattern[str], line: Block) -> bool:
    return line[0].slot is None and pattern.match(line[0].text) is not None


def _moves(block: Block, moving: set[str]) -> bool:
    return any(piece.slot in moving for piece in block)


def _joined(blocks: Sequence[Block], separator: str) -> Block:
    """Paragraphs or lines joined by a separator, neighbouring texts as one piece."""
    pieces: Block = []
    for number, block in enumerate(blocks):
        for piece in [*([Piece(separator)] if number else []), *block]:
            if pieces and piece.slot is None and pieces[-1].slot is None:
                pieces[-1] = Piece(pieces[-1].text + piece.text)
            else:
                pieces.append(piece)
    return pieces
