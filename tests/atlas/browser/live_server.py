"""A server in this process, which a real browser asks over the loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from facies.atlas import Atlas
from facies.atlas.server import make_app

TOKEN = "a-token-of-the-browser-tests"


@contextlib.contextmanager
def live_server(*runs: Path, port: int = 0) -> Iterator[str]:
    """Serve runs, and give the address to open."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(64)
    number = listener.getsockname()[1]
    with contextlib.closing(listener), Atlas(list(runs)) as atlas:
        app = make_app(atlas, token=TOKEN, port=number)
        config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{number}/?token={TOKEN}"
        finally:
            server.should_exit = True
            server.force_exit = True  # the page is still open, and would be waited for
            thread.join(10)
