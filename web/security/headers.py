"""What every answer tells the browser, and how long a request's body may be: ASGI middleware."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.problems import Problem, answer

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""No script, style or picture from elsewhere, and none that stands in a page itself."""

_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_PREFLIGHT = Response(
    status_code=204,
    headers={
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
        "Access-Control-Allow-Headers": "Authorization, Accept, If-None-Match",
        "Access-Control-Max-Age": "86400",
    },
)
"""To a browser that asks whether a viewer of another site may send its token."""

_YEAR = 365 * 24 * 3600


class SecurityHeaders:
    """Adds the headers; with `https` also that this site is never asked without TLS."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = dict(_HEADERS)
        if https:
            self._headers["Strict-Transport-Security"] = f"max-age={_YEAR}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        if scope["method"] == "OPTIONS" and scope["path"].startswith("/iiif/"):
            await _PREFLIGHT(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if scope["path"].startswith("/iiif/"):
                    # Viewers elsewhere may show what anybody may see, or they have a token for:
                    # no other site's page is lent this one's cookies.
                    headers["Access-Control-Allow-Origin"] = "*"
                    headers["Access-Control-Expose-Headers"] = "Link, ETag"
                    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                # What depends on who asks is nobody else's to keep.
                headers.setdefault("Cache-Control", "private, no-cache")
                if "immutable" not in headers["Cache-Control"]:
                    headers.add_vary_header("Cookie, Authorization")
            await send(message)

        await self._app(scope, receive, with_headers)


class BodyLimit:
    """Ends a request whose body is longer than allowed, whatever its headers say of it.

    `longer` names paths that take more than `most` bytes.
    """

    def __init__(self, app: ASGIApp, *, most: int, longer: dict[str, int]) -> None:
        self._app = app
        self._most = most
        self._longer = longer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._longer.get(scope["path"], self._most)
        request = Request(scope)
        problem = Problem(413, f"the request is longer than {most:,} bytes; send less at once")
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > most:
            await answer(request, problem)(scope, receive, send)
            return
        count, begun = 0, False

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > most:
                raise problem
            return message

        async def sent(message: Message) -> None:
            nonlocal begun
            # Whoever was reading the body makes another error of it.
            if begun or count <= most:
                begun = True
                await send(message)

        try:
            await self._app(scope, counted, sent)
        except Exception:
            if begun or count <= most:
                raise
        if count > most and not begun:
            await answer(request, problem)(scope, receive, send)
