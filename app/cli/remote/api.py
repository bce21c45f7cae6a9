"""The HTTP API for commands: pages are followed, and every failure is one sentence with a remedy."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import requests

from app.cli.remote.access import Access, login_file
from app.cli.remote.errors import ApiError, RefusedInputError

TIMEOUT = (10, 60)
"""Seconds to connect, and to wait for an answer: a list over a large project takes a few."""

MOST_PER_PAGE = 200
"""Items of one page, the API's limit."""

Item = dict[str, Any]


_OF_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that no proxy reaches."""

_REFUSES_INPUT = frozenset({requests.codes.bad_request, requests.codes.unprocessable_entity})


def proxies_for(url: str) -> dict[str, str]:
    """What `requests` is told about proxies: to use none for this machine, else those of the environment."""
    host = urlsplit(url).hostname
    return {"no_proxy": host} if host in _OF_THIS_MACHINE else {}


def bearer(key: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """The key as the authorisation of a request: a mere header would be replaced by a password of ~/.netrc."""

    def with_key(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {key}"
        return request

    return with_key


class Api:
    """Requests to one Promptlode with one key. Raises ApiError for a key that no header can hold."""

    def __init__(self, access: Access) -> None:
        if not (access.key.isascii() and access.key.isprintable()):
            raise ApiError("The API key has characters that no key has. Copy the key again.")
        self.access = access
        self._session = requests.Session()
        self._session.auth = bearer(access.key)

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The answer of GET; parameters that are None are left out. Raises ApiError."""
        parameters = {name: value for name, value in (query or {}).items() if value is not None}
        return self._call("GET", path, params=parameters)

    def text(self, path: str, query: Mapping[str, Any]) -> str:
        """The answer of GET as plain text. Raises ApiError."""
        return self._answer("GET", path, params=dict(query)).content.decode()

    def post(self, path: str, body: object, query: Mapping[str, str] | None = None) -> Any:
        """The answer of POST. Raises ApiError."""
        return self._call("POST", path, json=body, params=query)

    def patch(self, path: str, body: object) -> Any:
        """The answer of PATCH. Raises ApiError."""
        return self._call("PATCH", path, json=body)

    def put(self, path: str, body: object) -> Any:
        """The answer of PUT. Raises ApiError."""
        return self._call("PUT", path, json=body)

    def delete(self, path: str, query: Mapping[str, Any]) -> Any:
        """The answer of DELETE. Raises ApiError."""
        return self._call("DELETE", path, params=dict(query))

    def items(self, path: str, query: Mapping[str, Any] | None = None, limit: int | None = None) -> Iterator[Item]:
        """The items of a list, page by page, at most `limit` of them."""
        return islice(self._items(path, dict(query or {}), limit), limit)

    def _items(self, path: str, query: dict[str, Any], limit: int | None) -> Iterator[Item]:
        size = min(limit or MOST_PER_PAGE, MOST_PER_PAGE)
        cursor = None
        while True:
            page = self.get(path, query | {"limit": size, "cursor": cursor})
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def _call(self, method: str, path: str, **options: Any) -> Any:
        return _json(self._answer(method, path, **options))

    def _answer(self, method: str, path: str, **options: Any) -> requests.Response:
        try:
            url = self.access.url
            answer = self._session.request(method, url + path, timeout=TIMEOUT, proxies=proxies_for(url), **options)
        except requests.exceptions.ProxyError:
            raise ApiError(
                f"The proxy of the environment (HTTP_PROXY, HTTPS_PROXY) does not answer for {self.access.url}. Correct it, or add the host to NO_PROXY."
            ) from None
        except requests.exceptions.SSLError:
            raise ApiError(
                f"The certificate of {self.access.url} is not trusted. Set REQUESTS_CA_BUNDLE to the file of your own certificate authority."
            ) from None
        except (requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema, requests.exceptions.InvalidURL):
            raise ApiError(f"{self.access.url} must be a URL that begins with http:// or https://.") from None
        except (requests.RequestException, ValueError):
            raise ApiError(
                f"{self.access.url} does not answer. Check the address (--url or PROMPTLODE_URL), and whether Promptlode runs there."
            ) from None
        if answer.ok:
            return answer
        refused = RefusedInputError if answer.status_code in _REFUSES_INPUT else ApiError
        raise refused(_refusal(self.access, answer))


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise ApiError(
            f"{answer.url} answered without JSON, so it is probably not Promptlode. Check the address (--url or PROMPTLODE_URL)."
        ) from None


def _refusal(access: Access, answer: requests.Response) -> str:
    """The content of the problem document, field by field."""
    if answer.status_code == requests.codes.unauthorized:
        return _unknown_key(access)
    try:
        problem = answer.json()
        reasons = [
            ": ".join(filter(None, [".".join(map(str, error["loc"])), error["message"]]))
            for error in problem.get("errors", [])
        ]
        return " ".join(dict.fromkeys([str(problem["detail"]), *reasons]))  # without a field the reason is the detail
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{access.url} answered {answer.status_code}."


def _unknown_key(access: Access) -> str:
    if access.is_kept:
        return (
            f"{access.url} does not know the API key that `promptlode login` stored in {login_file()}; the key may have been revoked. "
            f"Make a key with `promptlode keys create`, then run `promptlode login --url {access.url}` again."
        )
    return f"{access.url} does not know this API key. Make a key with `promptlode keys create`, then run `promptlode login`."
