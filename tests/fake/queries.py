"""Parse the query of a request, or reject it, as the API does."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.fake.answers import Answer, error_answer
from tests.fake.manners import Manners
from tests.fake.requests import Contact, RecordedRequest
from tests.fake.rows import (
    NEWEST_FIRST,
    SORTABLE_COLUMNS,
    Between,
    Conditions,
    InOneOf,
    Sort,
    microseconds,
)


@dataclass(frozen=True)
class Ask:
    """A parsed request: which contacts, in which order, with which fields.

    `sort` holds columns and whether they descend; if it is empty, there is no order at all.
    """

    page: int
    per_page: int
    sort: Sort
    conditions: Conditions
    left_out: frozenset[str]


def read_query(request: RecordedRequest, manners: Manners) -> Ask:
    """Parse the query as in api.md, "Request", or reject it with everything that is wrong."""
    query = dict(request.query)
    issues: list[Contact] = []
    page = _whole_number("page", query.get("page", "1"), issues)
    per_page = _whole_number("perPage", query.get("perPage", str(manners.default_per_page)), issues)
    bare_lists = [name for name in ("channels", "inboxIds") if name in query]
    issues += [_type_issue(name, "array", "string") for name in bare_lists]
    conditions = _conditions(query, issues, manners)
    if manners.applies_channels:
        conditions += _inbox_conditions(request.query)
    if issues:
        status, code = manners.bad_request
        data = {"issues": issues}
        raise Refused(error_answer(status, code, "Input validation failed", data=data))
    asked_sort = () if manners.ignores_sort else _sort(query.get("sort"))
    default_sort = NEWEST_FIRST if manners.newest_first else ()
    return Ask(
        page=page,
        per_page=min(per_page, manners.per_page_cap),
        sort=asked_sort or default_sort,
        conditions=() if manners.ignores_filter else conditions,
        left_out=_left_out(request.query, manners),
    )


def _whole_number(name: str, text: str, issues: list[Contact]) -> int:
    """Parse a number as JavaScript does: an empty text is 0, and 1e2 is 100."""
    if text.strip() and not _NUMBER.fullmatch(text.strip()):
        issues.append({**_type_issue(name, "number", "NaN"), "received": "NaN"})
        return 1
    number = float(text.strip() or "0")
    if not number.is_integer():
        issues.append({**_type_issue(name, "int", "number"), "format": "safeint"})
        return 1
    if number < 1:
        issues.append(
            {
                "origin": "number",
                "code": "too_small",
                "minimum": 1,
                "inclusive": True,
                "path": [name],
                "message": "Too small: expected number to be >=1",
            }
        )
    return int(number)


def _sort(text: str | None) -> Sort:
    """The columns of a `sort` in its JSON form; empty for any other form or unknown columns."""
    try:
        columns = json.loads(text or "[]")
        return tuple(
            (column["id"], bool(column["desc"]))
            for column in columns
            if column["id"] in SORTABLE_COLUMNS
        )
    except (ValueError, TypeError, KeyError):
        return ()


def _conditions(query: Mapping[str, str], issues: list[Contact], manners: Manners) -> Conditions:
    """The conditions of a `contactFilter` in bracket form. If there are several on one field, only
    the last applies; in November, all of them."""
    if "contactFilter" in query:
        issues.append(_type_issue("contactFilter", "object", "string"))
    parts: dict[int, dict[str, str]] = {}
    for name, value in query.items():
        if match := _CONDITION.fullmatch(name):
            parts.setdefault(int(match["place"]), {})[match["part"]] = value
    if parts and query.get("contactFilter[operator]") != "and":
        issues.append(_unknown_issue("contactFilter", "operator"))
    by_column: dict[str, Between] = {}
    for place, part in sorted(parts.items()):
        column = _FILTER_COLUMNS.get(part.get("field", ""))
        operator = part.get("operator", "")
        if column is None or operator not in _OPERATORS or "value" not in part:
            issues.append(_unknown_issue("contactFilter", "conditions", place))
            continue
        moment = microseconds(part["value"])
        if moment is None and manners.drops_dateless_conditions:
            continue
        low, high = (0.0, 0.0) if moment is None else _interval(operator, moment, manners)
        condition = Between(column, low, high)
        if manners.conditions_add_up and column in by_column:
            condition = condition.and_also(by_column[column])
        by_column[column] = condition
    return tuple(by_column.values())


def _interval(operator: str, moment: int, manners: Manners) -> tuple[float, float]:
    """The half-open range of times in microseconds; November truncates the bound to seconds."""
    step = manners.filters_by_seconds * 1_000_000 or 1
    begin = moment // step * step
    end = begin + step
    match operator:
        case "gte":
            return begin, math.inf
        case "gt":
            return end, math.inf
        case "lte":
            return -math.inf, end
        case "lt":
            return -math.inf, begin
    return begin, end


def _inbox_conditions(query: Iterable[tuple[str, str]]) -> Conditions:
    """`channels[]` and `inboxIds[]`, which November applies."""
    wanted: dict[str, set[str]] = {}
    for name, value in query:
        if key := {"channels[]": "channel", "inboxIds[]": "inboxId"}.get(name):
            wanted.setdefault(key, set()).add(value)
    return tuple(InOneOf(key, frozenset(values)) for key, values in wanted.items())


def _left_out(query: Iterable[tuple[str, str]], manners: Manners) -> frozenset[str]:
    """The keys of a contact and of its inboxes that this version omits for this request."""
    left_out = frozenset() if manners.sends_inbox_times else _INBOX_TIMES
    if not manners.sends_sources:
        left_out |= _SOURCES
    included = {value for name, value in query if name == "include[]"}
    if not manners.honours_include or not included:
        return left_out
    unwanted = {key for name, key in _INCLUDABLE.items() if name not in included}
    return left_out | unwanted | {"contactCustomFields"}


def _type_issue(name: str, expected: str, received: str) -> Contact:
    return {
        "expected": expected,
        "code": "invalid_type",
        "path": [name],
        "message": f"Invalid input: expected {expected}, received {received}",
    }


def _unknown_issue(*path: str | int) -> Contact:
    return {"code": "invalid_value", "path": list(path), "message": "Invalid option"}


class Refused(Exception):
    """The request gets an error instead of a page."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


_FILTER_COLUMNS = {"contactCreatedAt": "createdAt", "contactUpdatedAt": "updatedAt"}
_INCLUDABLE = {"tags": "tags", "inboxes": "contactInboxes", "conversation": "conversation"}
_INBOX_TIMES = frozenset({"lastIncomingMessageAt", "contactLastReadAt"})
_SOURCES = frozenset({"source", "language", "lastMessageAt"})
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_CONDITION = re.compile(
    r"contactFilter\[conditions\]\[(?P<place>\d{1,3})\]\[(?P<part>field|operator|value)\]"
)


_OPERATORS = frozenset({"gte", "gt", "lte", "lt", "eq"})
