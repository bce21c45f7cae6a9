"""The page of one call."""

from http import HTTPStatus
from typing import Any

from flask import abort, render_template
from sqlalchemy import Row

from app.pages import access
from app.pages.arguments import id_or_404, project
from app.pages.blueprint import pages
from app.pages.drawing import MOST_SLOTS, MOST_SLOTS_DRAWN
from app.pages.versions import colours_of, versions_of
from app.reading import neighbours, outside, placing, prices, tasks
from app.reading.pieces import Part, plain_parts, prompt_parts, with_plain_rest
from app.store import traces

MOST_OUTSIDE = 100
"""Messages beside the prompt on the page of a call: an agent's history has hundreds."""


@pages.get("/traces/<trace_id>")
def trace(trace_id: str) -> str:
    with access.reading() as connection:
        call = traces.get(connection, project(), id_or_404(trace_id)) or abort(HTTPStatus.NOT_FOUND)
        of_task = tasks.get(connection, project(), call.task_id) if call.task_id else None
        versions = versions_of(connection, of_task) if of_task else []
        placed = placing.placed(connection, call)
        beside = neighbours.of_call(connection, project(), call)
        turns = neighbours.turns(connection, project(), call.conversation_id) if call.conversation_id else []
        priced = prices.of_project(connection, project()).of(call.model)
    return render_template(
        "pages/trace.html",
        call=call,
        task=of_task,
        parts=with_plain_rest(_prompt(call), MOST_SLOTS_DRAWN, filled=True),
        values=traces.variables_of(call.slots, call.variables),
        outside=outside.of_call(call),
        most_outside=MOST_OUTSIDE,
        most_slots=MOST_SLOTS,
        colours=colours_of(versions),
        placed=placed,
        role_of=placing.role_of,
        beside=beside,
        turns=turns,
        price=priced,
    )


def _prompt(call: Row[Any]) -> list[Part]:
    """The prompt of a call, with its values marked where it has a template."""
    prompt = call.prompt_parts or []
    return prompt_parts(call.parts, call.slots, call.variables, prompt) if call.parts else plain_parts(prompt)
