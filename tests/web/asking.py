"""Send requests to an ASGI app like a browser, and return the raw responses."""

from __future__ import annotations

import httpx
from starlette.types import ASGIApp

from tests.own_event_loop import run_async


def ask(app: ASGIApp, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """The response without decoding its body; `accept_encoding` is the header of that name."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}

    async def answered() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            request = client.build_request(
                method, path, headers={"accept-encoding": "identity"} | given
            )
            answer = await client.send(request, stream=True)
            raw = b"".join([part async for part in answer.aiter_raw()])
            # httpx would decode the body by its headers, but the raw body is what the tests check.
            plain = {k: v for k, v in answer.headers.items() if k != "content-encoding"}
            plain["coding"] = answer.headers.get("content-encoding", "")
            return httpx.Response(answer.status_code, headers=plain, content=raw)

    return run_async(answered)
