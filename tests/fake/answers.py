"""Answers that are not pages of contacts, as the API and proxies in front of it word them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from http.client import responses
from typing import Any, Literal

import msgspec


@dataclass(frozen=True)
class Answer:
    """A whole answer. As a fault, it replaces the right one; `dated` adds a Date header."""

    status: int
    body: bytes = b""
    content_type: str | None = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    dated: bool = True


def error_answer(status: int, code: str, message: str | None = None, **data: Any) -> Answer:
    """An error as the API words it (api.md, "Limits and errors")."""
    body = {"defined": False, "code": code, "status": status, "message": message or code, **data}
    return Answer(status, msgspec.json.encode(body))


def too_many_requests(retry_after: str | None = None, wait: float | None = None) -> Answer:
    """The answer above the rate limit: `retry_after` in the header, the seconds to `wait` in the
    message. Real servers guarantee neither."""
    message = "Too many requests"
    if wait is not None:
        message += f". Retry after {math.ceil(wait)}s."
    refusal = error_answer(429, "tooManyRequests", message)
    headers = (("Retry-After", retry_after),) if retry_after is not None else ()
    return Answer(refusal.status, refusal.body, headers=headers)


def redirect(location: str, status: int = 307) -> Answer:
    """A redirect, possibly to another host, which must not receive the token."""
    return Answer(status, location.encode(), None, (("Location", location),))


def gateway_error(status: Literal[502, 503, 504]) -> Answer:
    """The HTML error of a proxy in front of a server that does not respond."""
    page = f"<html><head><title>{status} {responses[status]}</title></head><body></body></html>"
    return Answer(status, page.encode(), "text/html")


DATABASE_DOWN = error_answer(500, "INTERNAL_SERVER_ERROR", "Internal server error")
WRONG_PATH = Answer(404, b"Not found", "text/plain;charset=UTF-8")
SIGN_IN_PAGE = Answer(200, b"<!doctype html><title>Sign in</title>", "text/html; charset=utf-8")
