"""A POST of one trace without Flask."""

import orjson

from app.api import traces
from app.config import Settings
from app.errors import DatabaseDownError
from app.front.answers import Answer, NotQuick, QuickRequest, answer_of, answer_with
from app.front.storing import CallToStore, Storing
from app.http.answer import JSON, json_bytes
from app.http.counting import has_more_values
from app.http.problem import of_outage
from app.http.services import Services
from app.intake.posted import read_posted
from app.intake.trace import Incoming, InvalidTraceError


class QuickTraces:
    """Answers POSTs of one trace."""

    media_types: tuple[str, ...] = (JSON,)

    def __init__(self, services: Services, settings: Settings, storing: Storing) -> None:
        self._limits = services.limits
        self._most_values = settings.max_json_values
        self._storing = storing

    def close(self) -> None:
        """Nothing to end."""

    async def answer(self, request: QuickRequest) -> Answer | NotQuick:
        """The row of the stored trace, or NotQuick."""
        incoming = self._incoming(request.body)
        if incoming is None:
            return NotQuick()
        try:
            stored = await self._storing.store(request, [CallToStore(incoming)])
            if isinstance(stored, NotQuick):
                return stored
            (accepted,) = await self._storing.accepted(request, stored)
        except DatabaseDownError as error:
            return answer_of(of_outage(error))
        return answer_with(201, JSON, json_bytes(traces.row_of(accepted)))

    def _incoming(self, body: bytes) -> Incoming | None:
        if has_more_values(body, self._most_values):
            return None
        try:
            parsed = orjson.loads(body)
            if not isinstance(parsed, dict) or "traces" in parsed:
                return None
            return read_posted(parsed, self._limits, is_json=True)
        except (orjson.JSONDecodeError, InvalidTraceError):
            return None
