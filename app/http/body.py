"""JSON request bodies: limited before they are read, decompressed and parsed.

orjson parses valid JSON. Where it refuses, the standard library may still parse the body (lone surrogates, NaN, integers of any length),
so that the error can name item and field and the good items of a batch are kept.
"""

import codecs
import json
import zlib
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson
from flask import request
from werkzeug.exceptions import ClientDisconnected

from app.config import Settings
from app.http.counting import CutOffError, TooManyMembersError, has_more_values, inflate
from app.http.problem import ProblemError

_READ_AT_ONCE = 1024 * 1024
"""Bytes of a body read at once."""

_PLAIN = "identity"

_NO_JSON = "The body is not JSON by its Content-Type; send Content-Type: application/json. (What OpenTelemetry exports goes to /v1/traces.)"

UNREAD_CODING = "No Transfer-Encoding but chunked is supported; name a compression in Content-Encoding: gzip or zstd."

_BYTES_OF_ZSTD_AT_ONCE = 1024
"""Bytes of zstd decompressed at once: a block of 4 bytes may expand to 128 KB."""

_LARGEST_WINDOW = 8 * 1024 * 1024
"""Bytes of memory that a zstd frame may ask for: what RFC 9659 lets a Content-Encoding use."""


class Parsed(NamedTuple):
    """Plain values, and whether orjson accepted them as strict JSON."""

    value: Any
    strictly: bool


def read_json(settings: Settings) -> Parsed:
    """The parsed body. Raises ProblemError: 400, 413, 415 or 422."""
    _check_media_type()
    check_encoding()
    return parse_json(read_bytes(settings), settings)


def read_bytes(settings: Settings) -> bytes:
    """The decompressed body. Raises ProblemError: 400 or 413."""
    return _inflated(_read_up_to(settings.max_body_bytes), settings)


def parse_json(data: bytes, settings: Settings) -> Parsed:
    """The values of JSON bytes. Raises ProblemError: 400, 413 or 422."""
    limit = settings.max_json_values
    if has_more_values(data, limit):
        raise ProblemError(413, f"The body has over {limit} JSON values; send fewer traces in one request.")
    try:
        return Parsed(orjson.loads(data), strictly=True)
    except orjson.JSONDecodeError:
        return Parsed(_parse_leniently(data, settings.max_json_depth), strictly=False)


def _check_media_type() -> None:
    media_type = request.mimetype
    if media_type and media_type != "application/json" and not media_type.endswith("+json"):
        raise ProblemError(415, _NO_JSON)


def is_read_coding(transfer_encoding: str) -> bool:
    """Whether a body with this Transfer-Encoding, "" without one, can be read: a server undoes the chunks and no other coding (RFC 9112, 7)."""
    return transfer_encoding.strip().lower() in {"", "chunked"}


def check_encoding() -> None:
    """Raises ProblemError: 415 for a Content-Encoding that we do not support, 501 for a Transfer-Encoding (RFC 9112, 6.1)."""
    if not is_read_coding(request.headers.get("Transfer-Encoding", "")):
        raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, UNREAD_CODING)
    if _encoding() not in _INFLATE:
        encodings = ", ".join(name for name in _INFLATE if name != _PLAIN)
        raise ProblemError(
            415,
            f"Send the body plain or with Content-Encoding: {encodings.replace(', ', ' or ')}.",
            headers={"Accept-Encoding": encodings},
        )


def _encoding() -> str:
    return request.headers.get("Content-Encoding", _PLAIN).strip().lower() or _PLAIN


def _read_up_to(limit: int) -> bytes:
    """All bytes of the body, chunked ones too, up to the limit."""
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    allowed = limit
    try:
        while allowed >= 0 and (part := request.stream.read(min(allowed + 1, _READ_AT_ONCE))):
            parts.append(part)
            allowed -= len(part)
    except ClientDisconnected:
        raise ProblemError(400, "The body ended before its Content-Length.") from None
    if allowed < 0:
        raise _too_large(limit)
    return b"".join(parts)


def _inflated(data: bytes, settings: Settings) -> bytes:
    """The decompressed body; a small body that expands without end is stopped at the limit."""
    limit = settings.max_body_bytes
    try:
        plain = _INFLATE[_encoding()](data, limit, settings.max_gzip_members)
    except TooManyMembersError:
        detail = f"The compressed body has over {settings.max_gzip_members} parts; send it as one."
        raise ProblemError(413, detail) from None
    if len(plain) > limit:
        raise _too_large(limit)
    return plain


def _of_gzip(data: bytes, limit: int, most_members: int) -> bytes:
    try:
        return inflate(data, limit, most_members)
    except CutOffError:
        raise ProblemError(400, "The gzip body is cut off; send all of it.") from None
    except zlib.error:
        raise ProblemError(
            400, "The body is not valid gzip; compress it whole, or leave out Content-Encoding."
        ) from None


def _of_zstd(data: bytes, limit: int, most_frames: int) -> bytes:
    """Decompress frame by frame, a little at a time: a thousand bytes may become 32 MB, and a header may ask for gigabytes."""
    import zstandard  # a megabyte of each web process, and most callers send gzip or nothing compressed

    def new_frame() -> "zstandard.ZstdDecompressionObj":
        return zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW).decompressobj()

    parts: list[bytes] = []
    size, frames, frame = 0, 1, new_frame()
    try:
        for piece in _pieces(data):
            remainder = piece
            while remainder and size <= limit:
                if frame.eof:
                    frames, frame = frames + 1, new_frame()
                if frames > most_frames:
                    raise TooManyMembersError
                parts.append(frame.decompress(remainder))
                size += len(parts[-1])
                remainder = frame.unused_data
    except zstandard.ZstdError:
        raise ProblemError(
            400, "The body is not valid zstd; compress it whole, or leave out Content-Encoding."
        ) from None
    if size <= limit and not frame.eof:
        raise ProblemError(400, "The zstd body is cut off; send all of it.")
    return b"".join(parts)


def _pieces(data: bytes) -> Iterator[bytes]:
    return (data[start : start + _BYTES_OF_ZSTD_AT_ONCE] for start in range(0, len(data), _BYTES_OF_ZSTD_AT_ONCE))


_INFLATE: dict[str, Callable[[bytes, int, int], bytes]] = {
    _PLAIN: lambda data, *_: data,
    "gzip": _of_gzip,
    "x-gzip": _of_gzip,
    "zstd": _of_zstd,
}


def too_large(limit: int) -> str:
    """The refusal of a body over `limit` bytes."""
    return f"The body is over {limit} bytes; send fewer traces in one request."


def _too_large(limit: int) -> ProblemError:
    return ProblemError(413, too_large(limit))


def _parse_leniently(data: bytes, depth: int) -> Any:
    if not data.strip():
        raise ProblemError(400, "The body is empty; send a JSON object.")
    if data.startswith(codecs.BOM_UTF8):
        raise ProblemError(400, "The body begins with a byte order mark (BOM); send UTF-8 without it.")
    try:
        return json.loads(data.decode())
    except RecursionError:
        raise ProblemError(422, f"The JSON is nested deeper than {depth} levels; send deep values as a text.") from None
    except UnicodeDecodeError as error:
        raise ProblemError(400, f"The body is not UTF-8 at byte {error.start}.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ProblemError(400, f"The body is not valid JSON at {where}: {error.msg}.") from None
    except ValueError:
        raise ProblemError(422, "A number of the body is too long; send it as a text.") from None
