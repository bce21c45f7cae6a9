"""GET of what tasks, versions and slots used and cost; and the prices that a project sets."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from flask import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection, Row

from app.api import by_id
from app.api.counted_calls import CallsQuery
from app.api.shapes import Page
from app.api.usage_shapes import CostAnswer, PriceShape, UsageAnswer, ValueItem, rounded_dollars, usage_shape
from app.checks import Model, Name
from app.errors import NotFoundError
from app.http.answer import json_answer
from app.http.auditing import note
from app.http.paging import PageQuery, Whole, page_of
from app.http.ranges import RangeQuery
from app.http.routes import Routes, read_body
from app.http.services import services
from app.reading import bill, costing, prices, slot_values, spending, tasks
from app.reading.bill import BillLine
from app.reading.pieces import template_text
from app.reading.ranges import Range
from app.reading.slot_values import SlotPlace
from app.reading.spending import Spending
from app.reading.tasks import LAST_VERSION
from app.reading.usage import UsageScope
from app.store import prices as set_prices
from app.store.engine import transaction
from app.store.keys import KeyHolder
from app.telling.pricing import price_changed
from templating import meant_name

routes = Routes("usage")

MOST_HOURS = timedelta(days=31)
MOST_DAYS = timedelta(days=3 * 366)
"""An answer by hour has up to 744 items a version, one by day some 1,100."""

DEFAULT = {"hour": timedelta(hours=24), "day": timedelta(days=30)}


class UsageQuery(RangeQuery):
    """The usage of a task, by hour or day."""

    by: Literal["hour", "day"] = Field("day", description="The length of an item, in UTC.")
    version: Annotated[int, Field(ge=1, le=LAST_VERSION), Whole] | None = Field(
        None, description="Of this version alone."
    )

    @model_validator(mode="after")
    def _is_short_enough(self) -> Self:
        limit = MOST_HOURS if self.by == "hour" else MOST_DAYS
        if self.stated is not None and (self.since is None or _length(self) > limit):
            raise PydanticCustomError(
                "range", "Is too long: by {by} a range has at most {days} days.", {"by": self.by, "days": limit.days}
            )
        return self


def _length(query: RangeQuery) -> timedelta:
    """Of a range; without an end it lasts until now."""
    now = datetime.now(UTC)
    return (query.until or now) - (query.since or now)


@routes.route("GET", "/api/v1/tasks/<uuid:task_id>/usage", scope="read", query=UsageQuery, answers={200: UsageAnswer})
def get_usage(holder: KeyHolder, task_id: UUID, query: UsageQuery) -> Response:
    """The usage of each version of a task in each hour or day (24 hours, or 30 days, unless told otherwise)."""
    with services().reader.reading() as connection:
        owner_id = by_id.task_in_force(connection, holder.project_id, task_id)
        scope = UsageScope(holder.project_id, query.range(DEFAULT[query.by]), task_ids=[owner_id])
        hours = spending.by_time(connection, scope, query.by)
        if query.version is not None:
            if tasks.version_by_number(connection, holder.project_id, owner_id, query.version) is None:
                raise NotFoundError(
                    f"This task has no version {query.version}; `GET /api/v1/tasks/{owner_id}/implementations` lists its versions."
                )
            hours = [hour for hour in hours if hour.version.number == query.version]
    total = sum((hour.spending for hour in hours), Spending())
    return json_answer({"items": [_usage_item(hour) for hour in hours], "total": usage_shape(total)})


def _usage_item(hour: spending.Hour) -> dict[str, Any]:
    version = {"version": hour.version.number, "implementation_id": hour.version.id, "model": hour.version.model}
    return {"start": hour.start, **version, **usage_shape(hour.spending)}


class CostQuery(CallsQuery, RangeQuery):
    """The calls that a bill is of."""


@routes.route(
    "GET",
    "/api/v1/implementations/<uuid:implementation_id>/cost",
    scope="read",
    query=CostQuery,
    answers={200: CostAnswer},
)
def get_cost(holder: KeyHolder, implementation_id: UUID, query: CostQuery) -> Response:
    """The bill of a prompt: what its fixed text and each slot cost, and what a cache could save (24 hours unless told)."""
    with services().reader.reading() as connection:
        version = by_id.implementation(connection, holder.project_id, implementation_id)
        calls = query.calls_of(holder, version)
        priced = prices.of_project(connection, holder.project_id)
        scope = UsageScope(holder.project_id, query.range(), calls=calls)
        spending_of_models = [
            (spender.model, used) for spender, used in spending.of_versions(connection, scope, priced=priced).items()
        ]
        costs = costing.of_template(connection, calls, version, spending_of_models, priced)
    return json_answer(_cost(costs))


def _cost(costs: costing.Costing) -> dict[str, Any]:
    bill = costs.bill
    return {
        "calls": costs.spending.used.calls,
        "cost": rounded_dollars(costs.spending.cost.dollars),
        "cost_estimated": costs.spending.cost.estimated,
        "output_cost": rounded_dollars(costs.output_dollars),
        "fixed": _item(bill.fixed),
        "slots": [{"name": name, **_item(item)} for name, item in bill.slots.items()],
        "around": _item(bill.around),
        "cache": _cache(bill.cache),
    }


def _item(item: BillLine) -> dict[str, Any]:
    return {"tokens": item.tokens, "cost": rounded_dollars(item.dollars), "share": item.share}


def _cache(advice: bill.CacheAdvice) -> dict[str, Any]:
    parts = None if advice.reordered is None else [_part(part) for part in advice.reordered]
    return {
        "prefix_tokens": advice.prefix,
        "cached_seen": advice.seen,
        "cached_possible": advice.possible,
        "saving": rounded_dollars(advice.saving),
        "reordered": parts,
        "reordered_prefix_tokens": advice.reordered_prefix,
    }


def _part(part: Any) -> dict[str, str]:
    return {"role": part.role, "text": template_text(part)}


# --- values of slots


class ValueQuery(CallsQuery, RangeQuery, PageQuery):
    """The selection of a slot's values."""

    q: str = Field("", description="Values that hold this text, in whatever case.")


@routes.route(
    "GET",
    "/api/v1/implementations/<uuid:implementation_id>/slots/<string:name>/values",
    scope="read",
    query=ValueQuery,
    answers={200: Page[ValueItem]},
)
def list_values(holder: KeyHolder, implementation_id: UUID, name: str, query: ValueQuery) -> Response:
    """The values of a slot with how many calls had each, the most frequent first; of the newest 20,000 calls of the range."""
    skip = 0 if query.cursor is None else min(query.cursor.int, slot_values.MOST_CALLS_COUNTED)
    with services().reader.reading() as connection:
        version = by_id.implementation(connection, holder.project_id, implementation_id)
        place = SlotPlace(query.calls_of(holder, version), version.slots.index(_slot(version, name)))
        values = slot_values.values(
            connection, place, query.stated or Range(), holding=query.q, limit=query.limit + 1, skip=skip
        )
    answer = page_of(values, query.limit, _value, lambda _: UUID(int=skip + query.limit))
    return json_answer(answer)


def _value(value: slot_values.Value) -> dict[str, Any]:
    return {
        "value": value.text,
        "calls": value.calls,
        "first_seen": value.first_seen,
        "last_seen": value.last_seen,
    }


# --- prices

Dollars = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False, strict=True)]


class PriceIn(BaseModel):
    """The price of a model in a project, in US dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    model: Model = Field(description='The model as calls name it; "*": every model that has no other price.')
    input: Dollars
    output: Dollars
    cached: Dollars | None = Field(
        None, description="Of input from the provider's cache; that of other input if left out."
    )


class PriceQuery(BaseModel):
    """Whose price."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    model: Name = Field(description="The model as calls name it.")


@routes.route("GET", "/api/v1/prices", scope="read", query=PageQuery, answers={200: Page[PriceShape]})
def list_prices(holder: KeyHolder, query: PageQuery) -> Response:
    """The prices that hold, by model: those that the project has set, and the published ones of its other models."""
    skip = 0 if query.cursor is None else query.cursor.int
    with transaction(services().engine) as connection:
        own_prices = prices.of_project(connection, holder.project_id)
        models = tasks.models(connection, holder.project_id)
    names = sorted({*own_prices.prices_set, *models})[skip : skip + query.limit + 1]
    answer = page_of(
        names, query.limit, lambda name: _price(name, own_prices.of(name)), lambda _: UUID(int=skip + query.limit)
    )
    return json_answer(answer)


@routes.route("PUT", "/api/v1/prices", scope="admin", body=PriceIn, answers={200: PriceShape})
def put_price(holder: KeyHolder) -> Response:
    """Set the price of a model for the project; what was used before costs so too from now on."""
    body = read_body(PriceIn, "No price was set: see errors.")
    note(fields=["price"])
    with transaction(services().engine) as connection:
        before = prices.of_project(connection, holder.project_id).of(body.model)
        set_prices.set_price(
            connection,
            holder.project_id,
            body.model,
            input=body.input,
            output=body.output,
            cached=body.cached,
        )
        after = prices.of_project(connection, holder.project_id).of(body.model)
        _tell(connection, holder, body.model, before, after)
    return json_answer(_price(body.model, after))


@routes.route(
    "DELETE",
    "/api/v1/prices",
    scope="admin",
    query=PriceQuery,
    answers={200: PriceShape},
    problems={404: "No price is set for this model."},
)
def delete_price(holder: KeyHolder, query: PriceQuery) -> Response:
    """The published price of a model holds again."""
    with transaction(services().engine) as connection:
        before = prices.of_project(connection, holder.project_id).of(query.model)
        if not set_prices.remove(connection, holder.project_id, query.model):
            raise NotFoundError("This project has set no price for such a model.")
        after = prices.of_project(connection, holder.project_id).of(query.model)
        _tell(connection, holder, query.model, before, after)
    return json_answer(_price(query.model, after))


def _tell(
    connection: Connection, holder: KeyHolder, model: str, before: prices.Price | None, after: prices.Price | None
) -> None:
    price_changed(connection, holder.project_id, model, before=before, after=after, now=datetime.now(UTC))


def _price(model: str, price: prices.Price | None) -> dict[str, Any]:
    if price is None:
        return {"model": model, "input": None, "output": None, "cached": None, "source": "none"}
    return {"model": model} | vars(price)


# --- what the routes share


def _slot(version: Row[Any], name: str) -> str:
    slot = meant_name(name, version.slots)
    if slot is None:
        raise NotFoundError(
            f"This implementation has no slot of this name; its slots: {', '.join(version.slots) or 'none'}."
        )
    return slot
