"""Queries and their encoding as query strings of the API (api.md, "Request")."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

PER_PAGE = 1000
"""The page size that we request; servers cap it silently (July at 50, others at 1000)."""


@dataclass(frozen=True)
class Bound:
    """Upper bound of creation times: before or up to a `time`, written as the API does."""

    operator: Literal["lt", "lte"]
    time: str


@dataclass(frozen=True)
class Query:
    """A page of contacts sorted by `createdAt, id`, or, with `descending`, in reverse.

    `since` keeps contacts with `createdAt >= since`, a time as the API writes it; `until` is the
    upper bound. July applies only one of the two; November truncates both to the second. `skipped`
    is how many contacts are known to precede the page: the server skips over each, which takes
    time, so timeouts grow with it.
    """

    since: str | None = None
    until: Bound | None = None
    page: int = 1
    per_page: int = PER_PAGE
    descending: bool = False
    skipped: int = 0

    def encoded(self) -> str:
        parts = [f"page={self.page}&perPage={self.per_page}", _SORT[self.descending], _INCLUDE]
        return "&".join(parts + _conditions(self.since, self.until))


@dataclass(frozen=True)
class CountQuery:
    """A query for the number of contacts created in a period; exact only on November's servers."""

    since: str
    until: Bound

    def encoded(self) -> str:
        return "&".join(_conditions(self.since, self.until))


def _parameters(*parameters: tuple[str, str]) -> str:
    return "&".join(f"{quote(name)}={quote(value)}" for name, value in parameters)


def _conditions(since: str | None, until: Bound | None) -> list[str]:
    """The filter as parameters in bracket form; an empty list if there is no condition."""
    conditions = [(_SINCE, since)] if since is not None else []
    if until is not None:
        conditions.append((_UNTIL[until.operator], until.time))
    if not conditions:
        return []
    return [
        _ALL,
        *(prefix.replace("NUMBER", str(n)) + quote(v) for n, (prefix, v) in enumerate(conditions)),
    ]


def _condition(operator: str) -> str:
    name = "contactFilter[conditions][NUMBER]"
    return _parameters(
        (f"{name}[field]", "contactCreatedAt"),
        (f"{name}[operator]", operator),
        (f"{name}[value]", ""),
    )


_SORT = {
    descending: _parameters(
        ("sort", f'[{{"id":"createdAt","desc":{desc}}},{{"id":"id","desc":{desc}}}]')
    )
    for descending, desc in ((False, "false"), (True, "true"))
}
_ALL = _parameters(("contactFilter[operator]", "and"))
_SINCE = _condition("gte")
_UNTIL = {operator: _condition(operator) for operator in ("lt", "lte")}
# Makes servers since October leave out custom fields; older ones ignore it.
_INCLUDE = _parameters(*[("include[]", part) for part in ("tags", "inboxes", "conversation")])
