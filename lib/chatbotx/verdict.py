"""The verdict on a crawl: whether it is complete, and where contacts may be missing."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Literal

Check = Literal["agrees", "differs", "not available"]


@dataclass(frozen=True)
class Range:
    """Creation times from `first` to `last`, both included, in UTC with millisecond resolution."""

    first: datetime
    last: datetime


@dataclass(frozen=True)
class Verdict:
    """How the crawl went, and what it may have missed.

    `began` is in UTC. `pages` is the number of answers with contacts, `duplicates` the number of
    contacts passed on again because they had changed, `without_id` the number left out for lack of
    an id. `by_key` is False for a server that had to be read by page. `unreadable` counts
    unreadable values by field.

    `complete`: every contact that existed throughout the crawl was read. Otherwise `warnings` say
    why not and how many may be missing.

    `doubtful`: the ranges of creation time in which a contact that existed throughout may be
    missing, sorted and without overlaps. Empty if and only if the crawl is complete; None if no
    range can be named, and then any contact may be missing. A contact whose `createdAt` is missing
    or unreadable may lie in any range, so it is in doubt if there is one. A contact that did not
    come and was created outside all ranges has been deleted. Contacts without an id and contacts
    created after the crawl began make nothing doubtful.

    `checked`: the comparison with the server's own count of contacts created before the crawl. It
    agrees, differs (`warnings` and `doubtful` then say where contacts are missing; a count that is
    too low makes nothing doubtful), or is not available.

    `repeated_differently`: how many ids came more than once with different contents.
    """

    began: datetime
    seconds: float = 0.0
    requests: int = 0
    retries: int = 0
    pages: int = 0
    duplicates: int = 0
    without_id: int = 0
    by_key: bool = True
    complete: bool = True
    warnings: tuple[str, ...] = ()
    unreadable: dict[str, int] = field(default_factory=dict)
    doubtful: tuple[Range, ...] | None = ()
    checked: Check = "not available"
    repeated_differently: int = 0


def merged(ranges: list[Range]) -> tuple[Range, ...]:
    """The ranges sorted by time, with those that overlap or touch merged."""
    found: list[Range] = []
    for each in sorted(ranges, key=attrgetter("first")):
        if found and each.first <= found[-1].last + timedelta(milliseconds=1):
            found[-1] = Range(found[-1].first, max(found[-1].last, each.last))
        else:
            found.append(each)
    return tuple(found)
