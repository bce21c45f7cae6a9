"""`python -m app.local.supervisord`: a supervisord that goes on while the disk of its log is full.

A line that it cannot write it reports on standard error, which is a file of the same disk: that report's own failure would end it, and all
that it keeps alive (seen in `make soak`).
"""

import contextlib
import sys
from typing import TextIO

from supervisor import supervisord


class Forgiving:
    """A stream that drops what cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
            self._stream.flush()
        return len(text)

    def flush(self) -> None:
        """Done by each write."""


def main() -> None:
    sys.stdout = sys.stderr = Forgiving(sys.stderr)
    supervisord.main()


if __name__ == "__main__":
    main()
