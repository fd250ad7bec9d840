"""How each version of the platform behaves, including its rate limit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class RateLimit:
    """A number of requests in a fixed window that starts with the first of them."""

    requests: int
    seconds: float
    retry_after: Literal["seconds", "date"] | None = None


@dataclass(frozen=True)
class Manners:
    """How one version of the platform behaves; see `JUNE`, `JULY`, `OCTOBER` and `NOVEMBER`.

    `counted_up_to` is the largest count: `pageCount` covers no more contacts than that.
    `newest_first`: without `sort`, contacts are sorted by `createdAt`, with ties in random order;
    otherwise in random order. `ignores_sort` and `ignores_filter` imitate the servers that a client
    has to recognise (api.md, "Traps").

    `filters_by_seconds`: times in a filter are truncated to a multiple of this, a second in
    November; 0 for not at all. `conditions_add_up`: several conditions on one field all apply, not
    just the last one. `drops_dateless_conditions`: a condition whose value is not a date is
    ignored. `applies_channels`: filters by `channels` and `inboxIds`. `counts`: supports
    `/v1/contacts/count`.

    `seconds_per_skipped_contact`: the time that a page takes for each contact before it (trap 4),
    multiplied by the number of such pages in flight; 0.013 without an index on
    `Conversation("contactId")`.
    """

    per_page_cap: int = 1000
    default_per_page: int = 20
    newest_first: bool = True
    counted_up_to: int | None = None
    sends_total_count: bool = False
    sends_inbox_times: bool = True
    sends_sources: bool = True
    honours_include: bool = False
    ignores_sort: bool = False
    ignores_filter: bool = False
    filters_by_seconds: int = 0
    conditions_add_up: bool = False
    drops_dateless_conditions: bool = False
    applies_channels: bool = False
    counts: bool = False
    seconds_per_skipped_contact: float = 0.0
    invalid_token_status: int = 500
    bad_request: tuple[int, str] = (400, "BAD_REQUEST")
    rate_limit: RateLimit | None = None
    address_rate_limit: RateLimit | None = None


JUNE = Manners(newest_first=False, sends_inbox_times=False, sends_sources=False)
JULY = Manners(per_page_cap=50, sends_sources=False)
OCTOBER = Manners(
    counted_up_to=10_000,
    sends_total_count=True,
    honours_include=True,
    invalid_token_status=401,
    bad_request=(422, "invalidRequestData"),
    rate_limit=RateLimit(120, 10),
    address_rate_limit=RateLimit(600, 10),
)


NOVEMBER = replace(
    OCTOBER,
    filters_by_seconds=1,
    conditions_add_up=True,
    drops_dateless_conditions=True,
    applies_channels=True,
    counts=True,
)
