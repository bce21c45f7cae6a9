"""The bill of a template in a range of time, from the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from app.reading import insights
from app.reading.bill import Bill, bill
from app.reading.pieces import template_parts
from app.reading.prices import MILLION, Prices, blended
from app.reading.shares import Costs, costs
from app.reading.spending import Spending
from app.reading.template_calls import TemplateCalls


@dataclass(frozen=True)
class Costing:
    """The usage of a template, and its bill; `output_dollars` is the part of its cost that is output."""

    spending: Spending
    bill: Bill
    output_dollars: float
    costs: Costs


def of_template(
    connection: Connection,
    calls: TemplateCalls,
    template: Row[Any],
    spending_of_models: Sequence[tuple[str, Spending]],
    priced: Prices,
) -> Costing:
    """The bill of a template. template: a version with it, a row of `app.reading.tasks`. spending_of_models: models with what their calls used."""
    parts = template_parts(template.parts, template.slots)
    places = insights.place_statistics(connection, calls, len(template.slots))
    shares = costs(parts, template.slots, template.slot_kinds, places)
    spending = Spending.together(spending_of_model for _, spending_of_model in spending_of_models)
    price = blended((priced.of(model), spending_of_model.used) for model, spending_of_model in spending_of_models)
    priced_bill = bill(parts, shares, insights.around_prompt(connection, calls), spending.used, price)
    output = price.output * spending.used.output_tokens / MILLION if price else 0.0
    return Costing(spending, priced_bill, output, shares)
