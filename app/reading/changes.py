"""The differences between two templates, word by word. Pure.

Lines are compared first, and words only inside lines that differ: `difflib` takes quadratic time, and two versions of a prompt share most
of their lines.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from difflib import SequenceMatcher
from itertools import groupby, takewhile
from operator import itemgetter
from typing import Any, NamedTuple

from app.grouping import slot_names
from app.reading.pieces import Part, Piece, wording_of

_WORD_OR_BLANK = re.compile(r"\w+|[^\S\n]+|\n|[^\w\s]")

MOST_WORDS_COMPARED = 2_000
"""Words of a changed stretch that are compared; a longer stretch is shown as removed and added as a whole (comparing takes some 0.5 s)."""

LEAST_CHARACTERS_BETWEEN = 5
"""Characters of common text that separate two changed stretches: "the" alone does not."""

CHARACTERS_OF_AN_END = 160
"""Characters shown at each end of a stretch that both templates have; the text between is folded."""

_NEVER = datetime.max.replace(tzinfo=UTC)


class BegunVersion(NamedTuple):
    """A version of a task, its first call (None without one), and its setup: model, settings and tools, in any form that compares."""

    number: int
    first_call: datetime | None
    setup: Any


def replaced_by(number: int, versions: Iterable[BegunVersion]) -> int | None:
    """The number of the version that version `number` replaced, among the versions of its task; None for the first version, and for one not among them.

    It is the last earlier version with the same setup: an app that uses two models edits a prompt for both. Without one, it is the last
    earlier version. Versions are earlier by their first calls: an import of old calls gives an old text a high number.
    """
    in_order = sorted(versions, key=lambda version: (version.first_call or _NEVER, version.number))
    setups = {version.number: version.setup for version in in_order}
    if number not in setups:  # a run has withdrawn it since the caller read it
        return None
    earlier = list(takewhile(lambda setup: setup != number, setups))
    alike = [setup for setup in earlier if setups[setup] == setups[number]]
    return next(reversed(alike or earlier), None)


def compare(old: Sequence[Part], new: Sequence[Part]) -> list[Part]:
    """The parts of both templates, in order, each piece marked as added, removed, folded or (unmarked) in both.

    A slot that continues under another name is in both, with its new name.
    """
    names = slot_names.renamed(wording_of(old), wording_of(new))
    before = {part.role: [_with_new_name(piece, names) for piece in part.pieces] for part in old}
    after = {part.role: part.pieces for part in new}
    roles = dict.fromkeys([*before, *after])
    return [Part(role, list(_compared(before.get(role, []), after.get(role, [])))) for role in roles]


def _with_new_name(piece: Piece, names: Mapping[str, str]) -> Piece:
    return piece if piece.slot is None else piece._replace(slot=names.get(piece.slot, piece.slot))


def is_changed(parts: Sequence[Part]) -> bool:
    return any(piece.change in {"added", "removed"} for part in parts for piece in part.pieces)


def _compared(old: Sequence[Piece], new: Sequence[Piece]) -> Iterator[Piece]:
    for change, words in _merged(_settled(_by_line(_lines(old), _lines(new)))):
        pieces = _joined(words, change)
        yield from pieces if change else _folded(pieces)


def _words(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Words of fixed text and whole slots, the units that are compared."""
    for piece in pieces:
        if piece.slot is None:
            yield from (Piece(word) for word in _WORD_OR_BLANK.findall(piece.text))
        else:
            yield piece


def _lines(pieces: Sequence[Piece]) -> "list[Line]":
    lines: list[list[Piece]] = [[]]
    for word in _words(pieces):
        lines[-1].append(word)
        if word.text == "\n":
            lines.append([])
    return [tuple(line) for line in lines if line]


ChangedPart = tuple[str, list[Piece]]
"""Words, and their change: removed, added or (empty) kept."""

Edit = tuple[list[Piece], list[Piece]]
"""Words of the old and of the new template; the same list twice where both have them."""


Line = tuple[Piece, ...]
"""The words of a line."""


def _by_line(old: list[Line], new: list[Line]) -> Iterator[Edit]:
    """The lines that both begin and end with are found first: `difflib` compares each blank line with all others."""
    begin = _alike(zip(old, new, strict=False))
    end = _alike(zip(reversed(old[begin:]), reversed(new[begin:]), strict=False))
    yield _words_of(old[:begin]), _words_of(new[:begin])
    yield from _by_differing_line(old[begin : len(old) - end], new[begin : len(new) - end])
    yield _words_of(old[len(old) - end :]), _words_of(new[len(new) - end :])


def _alike(pairs: Iterable[tuple[Line, Line]]) -> int:
    """The number of pairs of equal lines before the first other pair."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _words_of(lines: Iterable[Line]) -> list[Piece]:
    return [word for line in lines for word in line]


def _by_differing_line(old: list[Line], new: list[Line]) -> Iterator[Edit]:
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        words_removed, words_added = _words_of(old[i:j]), _words_of(new[k:m])
        if tag == "equal" or len(words_removed) + len(words_added) > MOST_WORDS_COMPARED:
            yield words_removed, words_added
        else:
            yield from _by_word(words_removed, words_added)


def _by_word(old: list[Piece], new: list[Piece]) -> Iterator[Edit]:
    for _, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield old[i:j], new[k:m]


def _settled(edits: Iterable[Edit]) -> Iterator[ChangedPart]:
    """The edits as changes: removed words, then added ones, then kept ones.

    Short common text between two changed words is shown as changed, or an exchanged sentence would fall apart into single words.
    """
    pieces_removed, pieces_added = list[Piece](), list[Piece]()
    for old, new in edits:
        if old == new and not (_is_little(old) and (pieces_removed or pieces_added)):
            yield from _flushed(pieces_removed, pieces_added)
            yield "", new
            pieces_removed, pieces_added = [], []
        else:
            pieces_removed, pieces_added = [*pieces_removed, *old], [*pieces_added, *new]
    yield from _flushed(pieces_removed, pieces_added)


def _is_little(words: Sequence[Piece]) -> bool:
    return (
        all(word.slot is None for word in words)
        and len("".join(word.text for word in words).strip()) < LEAST_CHARACTERS_BETWEEN
    )


def _flushed(removed: list[Piece], pieces_added: list[Piece]) -> Iterator[ChangedPart]:
    """One edit; common white space at its end does not belong to it."""
    end = 0
    while end < min(len(removed), len(pieces_added)) and removed[-1 - end] == pieces_added[-1 - end]:
        end += 1
    yield "removed", removed[: len(removed) - end]
    yield "added", pieces_added[: len(pieces_added) - end]
    yield "", pieces_added[len(pieces_added) - end :]


def _merged(changes: Iterable[ChangedPart]) -> Iterator[ChangedPart]:
    """Neighbouring changes of one kind joined, without empty ones."""
    filled = (change for change in changes if change[1])
    for kind, neighbours in groupby(filled, key=itemgetter(0)):
        yield kind, [word for _, words in neighbours for word in words]


def _joined(words: Sequence[Piece], change: str) -> list[Piece]:
    """The words in few pieces: one for each stretch of text, one for each slot."""
    pieces: list[Piece] = []
    for word in words:
        if pieces and word.slot is None and pieces[-1].slot is None:
            pieces[-1] = Piece(pieces[-1].text + word.text, None, change)
        else:
            pieces.append(Piece(word.text, word.slot, change))
    return pieces


def _folded(pieces: Sequence[Piece]) -> Iterator[Piece]:
    for piece in pieces:
        if len(piece.text) > 3 * CHARACTERS_OF_AN_END:
            yield Piece(piece.text[:CHARACTERS_OF_AN_END])
            yield Piece(piece.text[CHARACTERS_OF_AN_END:-CHARACTERS_OF_AN_END], None, "folded")
            yield Piece(piece.text[-CHARACTERS_OF_AN_END:])
        else:
            yield piece
