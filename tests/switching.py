"""Open a page of the dashboard in Streamlit's AppTest."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from lib.reference.pages import FIRST, PAGES

PATHS: tuple[str, ...] = tuple(PAGES)


def switch_page(dashboard: AppTest, path: str) -> AppTest:
    """Go to a page by its path, like a click on its name, or like a link if nothing was shown yet;
    the next run shows it.

    `AppTest.switch_page` supports only pages that are files, and ours are functions.
    """
    dashboard._page_hash = calc_hash("" if path == FIRST else path)
    return dashboard
