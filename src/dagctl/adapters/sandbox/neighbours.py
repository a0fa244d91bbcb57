"""Protection from other pages in the same browser, which can send requests to the loopback interface too."""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

REFUSED = 403


def guarded(app: ASGIApp, port: int) -> ASGIApp:
    """`app`, which takes only requests for its own host, and only from its own pages.

    A page on a name that its owner has made to mean 127.0.0.1 (DNS rebinding) gives itself away by `Host`, a form
    that another page has sent by `Origin` (RFC 6454 section 7). Programs send none.
    """
    hosts = {f"localhost:{port}", f"127.0.0.1:{port}"}

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {name: value.decode("latin-1").lower() for name, value in scope["headers"]}
            scheme, _, origin = headers.get(b"origin", f"https://localhost:{port}").partition("://")
            if headers.get(b"host") not in hosts or scheme != "https" or origin not in hosts:
                await PlainTextResponse("This is for dagctl and its own pages.\n", REFUSED)(scope, receive, send)
                return
        await app(scope, receive, send)

    return answer
