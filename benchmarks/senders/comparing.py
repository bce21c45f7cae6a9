"""Compares the stored traces with the calls that a client made."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.senders.standin import Exchange, Text, same_role

Json = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One line of the matrix. Each figure counts calls; all but `stored` and `duplicates` count sent calls."""

    sent: int
    stored: int
    prompt: int
    answer: int
    usage: int
    conversation: int
    duplicates: int
    paths: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every call is stored once, with prompt, answer and usage."""
        return self.stored == self.sent == self.prompt == self.answer == self.usage and not self.duplicates


def compared(exchanges: Sequence[Exchange], traces: Sequence[Json]) -> Row:
    """The row of a client. Each sent call is looked up among the stored ones by its prompt, else by its answer."""
    untaken = list(traces)
    pairs = [(exchange, trace) for exchange in exchanges if (trace := _take(exchange, untaken)) is not None]
    return Row(
        sent=len(exchanges),
        stored=len(traces),
        prompt=sum(texts_of(trace) == exchange.texts for exchange, trace in pairs),
        answer=sum(exchange.answer in _all_texts(trace["output"]) for exchange, trace in pairs),
        usage=sum(_usage(trace) == (exchange.input_tokens, exchange.output_tokens) for exchange, trace in pairs),
        conversation=sum(bool(trace["conversation_id"]) for _, trace in pairs),
        duplicates=sum(any(_is_of(exchange, trace) for exchange in exchanges) for trace in untaken),
        paths=tuple(sorted({trace["path"] for trace in traces})),
    )


def _take(exchange: Exchange, untaken: list[Json]) -> Json | None:
    match = next((trace for trace in untaken if texts_of(trace) == exchange.texts), None)
    match = match or next((trace for trace in untaken if _is_of(exchange, trace)), None)
    if match is not None:
        untaken.remove(match)
    return match


def _is_of(exchange: Exchange, trace: Json) -> bool:
    return texts_of(trace) == exchange.texts or exchange.answer in _all_texts(trace["output"])


def _usage(trace: Json) -> tuple[Any, Any]:
    usage = trace["usage"] or {}
    return usage.get("input_tokens"), usage.get("output_tokens")


def texts_of(trace: Json) -> list[Text]:
    """The texts of all messages as they are stored, with their roles."""
    pairs: list[Text] = [("system", trace["instructions"])] if trace["instructions"] else []
    input_ = trace["input"]
    if isinstance(input_, str):
        return [*pairs, ("user", input_)]
    for message in [*(input_ or ()), *(trace["messages"] or ())]:
        content = message.get("content")
        parts = content if isinstance(content, list) else [content]
        texts = (part.get("text") if isinstance(part, dict) else part for part in parts)
        pairs += [(same_role(str(message.get("role", "user"))), text) for text in texts if isinstance(text, str)]
    return pairs


def _all_texts(value: Any) -> list[str]:
    return list(_walk(value))


def _walk(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _walk(inner)
