"""When memory is looked through for what nobody can reach any more.

A collection holds up everybody. Streamlit does one of everything after each run of a page, or of a
part of one, which is most of what many viewers cost. `.streamlit/config.toml` turns that off.
"""

import asyncio
import gc

SECONDS = 10.0
"""Between two collections. Python would wait for very many objects, and a few that nobody can reach
may hold much: a figure, a table, a snapshot that was replaced."""


def leave_out_what_is_there() -> None:
    """What has been loaded by now stays as long as the process: it is left out of all collections
    to come."""
    gc.collect()
    gc.freeze()


async def collect_now_and_then(seconds: float = SECONDS) -> None:
    """Until it is cancelled."""
    while True:
        await asyncio.sleep(seconds)
        gc.collect()
