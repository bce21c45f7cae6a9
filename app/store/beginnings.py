"""The beginnings of texts, for lists: a list never carries whole prompts."""

from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, cast, func, select

CHARACTERS_IN_LISTS = 400
"""Characters of a value or prompt that lists read; the page of a call reads all of it."""


def beginnings_of(texts: ColumnElement[Any]) -> ColumnElement[Any]:
    """SQL for an array's texts, each cut to `CHARACTERS_IN_LISTS`."""
    element = func.unnest(texts).table_valued("value", with_ordinality="place", name="one").render_derived()
    beginnings = select(func.left(cast(element.c.value, Text), CHARACTERS_IN_LISTS)).order_by(element.c.place)
    return func.array(beginnings.scalar_subquery(), type_=ARRAY(Text))
