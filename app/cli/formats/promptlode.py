"""Bodies as `POST /api/v1/traces` takes them."""

from collections.abc import Iterable

from app.cli.formats.base import Body, Call, Fit, Format

_WIRE = ("request", "body", "response", "params", "result")
_PROMPTS = ("input", "messages", "instructions")


class Promptlode(Format):
    """Our own; also what stays when nothing else fits, since its errors name the fields that are asked for."""

    name = "promptlode"

    def fit(self, value: Body) -> Fit:
        if any(isinstance(value.get(name), dict) for name in _WIRE) or "path" not in value:
            return Fit.POSSIBLE
        return Fit.CERTAIN if any(name in value for name in _PROMPTS) else Fit.POSSIBLE

    def calls(self, value: Body) -> Iterable[Call]:
        return [Call(value)]
