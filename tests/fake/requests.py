"""Requests as they arrived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Contact = dict[str, Any]
API_PATH = "/api"
CONTACTS_PATH = f"{API_PATH}/v1/contacts"
COUNT_PATH = f"{CONTACTS_PATH}/count"
SIGN_IN_PATH = "/sign-in"


@dataclass(frozen=True)
class RecordedRequest:
    """A request as it arrived. `number` counts from 1; names of `headers` are in lower case."""

    number: int
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    token: str | None
    token_ok: bool
    at: float

    def value(self, name: str) -> str | None:
        """The query parameter `name`; the last value if it was sent more than once."""
        return dict(self.query).get(name)


def bearer_token(authorization: str | None) -> str | None:
    """The token in the Authorization header, whose scheme is case-sensitive (api.md, beginning)."""
    scheme, _, token = (authorization or "").partition(" ")
    return token if scheme == "Bearer" and token else None
