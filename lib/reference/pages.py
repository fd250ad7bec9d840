"""The pages: their paths, titles and icons."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

PagePath = Literal[
    "overview", "changes", "channels", "countries", "tags", "opt_in", "workload", "data"
]
"""Path of a page in the URL; the first page is at the root."""


class Entry(NamedTuple):
    """The icon is the name of a Material symbol."""

    title: str
    icon: str


PAGES: Mapping[PagePath, Entry] = {
    "overview": Entry("Overview", "monitoring"),
    "changes": Entry("Changes", "difference"),
    "channels": Entry("Channels", "forum"),
    "countries": Entry("Countries", "public"),
    "tags": Entry("Tags", "sell"),
    "opt_in": Entry("Opt-in", "mark_email_read"),
    "workload": Entry("Workload", "support_agent"),
    "data": Entry("Data", "database"),
}
"""In the order of the navigation."""

FIRST: PagePath = "overview"
