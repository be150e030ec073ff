"""Serves an atlas until Ctrl-C or SIGTERM."""

from __future__ import annotations

import contextlib
import html
import os
import secrets
import socket
import ssl
import sys
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from facies.atlas.server.addresses import addresses
from facies.atlas.server.app import make_app
from facies.atlas.server.connection import TimedConnection
from facies.atlas.services.open_atlas import Atlas
from facies.errors import InputError

_SHUTDOWN_SECONDS = 3
_EXIT_SECONDS = 8.0


def serve(
    atlas: Atlas,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    certificate: tuple[Path, Path | None] | None = None,
    say: Callable[[list[str]], None],
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
    certificate : (Path, Path or None), optional
        A certificate in PEM format, and its private key where that is a file of its own: the server then speaks HTTPS.
    say : callable
        Called with the addresses, token included, once the server answers: first the one for this machine.
    open_browser : bool
        Whether to open the address in a browser.

    Raises
    ------
    InputError
        If the port is taken, the address is not this machine's, or the certificate cannot be used.
    """
    encryption = {} if certificate is None else _encryption(*certificate)
    scheme = "https" if certificate else "http"
    listener = _listen(host, port)
    number = listener.getsockname()[1]
    token = secrets.token_urlsafe(24)
    places = addresses(host, number, token, scheme)
    origin = os.environ.get("FACIES_ATLAS_DEV_ORIGIN")
    app = make_app(atlas, token=token, host=host, port=number, scheme=scheme, other_origin=origin)
    config = uvicorn.Config(
        app,
        http=TimedConnection,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        timeout_keep_alive=30,
        **encryption,
    )

    def ready() -> None:
        say(places)
        if open_browser and has_screen():
            page = _redirect_file(atlas.exports_folder, places[0])
            # In a thread, because webbrowser.open waits for some browsers to end.
            threading.Thread(target=webbrowser.open, args=(page.as_uri(),), daemon=True).start()

    # uvicorn raises the signal again after it has closed; here Ctrl-C is the usual way to end and no error.
    with contextlib.closing(listener), contextlib.suppress(KeyboardInterrupt):
        _Server(config, atlas, ready).run(sockets=[listener])


def _encryption(certificate: Path, key: Path | None) -> dict[str, Any]:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:  # ssl's own errors are OSErrors
        reason = " ".join(str(error).split())
        raise InputError(
            f"{certificate} cannot be used as a certificate ({reason}): give a PEM file, and --key if the private key is "
            "in another one"
        ) from error
    return {"ssl_certfile": str(certificate), "ssl_keyfile": str(key or certificate)}


def _redirect_file(folder: Path, address: str) -> Path:
    """Write a page that leads to the address: on the command line of the browser, all users of the machine could read it."""
    page = folder / "open-atlas.html"
    with os.fdopen(os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={html.escape(address)}">')
    return page


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
        """End the streams of events, which would keep their connections open, and then the server.

        Work that does not end, such as the reading of a dead network drive, would keep the process alive. Every action
        is on the disk, so that nothing is lost when it is ended.
        """
        self._atlas.events.close()
        timer = threading.Timer(_EXIT_SECONDS, _end_process, args=(self._atlas,))
        timer.daemon = True
        timer.start()
        super().handle_exit(sig, frame)


def _end_process(atlas: Atlas) -> None:
    atlas.remove_exports()
    os._exit(0)


def _listen(host: str, port: int) -> socket.socket:
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        family, kind, protocol, _, address = entries[0]
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
