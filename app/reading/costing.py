"""The bill of a version in a range of time, from the database."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app.reading import insights
from app.reading.bill import Bill, bill
from app.reading.pieces import template_parts
from app.reading.prices import MILLION, Price
from app.reading.shares import Costs, costs
from app.reading.spending import Spending


@dataclass(frozen=True)
class Costing:
    """The usage of a version, and its bill; `output_dollars` is the part of its cost that is output."""

    spending: Spending
    bill: Bill
    output_dollars: float
    costs: Costs


def of_version(
    connection: Connection, project_id: UUID, version: Row[Any], spending: Spending, price: Price | None
) -> Costing:
    """The bill of a version, a row of `app.reading.tasks`, for what it used."""
    parts = template_parts(version.parts, version.slots)
    places = insights.place_statistics(connection, project_id, version.id, version.template_id)
    around = insights.around_prompt(connection, project_id, version.id)
    shares = costs(parts, version.slots, version.slot_kinds, places)
    priced_bill = bill(parts, shares, around, spending.used, price)
    output = price.output * spending.used.output_tokens / MILLION if price else 0.0
    return Costing(spending, priced_bill, output, shares)
