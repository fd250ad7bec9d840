"""What is asked of the API, spelled as its query strings want it (api.md, "Request")."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

PER_PAGE = 1000
"""What we ask for; servers cap it silently (50 in July, 1000 in others)."""


@dataclass(frozen=True)
class Bound:
    """The end of a stretch of creation times: before or up to a time as the API writes it."""

    operator: Literal["lt", "lte"]
    time: str


@dataclass(frozen=True)
class Query:
    """A page of contacts in the order of `createdAt, id`, or, with `descending`, the reverse.

    `since` keeps those with `createdAt >= since`, a time as the API writes it, `until` those before
    it. July heeds only one of the two, November cuts both to the second. `skipped` is how many
    contacts come before the page, as far as is known: the server walks them all, which takes time.
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
    """How many contacts were created in a stretch of time; exact only on servers of November."""

    since: str
    until: Bound

    def encoded(self) -> str:
        return "&".join(_conditions(self.since, self.until))


def _parameters(*parameters: tuple[str, str]) -> str:
    return "&".join(f"{quote(name)}={quote(value)}" for name, value in parameters)


def _conditions(since: str | None, until: Bound | None) -> list[str]:
    """The filter in its bracket form, as parameters; none without a condition."""
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
# Servers since October then leave out custom fields; older ones ignore it.
_INCLUDE = _parameters(*[("include[]", part) for part in ("tags", "inboxes", "conversation")])
