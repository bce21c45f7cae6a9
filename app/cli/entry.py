"""The command `promptlode` from its first moment: Ctrl-C while modules are imported ends it without a traceback."""

import signal


def run() -> None:
    """Import the commands and run the one of the command line. Until then Ctrl-C ends the process at once, as nothing has begun."""
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a shell may have asked to ignore it
    if is_default:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from app.cli.main import main

    if is_default:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
