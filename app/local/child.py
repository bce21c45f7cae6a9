"""`python child.py [--user UID:GID] SIGNAL -- COMMAND...`: become COMMAND, which gets SIGNAL when our parent dies.

A killed supervisor cannot end its children; on Linux the kernel does it. With `--user` the command runs as
that account in an empty environment. Standard library only: it runs before every process and must not cost time.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""The option of prctl(2) that asks for a signal at the parent's death."""

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(ending: signal.Signals, parent: int) -> None:
    """Ask Linux to send us `ending` when the parent dies; other systems have no such call.

    To Linux the parent is the thread that made us, not its process. A change of account cancels the request, so this call is the last one
    before the command.
    """
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(ending))
    if os.getppid() != parent:  # it died before the request
        os.kill(os.getpid(), ending)


def main(arguments: list[str]) -> None:
    options, command = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    parent, environment = os.getppid(), dict(os.environ)
    if options[0] == "--user":
        become(*map(int, options[1].split(":")))
        environment = {"PATH": os.defpath, "LC_ALL": "C"}
    die_with_parent(signal.Signals[options[-1]], parent)
    os.execve(command[0], command, environment)  # noqa: S606 - the point of this file


def become(uid: int, gid: int) -> None:
    """Give up root for good."""
    if os.geteuid() == uid:
        return
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


if __name__ == "__main__":
    main(sys.argv[1:])
