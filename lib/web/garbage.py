"""Schedule garbage collection.

A collection pauses all threads. Streamlit runs a full one after each run of a page or fragment,
which is most of the cost of having many viewers; `.streamlit/config.toml` turns that off.
"""

import asyncio
import gc

SECONDS = 10.0
"""Interval between two collections. Python itself would wait for a large number of objects, but a
few unreachable ones can hold much memory: a figure, a table, a replaced snapshot."""


def freeze_loaded_objects() -> None:
    """Exclude everything loaded so far, which lives as long as the process, from collections."""
    gc.collect()
    gc.freeze()


async def collect_periodically(seconds: float = SECONDS) -> None:
    """Run a collection every `seconds`, until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        gc.collect()
