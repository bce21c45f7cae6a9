"""Structured logs: one event a line, for people on a console or as JSON for machines (LOG_FORMAT).

Events name groups, traces and counts. Prompt text, variables and keys never enter a log: of an exception only its class and the places it
passed are written, because its message may quote a value.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

from app.config import Settings

# structlog imports rich where it is installed, for tracebacks that no log of ours draws: 4 MB of each server process. While the entry is
# None, an import of rich fails as if it were missing.
_rich = sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
import structlog  # noqa: E402

if _rich is None:
    del sys.modules["rich"]

_FRAMES = 8
"""The last few frames suffice for exceptions deep in a library."""


def logger(name: str) -> Any:
    """The logger of a module. Modules import it from here, not structlog: see above."""
    return structlog.get_logger(name)


def configure(settings: Settings) -> None:
    """Send structlog and the standard library's logging to standard error, in one format."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    json_format = settings.log_format == "json"
    plain: list[Any] = [] if json_format else [_printable]
    renderer: Any = structlog.processors.JSONRenderer() if json_format else structlog.dev.ConsoleRenderer(colors=False)
    formatter = _OneLine(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(("logger",))],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _briefly, *plain, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    # A line that cannot be written is dropped: logging's own report of that would quote the error.
    logging.raiseExceptions = False
    # No line names its source line, thread or process (logging HOWTO, "Optimization"): to find them takes a fifth of the time of a line.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    logging.getLogger("alembic.runtime.plugins").setLevel(
        logging.WARNING
    )  # each process would list Alembic's own parts
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class _OneLine(structlog.stdlib.ProcessorFormatter):
    """Writes our own events without the copies of a record that several formatters would need, which take a fifth of the time of a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of an event of ours, or of a library."""
        if not hasattr(record, "_logger") or not isinstance(record.msg, dict):
            return super().format(record)
        line: Any = record.msg | {"_record": record, "_from_structlog": True}
        for process in self.processors:
            line = process(None, record.levelname.lower(), line)
        return str(line)


def _briefly(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Shorten exceptions of libraries, which log the message, and on a console the variables of every frame."""
    event.pop("stack_info", None)
    exception = event.pop("exc_info", None)
    error = exception[1] if isinstance(exception, tuple) else exception
    return event if not isinstance(error, BaseException) else {**event, **describe(error)}


def _printable(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape control characters: names come from callers, and none may control the reader's terminal or begin a log line."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = "".join(item if item.isprintable() else ascii(item)[1:-1] for item in value)
    return event


def describe(error: BaseException) -> dict[str, Any]:
    """The parts of an exception that may be logged: its class and the places it passed, innermost last; never its message."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return {
        "error": type(error).__qualname__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
