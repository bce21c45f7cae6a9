"""The verdict of a review on known templates."""

from datetime import UTC, datetime
from uuid import UUID

from app.grouping.findings import Finding
from app.grouping.reviews import judged
from app.store.calls import Call
from app.store.templates import StoredTemplate
from templating import Template


def stored(number: int, text: str) -> StoredTemplate:
    return StoredTemplate(UUID(int=number), UUID(int=number), UUID(int=number), Template.parse(text), frozenset())


def call(number: int, prompt: str, of: StoredTemplate) -> Call:
    return Call(UUID(int=100 + number), prompt, "m", "", datetime.fromtimestamp(number, UTC), False, of.id)


def test_a_template_found_again_takes_the_place_of_none_that_it_stood_beside() -> None:
    general, beside, swallowed = stored(1, "Sort {{a}}"), stored(2, "Sort '{{a}}'"), stored(3, "Sort: {{a}}")
    general_calls = [call(number, f"Sort {number} {number}", general) for number in range(3)]
    swallowed_calls = [call(number, f"Sort : {number}", swallowed) for number in range(3, 6)]

    def verdicts(calls: list[Call], *reviewed: StoredTemplate) -> list[frozenset[UUID]]:
        found_again = Finding(general.template, calls, supersedes=frozenset({beside.id}))
        return [finding.supersedes for finding in judged([found_again], reviewed, calls)]

    assert verdicts(general_calls, general) == []
    assert verdicts([*general_calls, *swallowed_calls], general, swallowed) == [{swallowed.id}]
