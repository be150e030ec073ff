"""Authentication of requests: by host, origin, secrets and size."""

from __future__ import annotations

import asyncio
import hmac
import html
import json
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    # regl, which draws the map, compiles its draw calls with `new Function`: hence unsafe-eval.
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; worker-src 'self' blob:; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_SAFE = ("GET", "HEAD")
BODY_SECONDS = 10.0
"""How long the next piece of a body may take."""
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Facies</title>
<body style="font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em">
<h1>This atlas is locked</h1><p>{}</p></body></html>"""
_LOCKED = (
    "Open the whole address that <code>facies atlas</code> printed, with its token. It is made anew at each start, "
    "so that nobody else on this machine can read or change your names."
)


class AuthMiddleware:
    """The middleware that every request passes; `make_app` says what it is made of.

    A program sends the token, as ``Authorization: Bearer TOKEN``. The page exchanges the token for two other secrets: a
    cookie, and a key that it keeps to itself. A request to ``/api/`` needs both, the key in the header
    ``X-Facies-Page``, or as ``page=`` in the address of a picture, a download or the stream of events, to which a page
    can add no header. For browsers send a cookie to all ports of a host: another server on this machine, which a browser
    visits, receives it, and can do nothing with it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str,
        hosts: frozenset[str],
        port: int,
        max_body_bytes: int,
        scheme: str = "http",
        other_origin: str | None = None,
    ) -> None:
        self._app, self._token, self._hosts, self._max_body_bytes = app, token, hosts, max_body_bytes
        self._cookie, self._session, self._page = f"facies_{port}", _derived(token, "cookie"), _derived(token, "page")
        self._is_encrypted = scheme == "https"
        self._origins = {f"{scheme}://{host}" for host in hosts} | ({other_origin} if other_origin else set())
        self._dev_host = other_origin.split("//")[-1] if other_origin else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an accepted request on; answer any other one with an error."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets here
            return
        headers = Headers(scope=scope)
        send = _with_headers(send)
        error = self._check(scope, headers)
        if error is not None:
            await _send_error(send, *error, is_page=not scope["path"].startswith("/api/"))
            return
        if scope["path"] in ("/", "/api/login") and scope["method"] in _SAFE and await self._log_in(scope, send):
            return
        if not self._is_authenticated(scope, headers):
            await _send_error(send, 401, _LOCKED, is_page=not scope["path"].startswith("/api/"))
            return
        await self._forward(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        host = (headers.get("host") or "").lower()
        if host not in self._hosts and host != self._dev_host:
            return 403, "this atlas does not answer under that host name: open the address that it printed"
        origin = headers.get("origin")
        if (origin is not None and origin not in self._origins) or (
            headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and scope["path"] != "/"
        ):
            return 403, "another site asked for this: only the atlas's own page may"
        if scope["method"] not in _SAFE:
            if origin is None and "authorization" not in headers:
                return 403, "a change needs the header Origin of the atlas's own page, or Authorization: Bearer TOKEN"
            if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
                return 415, "a change is sent as application/json"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._max_body_bytes:
            return 413, f"a request has at most {self._max_body_bytes:,} bytes: choose by group, class or mask instead"
        return None

    async def _log_in(self, scope: Scope, send: Send) -> bool:
        """Exchange the token in the address for the cookie and the key; returns whether a response was sent."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        token = dict(query).get("token")
        if token is None:
            return False
        if not _same(token, self._token):
            await _send_error(send, 403, "That token is of another start of the atlas. " + _LOCKED, is_page=True)
            return True
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        # What follows # never leaves the browser, and the page takes it out of the address.
        location = "/" + (f"?{rest}" if rest else "") + f"#page={self._page}"
        cookie = f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"
        cookie += "; Secure" if self._is_encrypted else ""
        headers = [(b"set-cookie", cookie.encode("latin-1")), (b"cache-control", b"no-store")]
        if Headers(scope=scope).get("sec-fetch-site", "none") == "none":
            await _respond(send, 303, b"", [*headers, (b"location", location.encode("latin-1"))])
        else:
            # A redirect that began at another site (a terminal in a web page) would not carry the strict cookie.
            page = f'<!doctype html><meta http-equiv="refresh" content="0; url={html.escape(location)}">'.encode()
            await _respond(send, 200, page, [*headers, (b"content-type", b"text/html; charset=utf-8")])
        return True

    def _is_authenticated(self, scope: Scope, headers: Headers) -> bool:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and _same(token, self._token):
            return True
        if not self._has_cookie(headers):
            return False
        if not scope["path"].startswith("/api/"):  # the page's own files hold nothing of the runs
            return True
        page = headers.get("x-facies-page")
        if page is None and scope["method"] in _SAFE:
            page = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("page")
        return page is not None and _same(page, self._page)

    def _has_cookie(self, headers: Headers) -> bool:
        for line in headers.getlist("cookie"):
            try:
                cookies = SimpleCookie(line)
            except CookieError:
                continue
            if self._cookie in cookies and _same(cookies[self._cookie].value, self._session):
                return True
        return False

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counting its bytes, since the header Content-Length may be wrong; a body has to arrive in time."""
        n_received, started, is_late = 0, False, False
        is_whole = scope["method"] in _SAFE

        async def receive_counted() -> Message:
            nonlocal n_received, is_whole, is_late
            try:
                # After the body the application waits for the end of the connection, as long as it likes.
                message = await asyncio.wait_for(receive(), None if is_whole else BODY_SECONDS)
            except TimeoutError as error:
                is_late = True
                raise _Refused from error
            is_whole = is_whole or not message.get("more_body", False)
            n_received += len(message.get("body", b""))
            if n_received > self._max_body_bytes:
                raise _Refused
            return message

        def is_refused() -> bool:
            return is_late or n_received > self._max_body_bytes

        async def send_checked(message: Message) -> None:
            nonlocal started
            if not is_refused():  # otherwise the framework has turned _Refused into a response of its own
                started = True
                await send(message)

        try:
            await self._app(scope, receive_counted, send_checked)
        except Exception:
            if not is_refused():
                raise
        if is_late and not started:
            await _send_error(
                send, 408, f"the body did not arrive within {BODY_SECONDS:g} s: send it again", is_page=False
            )
        elif is_refused() and not started:
            await _send_error(send, 413, f"a request has at most {self._max_body_bytes:,} bytes", is_page=False)


def _derived(token: str, what: str) -> str:
    """Return a secret that belongs to the token, and from which nobody can compute it or another one."""
    return hmac.new(token.encode(), what.encode(), "sha256").hexdigest()


def _same(text: str, secret: str) -> bool:
    return secrets.compare_digest(text.encode("utf-8", "replace"), secret.encode())


class _Refused(Exception):  # noqa: N818 - it never leaves this file
    pass


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return send_with_headers


async def _send_error(send: Send, status: int, text: str, *, is_page: bool) -> None:
    kind = "limit" if status in (408, 413) else "forbidden"
    if is_page:
        body, media = _PAGE.format(text).encode(), b"text/html; charset=utf-8"
    else:
        plain = text.replace("<code>", "").replace("</code>", "")
        body, media = json.dumps({"error": plain, "kind": kind}).encode(), b"application/json"
    await _respond(send, status, body, [(b"content-type", media)])


async def _respond(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
