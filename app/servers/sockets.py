"""An event loop waits for a socket, without a thread."""

import asyncio


async def ready(descriptor: int, *, writing: bool = False) -> None:
    """Wait until a socket is readable, or writable. The event loop forgets the socket before it may be closed."""
    loop = asyncio.get_running_loop()
    watch, forget = (loop.add_writer, loop.remove_writer) if writing else (loop.add_reader, loop.remove_reader)
    is_ready = loop.create_future()
    watch(descriptor, _wake, is_ready)
    try:
        await is_ready
    finally:
        forget(descriptor)


def _wake(is_ready: "asyncio.Future[None]") -> None:
    if not is_ready.done():
        is_ready.set_result(None)
