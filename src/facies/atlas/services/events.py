"""Server-sent events for the browsers: published from any thread, read in the event loop."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from facies.io import jsonable

HEARTBEAT_SECONDS = 15.0
_MAX_WAITING = 1000


class Events:
    """Sends what is published to every browser that listens.

    A browser that reads too slowly is disconnected: it connects again and fetches what it has missed by its revision.
    """

    def __init__(self) -> None:
        # Reentrant: a signal handler closes the stream in the thread that may hold the lock.
        self._lock = threading.RLock()
        self._listeners: dict[asyncio.Queue[bytes | None], asyncio.AbstractEventLoop] = {}
        self._closed = False

    def publish(self, event: str, data: Mapping[str, Any]) -> None:
        """Send an event to all browsers that listen now; ``data`` is written as JSON."""
        self._send(_encoded(event, data))

    def close(self) -> None:
        """Send the event ``closing``, and end all streams."""
        with self._lock:
            self._closed = True
        self._send(_encoded("closing", {}))
        self._send(None)

    async def listen(self, first_data: Callable[[], Mapping[str, Any]]) -> AsyncIterator[bytes]:
        """Yield the stream of one browser, in the text format of server-sent events.

        ``first_data`` returns the data of the first event, ``hello``.
        """
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        with self._lock:
            if self._closed:
                return
            self._listeners[queue] = asyncio.get_running_loop()
        try:
            yield _encoded("hello", first_data())
            while True:
                try:
                    message = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    message = b": still here\n\n"  # a comment, so that no proxy closes an idle connection
                if message is None or queue.qsize() > _MAX_WAITING:
                    return
                yield message
        finally:
            with self._lock:
                self._listeners.pop(queue, None)

    def _send(self, message: bytes | None) -> None:
        with self._lock:
            listeners = list(self._listeners.items())
        for queue, loop in listeners:
            if not loop.is_closed():
                loop.call_soon_threadsafe(queue.put_nowait, message)


def _encoded(event: str, data: Mapping[str, Any]) -> bytes:
    text = json.dumps(jsonable(data), separators=(",", ":"), allow_nan=False)
    return f"event: {event}\ndata: {text}\n\n".encode()
