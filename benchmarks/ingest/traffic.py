"""The traces that are sent: prompts of known templates, and texts that belong to none."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

import orjson

from benchmarks.matcher import Writer, mixed, take
from templating import BARRIER, Template

AROUND = 500
"""Characters of a body that are not its prompt: names, settings, usage and the model's answer."""

UNMATCHED = 10
"""One call in so many belongs to no template."""

_numbers = count()


@dataclass(frozen=True)
class Call:
    """One call of a path, before it is a body."""

    path: str
    prompt: str

    def body(self) -> dict[str, object]:
        system, _, user = self.prompt.rpartition(BARRIER)
        messages = [{"role": role, "content": text} for role, text in (("system", system), ("user", user)) if text]
        return {
            "path": self.path,
            "model": "gpt-5-mini",
            "messages": messages,
            "output": [{"role": "assistant", "content": "The parcel is on its way. " * 8}],
            "temperature": 0,
            "usage": {"input_tokens": len(self.prompt) // 4, "output_tokens": 48},
            "metadata": {"release": "2026.11", "number": next(_numbers)},
        }


def templates(number: int, seed: int = 1) -> list[Template]:
    """Different templates of two parts, system and user, of all the kinds that the matcher is measured with."""
    return take((_with_two_parts(text) for text in mixed(Writer(seed))), number)


def _with_two_parts(text: str) -> str:
    return text if BARRIER in text else BARRIER + text


def calls(path: str, known: list[Template], number: int, size: int, seed: int = 1) -> list[Call]:
    """Calls with bodies of about `size` bytes: one in UNMATCHED of no template, the others of a random known one."""
    write, choose = Writer(seed, size - AROUND), random.Random(seed)
    return [Call(path, write.prompt(choose.choice(known)) if n % UNMATCHED else _chat(write)) for n in range(number)]


def chats(path: str, number: int, size: int, seed: int = 1) -> list[Call]:
    """Calls that belong to no template."""
    write = Writer(seed, size - AROUND)
    return [Call(path, _chat(write)) for _ in range(number)]


def _chat(write: Writer) -> str:
    return BARRIER + write.value(write.length)


def singles(wanted: Iterable[Call]) -> list[bytes]:
    """One body for each call."""
    return [orjson.dumps(call.body()) for call in wanted]


def batches(wanted: list[Call], size: int = 1000) -> list[bytes]:
    """Bodies of `size` calls each."""
    starts = range(0, len(wanted), size)
    return [orjson.dumps({"traces": [call.body() for call in wanted[start : start + size]]}) for start in starts]
