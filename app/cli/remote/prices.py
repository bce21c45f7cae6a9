"""`promptlode prices`: what models cost, and the prices that a project sets."""

import rich_click as click

from app.cli.numbers import Decimal
from app.cli.printing import plain
from app.cli.remote.api import Api, Item
from app.cli.remote.options import connected, formed
from app.cli.remote.output import Cell, printed

LIST = "/api/v1/prices"


def _dollars(field: str) -> Cell:
    return lambda item: "" if item[field] is None else f"{item[field]:g}"


PRICES: dict[str, Cell] = {
    "Model": lambda item: item["model"],
    "Input": _dollars("input"),
    "Output": _dollars("output"),
    "Cached": _dollars("cached"),
    "Price": lambda item: {"none": "nobody knows it"}.get(item["source"], item["source"]),
}

_PRICE = Decimal(0, 1_000_000)


@click.group()
def prices() -> None:
    """The prices of models, in dollars for a million tokens, and those that a project sets."""


@prices.command("list")
@formed
@connected
def list_(api: Api, form: str) -> None:
    """List the prices that hold: those that the project has set, and the published ones of its other models."""
    printed(list(api.items(LIST)), PRICES, form)


@prices.command("set")
@click.argument("model")
@click.option("--input", "input_", type=_PRICE, required=True, help="Dollars for a million tokens of input.")
@click.option("--output", type=_PRICE, required=True, help="Dollars for a million tokens of output.")
@click.option("--cached", type=_PRICE, help="Of input from the provider's cache; that of other input if not given.")
@formed
@connected
def set_(api: Api, *, model: str, input_: float, output: float, cached: float | None, form: str) -> None:
    """Set the price of MODEL for the project; "*": of every model that has no other. Needs a key with the scope admin."""
    price = {"model": model, "input": input_, "output": output, "cached": cached}
    known_models = [item["model"] for item in api.items(LIST)]
    _tell(api.put(LIST, {name: value for name, value in price.items() if value is not None}), form)
    if model != "*" and model not in known_models:
        _note_unused(model, known_models)


def _note_unused(model: str, known_models: list[str]) -> None:
    """Say that no call has the model: only "*" stands for several models."""
    models = ", ".join(known_models) or "none yet"
    note = f"No call is of a model {model} so far; the price is kept for it. Models with calls or prices: {models}."
    click.echo(plain(note), err=True)


@prices.command("remove")
@click.argument("model")
@formed
@connected
def remove(api: Api, model: str, form: str) -> None:
    """Take back the price that was set for MODEL: the published one holds again. Needs a key with the scope admin."""
    _tell(api.delete(LIST, {"model": model}), form)


def _tell(price: Item, form: str) -> None:
    printed([price], PRICES, form)
