"""The background thread: takes batches of calls out of the buffer, sends them, and retries where that can help.

- `record` makes JSON of the call, puts it into the buffer and returns; it never waits for the network and never raises.
- A batch that cannot be sent goes back into the buffer, whose bound so holds for everything that waits.
- Every call has an external id, so a batch that is sent twice is stored once.
- At exit the thread has `exit_seconds` for what is left.
- After a fork the child begins empty: what waited is the parent's to send, and no lock is taken over.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import random
import sys
import threading
import time
import uuid
import weakref
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from promptlode_client.buffer import Buffer
from promptlode_client.context import calling_function, current_path, leave_untraced, trace_headers
from promptlode_client.plain import is_given, plain
from promptlode_client.settings import Settings
from promptlode_client.transport import Outcome, Transport

logger = logging.getLogger("promptlode_client")

_BATCH = 500
"""Well below the limits of one POST: 1,000 calls and 32 MB."""

_BATCH_BYTES = 4 * 1024 * 1024

_FIRST_PAUSE = 0.5
"""Seconds of the pause after the first failure; each next pause is twice as long."""

_LONGEST_PAUSE = 60.0
"""Seconds of the longest pause after a failure."""


@dataclass(frozen=True)
class Stats:
    """The numbers of calls: waiting, stored, refused by the server, dropped because the buffer was full or their form invalid."""

    waiting: int
    sent: int
    refused: int
    dropped: int


class Client:
    """Sends the calls of one process."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings.from_environment()
        self._transport = Transport(self.settings)
        self._begin()
        if not self.settings.api_key:
            logger.warning("PROMPTLODE_API_KEY is not set, so no call is recorded.")
        elif self.settings.fault:
            logger.warning("%s, so no call is sent.", self.settings.fault)
        _CLIENTS.add(self)

    def _begin(self) -> None:
        """Begin empty, with a new lock. It is reentrant: a stream may be finalized while `record` runs."""
        self._changed = threading.Condition(threading.RLock())
        self._buffer = Buffer(self.settings.queue_bytes)
        self._thread: threading.Thread | None = None
        self._sending = 0
        self._sent = self._refused = self._failed = 0
        self._oldest = 0.0
        self._hurry = False
        self._end: float | None = None
        self._most = _BATCH
        self._failures = 0
        self._pause_until = 0.0  # of our own back-off
        self._told_until = 0.0  # by Retry-After

    # --- called by the app

    def record(self, **call: Any) -> None:
        """Send one call: the fields of `POST /api/v1/traces`. Returns at once and never raises."""
        if not self.settings.api_key:
            return
        try:
            item = json.dumps(self._completed(call), ensure_ascii=False).encode()
            with self._changed:
                if self._end is None:
                    self._put(item)
                else:
                    self._failed += 1
        except Exception as error:  # noqa: BLE001  # whatever it is, it is not the app's concern
            self._failed += 1
            logger.debug("A call could not be recorded: %s", type(error).__name__)

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until everything is sent; False when it took longer."""
        end = time.monotonic() + timeout
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            try:
                return self._changed.wait_for(self._is_idle, max(end - time.monotonic(), 0))
            finally:
                self._hurry = False

    def stats(self) -> Stats:
        with self._changed:
            waiting = len(self._buffer) + self._sending
            return Stats(waiting, self._sent, self._refused, self._buffer.dropped + self._failed)

    def close(self) -> None:
        """Send the rest within `exit_seconds`, and accept no more calls."""
        with self._changed:
            self._end = self._end or time.monotonic() + self.settings.exit_seconds
            self._pause_until = 0.0  # one immediate try, but not before the server's own time
            self._changed.notify_all()
            thread, end = self._thread, self._end
            if thread is None or self._told_until > end:
                return
        thread.join(max(end - time.monotonic(), 0) + 0.1)

    def _completed(self, call: dict[str, Any]) -> dict[str, Any]:
        """The call completed with call site, id, time and trace context."""
        completed = {name: plain(value) for name, value in call.items() if is_given(value)}
        if not completed.get("path"):
            completed["path"] = current_path() or self.settings.path or calling_function()
        completed.setdefault("external_id", uuid.uuid4().hex)
        completed.setdefault("started_at", completed.get("completed_at") or datetime.now(timezone.utc).isoformat())
        return {**trace_headers(), **completed}

    def _put(self, item: bytes) -> None:
        if not len(self._buffer):
            self._oldest = time.monotonic()
        self._buffer.add(item)
        if self._thread is None:
            _finish_with_this_process(self)
            self._thread = threading.Thread(target=self._run, name="promptlode", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _is_idle(self) -> bool:
        return not len(self._buffer) and not self._sending

    # --- the thread

    def _run(self) -> None:
        leave_untraced()
        while batch := self._next_batch():
            outcome = self._transport.post(batch, self._timeout())
            self._settle(batch, outcome)

    def _next_batch(self) -> list[bytes]:
        """Wait for a batch; empty when it is time to end."""
        with self._changed:
            while (wait := self._wait_for_batch()) > 0:
                self._changed.wait(wait)
            if self._end is not None and self._is_late(self._end):
                return []
            batch = self._buffer.take(self._most, _BATCH_BYTES)
            self._sending, self._oldest = len(batch), time.monotonic()
            return batch

    def _wait_for_batch(self) -> float:
        """Seconds until there is work; 0 for now."""
        now = time.monotonic()
        if not len(self._buffer):
            return 0.0 if self._end is not None else 3600.0
        if self._end is not None and self._is_late(self._end):
            return 0.0
        pause = max(self._told_until, self._pause_until) - now
        if pause > 0:
            return pause
        full = len(self._buffer) >= _BATCH or self._buffer.bytes >= _BATCH_BYTES
        if full or self._hurry or self._end is not None:
            return 0.0
        return self._oldest + self.settings.flush_seconds - now

    def _is_late(self, end: float) -> bool:
        return max(self._told_until, time.monotonic()) >= end

    def _settle(self, batch: list[bytes], outcome: Outcome) -> None:
        """Count the batch, or put it back and set the time of the next try."""
        with self._changed:
            self._sending = 0
            self._sent, self._refused = self._sent + outcome.sent, self._refused + outcome.refused
            if outcome.split or outcome.again:
                self._buffer.put_back(batch)
            if outcome.split:
                self._most = max(len(batch) // 2, 1)
            elif outcome.again:
                self._pause(outcome.wait)
            else:
                self._failures, self._most = 0, _BATCH
            self._changed.notify_all()

    def _pause(self, seconds_told: float | None) -> None:
        """Pause for the server's time, else twice as long after each failure, with a random part so that clients spread."""
        now = time.monotonic()
        self._failures += 1
        own_pause = min(_FIRST_PAUSE * 2 ** min(self._failures - 1, 10), _LONGEST_PAUSE) * random.uniform(0.5, 1.0)
        if seconds_told is None:
            self._pause_until = now + own_pause
        else:
            self._told_until = now + seconds_told

    def _timeout(self) -> float:
        seconds_left = self.settings.timeout if self._end is None else self._end - time.monotonic()
        return max(min(self.settings.timeout, seconds_left), 0.1)


_CLIENTS: weakref.WeakSet[Client] = weakref.WeakSet()


def _close_all() -> None:
    for client in list(_CLIENTS):
        client.close()


def _begin_all() -> None:
    for client in list(_CLIENTS):
        client._begin()


def _finish_with_this_process(client: Client) -> None:
    """Close the client at the end of a child of multiprocessing, which skips `atexit` but runs finalizers."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, client.close, exitpriority=0)


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_all)
