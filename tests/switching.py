"""Open a page of the dashboard in Streamlit's AppTest."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from lib.reference.pages import FIRST, PAGES

PATHS: tuple[str, ...] = tuple(PAGES)


def switch_page(dashboard: AppTest, path: str) -> AppTest:
    """Switch to a page by its path, like a click on its name; the next run shows it.

    `AppTest.switch_page` supports only pages that are files, and ours are functions.
    """
    registered = dashboard._registered_pages
    known = {info["url_pathname"]: page_hash for page_hash, info in registered.items()}
    dashboard._page_hash = known["" if path == FIRST else path]
    return dashboard
