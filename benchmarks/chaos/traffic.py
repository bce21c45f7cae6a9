"""POSTs over HTTP, each repeated until the answer is 2xx, so that the audit knows every accepted trace."""

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import requests

from benchmarks.chaos.plan import Plan

BATCH = 10
SENDERS = 2
NOISE = 0.3
"""The share of traces of no template. No known template matches these, so they are always owed and runs never end."""

WORDS = [
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heath",
    "inlet",
    "jetty",
    "knoll",
    "larch",
    "meadow",
    "north",
    "opal",
    "pine",
    "quartz",
    "ridge",
]


@dataclass
class Sent:
    """The external ids that were answered with 2xx, and the seconds of each answer."""

    accepted: set[str] = field(default_factory=set)
    refused: int = 0
    seconds: list[float] = field(default_factory=list)


class Traffic:
    """Sends the plan's traces, groups by Zipf's law, evenly over the plan's seconds."""

    def __init__(self, plan: Plan, urls: Sequence[str], key: str) -> None:
        self._plan, self._urls = plan, [f"{url}/api/v1/traces" for url in urls]
        self._headers = {"Authorization": f"Bearer {key}"}
        self._lock = threading.Lock()
        self.sent = Sent()

    def send_all(self) -> None:
        threads = [threading.Thread(target=self._sender, args=(number,)) for number in range(SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _sender(self, number: int) -> None:
        dice = random.Random(f"{self._plan.seed} {number}")
        ranks = range(1, self._plan.groups + 1)
        weights = [1 / rank for rank in ranks]
        batches = self._plan.traces // (BATCH * SENDERS)
        started_at = time.monotonic()
        with requests.Session() as session:
            session.headers.update(self._headers)
            for batch in range(batches):
                groups = dice.choices(ranks, weights, k=BATCH)
                traces = [trace(dice, group, f"{number}-{batch}-{place}") for place, group in enumerate(groups)]
                self._send(session, self._urls[(number + batch) % len(self._urls)], traces)
                time.sleep(max(0.0, started_at + batch * self._plan.seconds / batches - time.monotonic()))

    def _send(self, session: requests.Session, url: str, traces: list[dict]) -> None:
        """Sends the items until all are stored: after a lost answer or a 503 the caller repeats, by external id."""
        while traces:
            sent_at = time.monotonic()
            try:
                answer = session.post(url, json={"traces": traces}, timeout=30)
            except requests.RequestException:
                time.sleep(0.2)
                continue
            if answer.status_code != 207:
                with self._lock:
                    self.sent.refused += 1
                time.sleep(0.3)
                continue
            stored_ids = {
                traces[row["index"]]["external_id"] for row in answer.json()["results"] if row["status"] in (200, 201)
            }
            with self._lock:
                self.sent.seconds.append(time.monotonic() - sent_at)
                self.sent.accepted |= stored_ids
            traces = [trace for trace in traces if trace["external_id"] not in stored_ids]


def trace(dice: random.Random, group: int, external_id: str) -> dict:
    if dice.random() < NOISE:
        content = " ".join(dice.choices(WORDS, k=6)) + f" {external_id}"
    else:
        content = (
            f"You review orders of shop {group}.\nOrder: {' '.join(dice.choices(WORDS, k=3))}\nSay what is missing."
        )
    return {
        "model": "gpt-5-mini",
        "path": f"/group/g{group}",
        "external_id": external_id,
        "messages": [{"role": "user", "content": content}],
    }
