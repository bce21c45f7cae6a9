"""The shapes of usage, and the functions that make these answers."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.api.shapes import TaskSummary
from app.http.shapes import Shape
from app.reading.spending import Spending


class Tokens(Shape):
    """Tokens of all calls; `cached` ones are part of `input`, `reasoning` ones of `output`."""

    input: int
    output: int
    cached: int
    reasoning: int


class Latency(Shape):
    """Seconds that half of the calls, and 95 % of them, took at most, some 10 % exact; null where no call says."""

    p50: float | None
    p95: float | None


class UsedShape(Shape):
    """The usage of calls. `cost` is in US dollars; `cost_estimated` says that some tokens or a price were not known."""

    calls: int
    errors: int
    tokens: Tokens
    cost: float
    cost_estimated: bool
    latency: Latency


class ListedTask(TaskSummary):
    """A task in a list, with what it used in the range; `calls` are those of all time."""

    calls_in_range: int
    errors: int
    tokens: Tokens
    cost: float
    cost_estimated: bool
    latency: Latency


class UsageItem(UsedShape):
    """The usage of a version in the hour or day (UTC) that begins at `start`."""

    start: datetime
    version: int
    implementation_id: UUID
    model: str


class UsageAnswer(Shape):
    """Hours or days with calls, by time and version; `total` is their sum."""

    items: list[UsageItem]
    total: UsedShape


class BillItem(Shape):
    """Tokens and dollars of the range, and which share of the input they are."""

    tokens: int
    cost: float
    share: float


class SlotItem(BillItem):
    """The cost of a slot, all its places together."""

    name: str


class ReorderedPart(Shape):
    """A part of the re-ordered template; a slot is written {{name}}."""

    role: str
    text: str


class CacheShape(Shape):
    """The tokens that a provider's cache of prefixes saw and could see.

    `prefix_tokens` of a call stand before the first slot that varies; `cached_seen` and `cached_possible` are tokens of all calls of the range;
    `saving` are the dollars saved, were the paragraphs and lines with varying slots behind the others, as in `reordered` (null: nothing to gain).
    """

    prefix_tokens: int
    cached_seen: int
    cached_possible: int
    saving: float
    reordered: list[ReorderedPart] | None
    reordered_prefix_tokens: int


class CostAnswer(Shape):
    """The bill of a prompt. `around` is what calls send beside it: history, tools. The items and `output_cost` make `cost`."""

    calls: int
    cost: float
    cost_estimated: bool
    output_cost: float
    fixed: BillItem
    slots: list[SlotItem]
    around: BillItem
    cache: CacheShape


class ValueItem(Shape):
    """A value of a slot, and the calls that have it."""

    value: str
    calls: int
    first_seen: datetime
    last_seen: datetime


class DiffVersion(Shape):
    """One side of a comparison, with what it used in the range."""

    version: int
    implementation_id: UUID
    model: str
    settings: dict[str, Any]
    tools: Any
    usage: UsedShape


class DiffPiece(Shape):
    """A stretch of fixed text, or a slot, that both versions have or one of them."""

    change: Literal["same", "added", "removed"]
    text: str
    slot: str | None


class DiffPart(Shape):
    """A part of the template, word by word."""

    role: str
    pieces: list[DiffPiece]


_Side = ConfigDict(extra="forbid", validate_by_name=True, serialize_by_alias=True)


class DiffAnswer(BaseModel):
    """The difference from one version to another."""

    model_config = _Side

    from_: DiffVersion = Field(alias="from")
    to: DiffVersion
    changed: bool
    template: list[DiffPart]


class Departure(Shape):
    """The place where the text leaves the template: characters into its part of the prompt, the template's text, the call's text."""

    role: str
    offset: int
    expected: str
    found: str


class Nearest(Shape):
    """The template whose fixed text the call follows farthest. `share` of it; `leaves` is null where the call follows all of it."""

    task_id: UUID
    implementation_id: UUID | None
    version: int | None
    name: str
    share: float
    leaves: Departure | None


class WhyAnswer(Shape):
    """Why a call is where it is."""

    state: Literal["matched", "owed", "considered", "no prompt"]
    summary: str
    nearest: Nearest | None


class PriceShape(Shape):
    """US dollars for a million tokens of a model. `source`: set, published, or none where no price is known (then all are null)."""

    model: str
    input: float | None
    output: float | None
    cached: float | None
    source: Literal["set", "published", "none"]


def usage_shape(spending: Spending) -> dict[str, Any]:
    """The usage of calls in the form of `UsedShape`."""
    usage = spending.used
    return {
        "calls": usage.calls,
        "errors": usage.failures,
        "tokens": {
            "input": usage.input_tokens,
            "output": usage.output_tokens,
            "cached": usage.cached_tokens,
            "reasoning": usage.reasoning_tokens,
        },
        "cost": rounded_dollars(spending.cost.dollars),
        "cost_estimated": spending.cost.estimated,
        "latency": {"p50": _seconds(usage.latency_ms(0.5)), "p95": _seconds(usage.latency_ms(0.95))},
    }


def rounded_dollars(dollars: float) -> float:
    """Dollars without the noise of sums in floating point; a token costs some 1e-8 dollars at the least."""
    return round(dollars, 10)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds / 1000, 3)
