"""Opens a page of the dashboard in Streamlit's own test driver."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

PATHS = ("overview", "changes", "channels", "countries", "tags", "opt_in", "workload", "data")


def switch_page(dashboard: AppTest, path: str) -> AppTest:
    """Goes to the page at this address, as a click on its name does; the next run shows it.

    `AppTest.switch_page` knows pages that are files only, and ours are functions.
    """
    registered = dashboard._registered_pages
    known = {info["url_pathname"]: page_hash for page_hash, info in registered.items()}
    dashboard._page_hash = known["" if path == "overview" else path]
    return dashboard
