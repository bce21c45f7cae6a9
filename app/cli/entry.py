"""The command `promptlode` from its first moment to its last: Ctrl-C while modules are imported ends it without a traceback, and so does an output that takes no more."""

import errno
import os
import signal
import sys
from contextlib import suppress


def run() -> None:
    """Import the commands and run the one of the command line. Until then Ctrl-C ends the process at once, as nothing has begun."""
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a shell may have asked to ignore it
    if is_default:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from app.cli.main import main

    if is_default:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        try:
            main()
        finally:
            _flush()
    except OSError as error:
        # Of a help or a usage error, which click prints past the handler of commands, or of the rest of an output.
        if error.errno != errno.EPIPE:
            with suppress(OSError):
                os.write(2, f"Error: The output cannot be written: {error.strerror}. Make room on its disk.\n".encode())
        _drop_the_rest()
        sys.exit(1)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # None where the shell closed it: `>&-`
            stream.flush()


def _drop_the_rest() -> None:
    """Let Python's own flush at exit write what is left to nowhere: it would print a traceback and change the exit code."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
