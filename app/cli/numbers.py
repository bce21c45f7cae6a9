"""Numbers on a command line, in ASCII digits: click's own types also take `1_000`, `nan` and the digits of every script."""

from typing import Any

import rich_click as click

from app.checks import is_whole, number_of


class Whole(click.IntRange):
    """A whole number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, str) and not is_whole(value.removeprefix("-")):
            self.fail(f"{value!r} is not a whole number, written in digits.", param, ctx)
        return super().convert(value, param, ctx)


class Decimal(click.FloatRange):
    """A number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, str) and number_of(value) is None:
            self.fail(f"{value!r} is not a number, written in digits.", param, ctx)
        return super().convert(value, param, ctx)
