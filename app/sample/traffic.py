"""A week of calls: when each prompt is called, retried and followed up, and the true template and variables of each call."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from random import Random
from typing import Any, NamedTuple

from app.sample.bodies import Call, Message, answer, assistant, body, tool_call, tool_result
from app.sample.material import ASKS, CHAT_ANSWERS, CHATS
from app.sample.parts import Part
from app.sample.prompts import CHAT_CALLS, CHAT_MODEL, CHAT_PATH, PROMPTS, Prompt
from app.sample.values import attribute_question, spin, variables_for

WEEK = timedelta(days=7)
LIMITED = {"type": "rate_limit_exceeded", "message": "Rate limit reached, try again in 2 s."}
TIMED_OUT = {"type": "timeout", "message": "The request took longer than 60 s."}


class Truth(NamedTuple):
    """The true origin of a call; template_id is None for free chat."""

    template_id: str | None
    variables: Mapping[str, str]


@dataclass(frozen=True)
class ExpectedVersion:
    """One implementation: a template on a model. Two implementations may differ in the model only."""

    template_id: str
    model: str
    parts: tuple[Part, ...]
    calls: int


@dataclass(frozen=True)
class ExpectedTask:
    """A task that grouping must find, with its versions in order of their first calls."""

    path: str
    versions: tuple[ExpectedVersion, ...]

    @property
    def calls(self) -> int:
        return sum(version.calls for version in self.versions)


def _expected() -> tuple[ExpectedTask, ...]:
    tasks = (list(group) for _, group in groupby(PROMPTS, key=lambda prompt: prompt.task))
    return tuple(
        ExpectedTask(task[0].path, tuple(ExpectedVersion(p.id, p.model, p.parts, p.calls) for p in task))
        for task in tasks
    )


EXPECTED: tuple[ExpectedTask, ...] = _expected()


def traces(seed: int = 0, now: datetime | None = None) -> Iterator[dict[str, Any]]:
    """Bodies for POST /api/v1/traces in time order, over the week that ends `now` (default: the clock).

    Equal arguments give equal bodies. Give `now` to both `traces` and `truth`: some prompts hold the date.
    """
    for name, call, r in _named_calls(seed, now):
        path, model = (call.prompt.path, call.prompt.model) if call.prompt else (CHAT_PATH, CHAT_MODEL)
        yield {"external_id": name, **body(call, r, path=path, model=model)}


def truth(seed: int = 0, now: datetime | None = None) -> dict[str, Truth]:
    """external_id -> the call's template and variables, for every call of `traces(seed, now)`."""
    return {
        name: Truth(call.prompt.id if call.prompt else None, call.variables)
        for name, call, _ in _named_calls(seed, now)
    }


def _named_calls(seed: int, now: datetime | None) -> Iterator[tuple[str, Call, Random]]:
    """(external_id, call, random source) in time order. Each call has its own source, so `truth` need not draw bodies."""
    start = (now or datetime.now(UTC)) - WEEK
    for number, call in enumerate(sorted(_calls(seed, start), key=lambda call: call.at)):
        name = f"sample-{seed}-{number:05d}"
        yield name, call, Random(name)


def _calls(seed: int, start: datetime) -> Iterator[Call]:
    for prompt in PROMPTS:
        r = Random(f"{seed}-{prompt.id}")
        draw = DRAWS.get(prompt.shape, _attempts)
        yield from _exactly(prompt.calls, partial(draw, r, prompt), r, start, prompt.during)
    r = Random(f"{seed}-chat")
    topics = r.sample(CHATS, len(CHATS))
    yield from _exactly(CHAT_CALLS, partial(_chat, r, topics), r, start, (0.0, 1.0))


def _exactly(
    calls: int, draw: Callable[[datetime], list[Call]], r: Random, start: datetime, during: tuple[float, float]
) -> Iterator[Call]:
    """Exactly this many calls: one moment may bring several (turns, retries), so the last moment is cut short."""
    number = 0
    while number < calls:
        for call in draw(_moment(r, start, during))[: calls - number]:
            number += 1
            yield call


def _moment(r: Random, start: datetime, during: tuple[float, float]) -> datetime:
    """A moment of the week, seldom at night. The last quarter of an hour stays free, so that conversations end by `now`."""
    moment = start + r.uniform(*during) * (WEEK - timedelta(minutes=15))
    return moment if 6 <= moment.hour < 22 or r.random() < 0.2 else _moment(r, start, during)


def _texts(prompt: Prompt, variables: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(part.role, part.render(variables)) for part in prompt.parts]


def _attempts(r: Random, prompt: Prompt, moment: datetime) -> list[Call]:
    """One call; a failed call is sometimes sent once more, word for word."""
    variables = variables_for(prompt.task, r, moment)
    texts, output = _texts(prompt, variables), [assistant(answer(r, prompt.task, variables))]
    good = Call(prompt, texts, moment, variables, output)
    if r.random() >= 0.03:
        return [good]
    error, pause = r.choice(((LIMITED, 2), (LIMITED, 2), (TIMED_OUT, 61)))
    failed = Call(prompt, texts, moment, variables, [], error=error)
    return [failed, replace(good, at=moment + timedelta(seconds=pause))]


def _conversation(r: Random, prompt: Prompt, moment: datetime) -> list[Call]:
    """An agent's calls: each call repeats the prompt and carries all messages since."""
    variables = variables_for(prompt.task, r, moment)
    first = Call(
        prompt, _texts(prompt, variables), moment, variables, [], conversation=f"order-{r.getrandbits(40):010x}"
    )
    return _turns(first, _agent_steps(r), r)


def _steps(r: Random, prompt: Prompt, moment: datetime) -> list[Call]:
    """One run of an agent: each call holds the same goal and plan, and the steps done so far."""
    variables = variables_for(prompt.task, r, moment)
    conversation = f"run-{r.getrandbits(40):010x}"
    calls: list[Call] = []
    for _ in range(r.randint(4, 8)):
        step = answer(r, prompt.task, variables)
        calls.append(
            Call(prompt, _texts(prompt, variables), moment, variables, [assistant(step)], conversation=conversation)
        )
        variables = variables | {"done": f"{variables['done']}- {step}\n"}
        moment += timedelta(seconds=r.uniform(3, 20))
    return calls


def _batch(r: Random, prompt: Prompt, moment: datetime) -> list[Call]:
    """A job that asks many questions about one product, then about the next."""
    calls: list[Call] = []
    for number in range(prompt.calls):
        if number % 10 == 0:
            record = variables_for(prompt.task, r, moment)["record"]
        variables = {"record": record, "question": attribute_question(r)}
        output = [assistant(answer(r, prompt.task, variables))]
        calls.append(Call(prompt, _texts(prompt, variables), moment, variables, output))
        moment += timedelta(seconds=r.uniform(0.5, 2))
    return calls


def _agent_steps(r: Random) -> list[list[Message]]:
    """The messages of each step: the model's answer, then the app's message before the next call; the last step is an answer."""
    order = spin(r, "{order}")
    steps: list[list[Message]] = []
    for name in r.sample(("find_order", "track_parcel"), r.randint(1, 2)):
        call = tool_call(r, name, order)
        steps.append(
            [
                call,
                tool_result(
                    call,
                    {
                        "order": order,
                        "state": r.choice(("packed", "on its way", "returned")),
                        "euros": r.randint(5, 300),
                    },
                ),
            ]
        )
    if r.random() < 0.4:
        steps.append(
            [assistant(spin(r, "Order {order} is due on {day}.")), {"role": "user", "content": spin(r, r.choice(ASKS))}]
        )
    return [*steps, [assistant(spin(r, "[Done|Settled]: {money} [go|goes] back to your card, {name} has noted it."))]]


def _chat(r: Random, topics: list[str], moment: datetime) -> list[Call]:
    first = Call(None, [("user", topics.pop())], moment, {}, [], conversation=f"chat-{r.getrandbits(40):010x}")
    reply = [assistant(spin(r, r.choice(CHAT_ANSWERS)))]
    steps = [[*reply, {"role": "user", "content": spin(r, r.choice(ASKS))}] for _ in range(r.choice((0, 0, 1, 2)))]
    return _turns(first, [*steps, reply], r)


def _turns(first: Call, steps: list[list[Message]], r: Random) -> list[Call]:
    """One call a step; a call's history holds the messages of all earlier steps."""
    calls: list[Call] = []
    history: tuple[Message, ...] = ()
    moment = first.at
    for step in steps:
        calls.append(replace(first, at=moment, output=step[:1], history=history))
        history, moment = (*history, *step), moment + timedelta(seconds=r.uniform(4, 70))
    return calls


DRAWS: dict[str, Callable[[Random, Prompt, datetime], list[Call]]] = {
    "agent": _conversation,
    "steps": _steps,
    "batch": _batch,
}
"""Shape of a prompt -> the function that draws one moment's calls. Other shapes use `_attempts`."""
