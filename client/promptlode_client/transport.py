"""POSTs a batch, and interprets the answer."""

from __future__ import annotations

import email.utils
import gzip
import http.client
import json
import logging
import math
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from promptlode_client.settings import Settings

logger = logging.getLogger("promptlode_client")

_LONGEST_WAIT = 600.0
"""The longest pause accepted from a server."""

_TOO_LARGE = 413
"""The status 413 of HTTP: the batch is sent in halves."""

_LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer that are read."""

_TRIES_BEFORE_NEWS = 3
"""Failed tries in a row before a warning: a restarting server is back before the third, 0.75 to 1.5 s after the first."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a batch: stored, refused for good, to be split, or to be sent again (after `wait` if the server asks for it)."""

    sent: int = 0
    refused: int = 0
    again: bool = False
    split: bool = False
    wait: float | None = None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects, which would send the key to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


class _FinalResponse(http.client.HTTPResponse):
    """The answer behind interim ones, which a proxy may send (103 Early Hints, RFC 8297): http.client skips 100 alone."""

    def begin(self) -> None:
        super().begin()
        while 100 < self.status < 200 and self.status != 101:
            self.headers = None  # type: ignore[assignment]  # begin() then reads again
            super().begin()


class _Connecting(urllib.request.AbstractHTTPHandler):
    """Makes connections that wait for the final answer."""

    def do_open(self, http_class: Any, req: urllib.request.Request, **arguments: Any) -> http.client.HTTPResponse:
        def opened(*places: Any, **options: Any) -> http.client.HTTPConnection:
            connection: http.client.HTTPConnection = http_class(*places, **options)
            connection.response_class = _FinalResponse
            return connection

        return super().do_open(opened, req, **arguments)


class _Http(_Connecting, urllib.request.HTTPHandler):
    pass


class _Https(_Connecting, urllib.request.HTTPSHandler):
    pass


class Transport:
    """Posts batches."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.url.rstrip("/") + "/api/v1/traces"
        self._key = settings.api_key
        self._is_faulty = bool(settings.fault)  # the client has said why
        self._opener = urllib.request.build_opener(_NoRedirect, _Http, _Https)
        self._said: set[str] = set()
        self._unreached = 0

    def post(self, items: list[bytes], timeout: float) -> Outcome:
        """POST a batch; a failure of the network raises nothing."""
        try:
            with self._opener.open(self._request(items), timeout=timeout) as answer:
                outcome = _of_answer(answer.read(_LARGEST_ANSWER), len(items))
                self._said.clear()
                self._unreached = 0
                return outcome
        except urllib.error.HTTPError as error:
            with error:
                outcome = _of_status(error.code, error.headers.get("Retry-After"), len(items))
                self._say_once(str(error.code), _meaning(error.code, outcome))
                return outcome
        except Exception as error:  # noqa: BLE001  # unreachable, slow, cut off; a URL that is none; a server that speaks no HTTP
            self._unreached += 1
            if self._unreached >= _TRIES_BEFORE_NEWS and not self._is_faulty:
                self._say_once(
                    "unreached", f"is not reached ({_kind(error)}{_by_proxy(self._url)}); calls wait and are sent again"
                )
            return Outcome(again=True)

    def _say_once(self, kind: str, message: str) -> None:
        """Warn when a failure begins; it is repeated only after a success in between."""
        level = logging.DEBUG if kind in self._said or not message else logging.WARNING
        self._said.add(kind)
        logger.log(level, "Promptlode %s; see PROMPTLODE_URL and PROMPTLODE_API_KEY.", message)

    def _request(self, items: list[bytes]) -> urllib.request.Request:
        body = gzip.compress(b'{"traces":[' + b",".join(items) + b"]}", compresslevel=1)
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            "User-Agent": "promptlode-client",
        }
        return urllib.request.Request(self._url, data=body, headers=headers, method="POST")


def _of_status(status: int, retry_after: str | None, size: int) -> Outcome:
    if status == _TOO_LARGE and size > 1:
        return Outcome(split=True)
    if status in (408, 429) or status >= 500:
        return Outcome(again=True, wait=seconds(retry_after))
    return Outcome(refused=size)


def _meaning(status: int, outcome: Outcome) -> str:
    """The meaning of a status for readers of the app's log; empty where waiting suffices."""
    if status in (401, 403):
        return f"refused the key (status {status}), so no call is stored"
    if outcome.refused:
        return f"refused {outcome.refused} calls with status {status}"
    return f"answers with status {status}; calls wait and are sent again" if status >= 500 else ""


def _kind(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return type(reason if isinstance(reason, Exception) else error).__name__


def _by_proxy(url: str) -> str:
    """A note when a proxy from the environment is used, since the failure may be the proxy's."""
    scheme, _, authority = url.partition("://")
    host = authority.partition("/")[0].partition(":")[0]
    proxies = urllib.request.getproxies()
    return (
        f", by the {scheme} proxy of the environment"
        if scheme in proxies and not urllib.request.proxy_bypass(host)
        else ""
    )


def _of_answer(body: bytes, size: int) -> Outcome:
    """The outcome of an answer: each call of a batch has its own status; the reasons name fields, never values."""
    try:
        results = json.loads(body)["results"]
        bad = [result for result in results if result["status"] >= 400]
        if bad:
            reasons = " ".join(map(_reason, bad[0]["error"]["errors"]))
            logger.warning("Promptlode refused %d of %d calls, the first because of %s", len(bad), size, reasons)
        return Outcome(sent=size - len(bad), refused=len(bad))
    except (ValueError, KeyError, TypeError):
        return Outcome(sent=size)


def _reason(error: dict[str, Any]) -> str:
    """The field and what is wrong with it; its place in the batch means nothing to the app, which made no batch."""
    place = error["loc"][2:] if error["loc"][:1] == ["traces"] else error["loc"]
    return f"{'.'.join(map(str, place)) or 'the call'}: {error['message']}"


def seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds or as a date."""
    if retry_after is None:
        return None
    try:
        wait = float(retry_after)
    except ValueError:
        try:
            wait = email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return None if math.isnan(wait) else min(max(wait, 0.0), _LONGEST_WAIT)
