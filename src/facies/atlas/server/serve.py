"""Serves an atlas until Ctrl-C or SIGTERM."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from types import FrameType

import uvicorn

from facies.atlas.server.app import make_app
from facies.atlas.services.open_atlas import Atlas
from facies.errors import InputError

_SHUTDOWN_SECONDS = 3


def serve(
    atlas: Atlas,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    say: Callable[[str], None],
    open_browser: bool = True,
) -> None:
    """Serve an atlas until Ctrl-C or SIGTERM.

    Parameters
    ----------
    atlas : Atlas
        The open runs.
    host : str
        The address to listen on; by default, other machines cannot reach the server.
    port : int
        The port to listen on; 0 takes a free one.
    say : callable
        Called with the address, including the token, once the server answers.
    open_browser : bool
        Whether to open the address in a browser.

    Raises
    ------
    InputError
        If the port is taken, or the address is not this machine's.
    """
    listener = _listen(host, port)
    number = listener.getsockname()[1]
    token = secrets.token_urlsafe(24)
    address = _address(host, number, token)
    app = make_app(atlas, token=token, host=host, port=number, other_origin=os.environ.get("FACIES_ATLAS_DEV_ORIGIN"))
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        timeout_keep_alive=30,
    )

    def ready() -> None:
        say(address)
        if open_browser and has_screen():
            # In a thread, because webbrowser.open waits for some browsers to end.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    # uvicorn raises the signal again after it has closed; here Ctrl-C is the usual way to end and no error.
    with contextlib.closing(listener), contextlib.suppress(KeyboardInterrupt):
        _Server(config, atlas, ready).run(sockets=[listener])


def _address(host: str, port: int, token: str) -> str:
    name = "127.0.0.1" if host in ("0.0.0.0", "::", "localhost") else host  # noqa: S104 - compared, not bound
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/?token={token}"


def has_screen() -> bool:
    """Return whether a browser could open a window; without a screen, a text browser would take over the terminal."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class _Server(uvicorn.Server):
    """Calls ``ready`` when it answers, and ends the streams of events before it waits for connections to close."""

    def __init__(self, config: uvicorn.Config, atlas: Atlas, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._atlas, self._ready = atlas, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the streams of events, which would keep their connections open, and then the server."""
        self._atlas.events.close()
        super().handle_exit(sig, frame)


def _listen(host: str, port: int) -> socket.socket:
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        family, kind, protocol, _, address = addresses[0]
        # With the protocol named, asyncio sets TCP_NODELAY; without it every small answer waits 40 ms for an acknowledgement.
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except (OSError, OverflowError) as error:
        raise InputError(
            f"the atlas cannot listen on {host}:{port} ({' '.join(str(error).split())}): choose another --port"
        ) from error
    return listener
