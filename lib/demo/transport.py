"""Serve the demo company as JSON, as a ChatbotX server of October 2026 would, without a network.

The fake API of the tests is a separate implementation on purpose: it imitates the faults of all
versions of the server, including contacts that change during a crawl, which a demo does not need.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx
import msgspec
import numpy as np

from lib.demo.drawing import draw_workspace
from lib.demo.times import EPOCH, Ints
from lib.demo.workspace import Workspace

BASE_URL = "https://demo.chatbotx.invalid/api"

TOKEN = "demo"


class DemoTransport(httpx.BaseTransport):
    """Answers `GET /api/v1/contacts` as an October 2026 server would.

    The newest contact was created a few minutes before `as_of`, and nothing happened after `as_of`.
    The same `as_of`, number of `contacts` and `seed` give the same workspace. Thread-safe.

    Raises ValueError if `as_of` has no time zone.
    """

    def __init__(self, as_of: datetime, contacts: int = 20_000, seed: int = 7) -> None:
        if as_of.tzinfo is None:
            raise ValueError("as_of needs a time zone")
        self._workspace = draw_workspace(as_of, contacts, np.random.default_rng(seed))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET" or request.url.path != "/api/v1/contacts":
            return httpx.Response(404, text="Not found")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _refusal(401, "INVALID_CHATBOT_TOKEN", {})
        try:
            query = _read_query(request.url.params)
        except _BadParameter as bad:
            return _refusal(422, "invalidRequestData", {"data": {"issues": [{"path": bad.path}]}})
        return _page(self._workspace, query)


_LARGEST_PAGE = 500

_DEFAULT_PAGE = 20

_CONDITION = re.compile(r"contactFilter\[conditions\]\[(\d+)\]\[(field|operator|value)\]")


class _BadParameter(Exception):
    """A parameter that the server rejects; `path` locates it, as in the server's answer."""

    def __init__(self, *path: str | int) -> None:
        super().__init__(path)
        self.path = path


class _SortKey(msgspec.Struct, frozen=True):
    id: Literal["createdAt", "id"]
    desc: bool = False


_NEWEST_FIRST = (_SortKey("createdAt", True), _SortKey("id", True))


@dataclass(frozen=True)
class _Query:
    page: int
    per_page: int
    sort: tuple[_SortKey, ...]
    created: tuple[str, str] | None  # operator and value
    custom_fields: bool


def _read_query(params: httpx.QueryParams) -> _Query:
    return _Query(
        page=_positive(params, "page", 1),
        per_page=min(_positive(params, "perPage", _DEFAULT_PAGE), _LARGEST_PAGE),
        sort=_sort(params.get("sort")),
        created=_created_condition(params),
        custom_fields=not any(name.startswith("include[") for name in params),
    )


def _positive(params: httpx.QueryParams, name: str, default: int) -> int:
    text = params.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise _BadParameter(name)
    return int(text)


def _sort(text: str | None) -> tuple[_SortKey, ...]:
    """Parse `sort`; one that cannot be read is silently ignored, as on the servers."""
    if text is None:
        return _NEWEST_FIRST
    try:
        return msgspec.json.decode(text, type=tuple[_SortKey, ...]) or _NEWEST_FIRST
    except msgspec.MsgspecError:
        return _NEWEST_FIRST


def _created_condition(params: httpx.QueryParams) -> tuple[str, str] | None:
    """The last condition on `contactCreatedAt`; as on the servers, earlier ones are ignored."""
    conditions: dict[int, dict[str, str]] = {}
    for name, text in params.multi_items():
        if part := _CONDITION.fullmatch(name):
            conditions.setdefault(int(part[1]), {})[part[2]] = text
    found = None
    for number, condition in sorted(conditions.items()):
        if condition.get("field") == "contactCreatedAt":
            operator = condition.get("operator", "")
            if operator not in ("gte", "gt", "lte", "lt"):
                raise _BadParameter("contactFilter", "conditions", number, "operator")
            found = operator, condition.get("value", "")
    return found


def _page(workspace: Workspace, query: _Query) -> httpx.Response:
    first, end = _matching(workspace.created, query.created)
    rows = _ordered(workspace.created, first, end, query.sort)
    start = (query.page - 1) * query.per_page
    answer = {
        "data": workspace.contacts(rows[start : start + query.per_page], query.custom_fields),
        "pageCount": -(-len(rows) // query.per_page),
        "totalCount": len(rows),
        "totalCountCapped": False,
    }
    return httpx.Response(200, content=msgspec.json.encode(answer), headers=_JSON)


def _matching(created: Ints, condition: tuple[str, str] | None) -> tuple[int, int]:
    """The range of matching rows, end excluded; rows are sorted by `created`."""
    if condition is None:
        return 0, len(created)
    operator, text = condition
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return 0, 0
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    bound = (instant - EPOCH) / timedelta(milliseconds=1)
    edge = int(np.searchsorted(created, bound, "left" if operator in ("gte", "lt") else "right"))
    return (edge, len(created)) if operator in ("gte", "gt") else (0, edge)


def _ordered(created: Ints, first: int, end: int, sort: tuple[_SortKey, ...]) -> Ints:
    """The rows from `first` to before `end`, sorted. Ids increase with `createdAt`, break ties."""
    rows = np.arange(first, end)
    by_created, *rest = sort
    if by_created.id == "id" or not rest or rest[0].desc == by_created.desc:
        return rows[::-1] if by_created.desc else rows
    times = created[first:end]
    return rows[np.lexsort((-rows, times) if rest[0].desc else (rows, -times))]


def _refusal(status: int, code: str, details: dict[str, Any]) -> httpx.Response:
    body = {"defined": False, "code": code, "status": status, "message": code, **details}
    return httpx.Response(status, content=msgspec.json.encode(body), headers=_JSON)


_JSON = {"content-type": "application/json"}
