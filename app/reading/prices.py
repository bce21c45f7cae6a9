"""Prices of tokens: those that a project has set, else the published ones of the package genai-prices.

The package holds the prices of its release; its updater, which asks a server, is never started, so no data leaves this machine. It is
imported with the first price, which takes a second. Prices are today's, for the tier of short inputs: a model that costs more above
200,000 tokens a call is counted too low there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from app.store import prices
from app.store.call_facts import Usage

EVERY_MODEL = "*"
"""The name under which a project prices every model that has no other price."""

MILLION = 1_000_000
"""Tokens to which prices refer."""

_PROBE = 1_000
"""Tokens of the probe for a price: an input of the short tier of any model."""


@dataclass(frozen=True)
class Price:
    """Dollars for a million tokens. source: set (by a person) or published."""

    input: float
    output: float
    cached: float
    source: str = "set"

    @property
    def is_free(self) -> bool:
        """Whether calls cost nothing, whatever their tokens: those of a model of one's own."""
        return not (self.input or self.output or self.cached)


class Cost(NamedTuple):
    """Dollars. estimated: some token counts or a price were unknown; a call without a price adds nothing."""

    dollars: float = 0.0
    estimated: bool = False

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known of it: no model has a price."""
        return self.estimated and not self.dollars

    def __add__(self, other: "Cost") -> "Cost":  # type: ignore[override]
        return Cost(self.dollars + other.dollars, self.estimated or other.estimated)


@dataclass(frozen=True)
class Prices:
    """The prices of a project."""

    prices_set: Mapping[str, Price] = field(default_factory=dict)

    def of(self, model: str) -> Price | None:
        """The price of a model; None where it is unknown."""
        return self.prices_set.get(model) or published(model) or self.prices_set.get(EVERY_MODEL)

    def cost(self, model: str, usage: Usage) -> Cost:
        """The cost of calls of a model."""
        price = self.of(model)
        if price is None:
            return Cost(0.0, usage.calls > 0)
        dollars = input_dollars(price, usage) + price.output * usage.output_tokens / MILLION
        return Cost(dollars, usage.estimated > 0 and not price.is_free)


def input_dollars(price: Price, usage: Usage) -> float:
    """The cost of the input alone, cached tokens at their own price."""
    return (price.input * (usage.input_tokens - usage.cached_tokens) + price.cached * usage.cached_tokens) / MILLION


def blended(usage_by_price: Iterable[tuple[Price | None, Usage]]) -> Price | None:
    """One price at which all calls together cost what they cost at their own; None where no price is known.

    Calls without a price cost nothing, as in `Prices.cost`.
    """
    pairs = [(price or _UNKNOWN, usage) for price, usage in usage_by_price if price or usage.calls]
    distinct = {price for price, _ in pairs}
    if len(distinct) < 2:
        return next(iter(distinct - {_UNKNOWN}), None)
    fresh = [(price.input, usage.input_tokens - usage.cached_tokens) for price, usage in pairs]
    cached = [(price.cached, usage.cached_tokens) for price, usage in pairs]
    uncached = [(price.cached, usage.input_tokens) for price, usage in pairs]
    answers = [(price.output, usage.output_tokens) for price, usage in pairs]
    is_cached = any(tokens for _, tokens in cached)
    return Price(
        input=_mean(fresh), output=_mean(answers), cached=_mean(cached if is_cached else uncached), source="blended"
    )


_UNKNOWN = Price(0.0, 0.0, 0.0, "none")


def _mean(pairs: Sequence[tuple[float, int]]) -> float:
    """The mean of some prices by their tokens; without tokens the plain mean."""
    tokens = sum(tokens_of_price for _, tokens_of_price in pairs)
    if not tokens:
        return sum(price for price, _ in pairs) / len(pairs)
    return sum(price * tokens_of_price for price, tokens_of_price in pairs) / tokens


def of_project(connection: Connection, project_id: UUID) -> Prices:
    """The prices of a project."""
    rows = prices.of_project(connection, project_id)
    return Prices({row.model: Price(row.input, row.output, _or(row.cached, row.input)) for row in rows})


def _or(cached: float | None, price: float) -> float:
    return price if cached is None else cached


@lru_cache(maxsize=4096)
def published(model: str) -> Price | None:
    """The published price of a model, whose name may begin with its provider's (`azure/gpt-4o`)."""
    for name, provider in _names(model):
        if (price := _dollars(name, provider, input_tokens=_PROBE)) is not None:
            cached = _dollars(name, provider, input_tokens=_PROBE, cache_read_tokens=_PROBE)
            output = _dollars(name, provider, output_tokens=_PROBE)  # None for an embedding model
            return Price(price, output or 0.0, _or(cached, price), "published")
    return None


def load() -> None:
    """Import the published prices, so that the first page is not delayed."""
    published("gpt-4o")


def _names(model: str) -> Iterator[tuple[str, str | None]]:
    provider, slash, name = model.rpartition("/")
    if slash:
        yield name, provider.rpartition("/")[2].lower()
    yield model, None
    if slash:
        yield name, None


def _dollars(model: str, provider: str | None, **counts: int) -> float | None:
    """Dollars for a million tokens; None where the package does not know the model or its use."""
    from genai_prices import Usage, calc_price  # takes a second, so it is imported with the first price

    try:
        return float(calc_price(Usage(**counts), model, provider_id=provider).total_price) * MILLION / _PROBE
    except (LookupError, ValueError):
        return None
