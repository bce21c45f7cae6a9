"""Bodies as `POST /api/v1/traces` takes them."""

from collections.abc import Iterable

from app.cli.formats.base import PROMPTS, Body, Fit, LogFormat, LoggedCall

_WIRE = ("request", "body", "response", "params", "result")
_FIELDS = ("model", "path", *PROMPTS)


class Promptlode(LogFormat):
    """Our own kind; also used when no other fits, since its errors name the required fields."""

    name = "promptlode"

    def fit(self, value: Body) -> Fit:
        if any(isinstance(value.get(name), dict) for name in _WIRE):
            return Fit.POSSIBLE
        if not any(name in value for name in _FIELDS):
            return Fit.NO
        return Fit.CERTAIN if "path" in value and any(name in value for name in PROMPTS) else Fit.POSSIBLE

    def calls(self, value: Body) -> Iterable[LoggedCall]:
        return [LoggedCall(value, is_strict=True)]
