"""`python -m app.local.supervisord`: a supervisord that survives a full disk.

When it cannot write a log line, it reports that on standard error, a file on the same disk; the failure of that report would end it, and
all its programs (seen in `make soak`).
"""

import contextlib
import sys
from typing import TextIO

from supervisor import supervisord


class Forgiving:
    """A stream that drops data which cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
            self._stream.flush()
        return len(text)

    def flush(self) -> None:
        """Nothing to do: each write flushes."""


def main() -> None:
    sys.stdout = sys.stderr = Forgiving(sys.stderr)
    supervisord.main()


if __name__ == "__main__":
    main()
