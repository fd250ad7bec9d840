"""Garbage is collected periodically, not while viewers wait."""

from __future__ import annotations

import asyncio
import gc
import tomllib
import weakref
from pathlib import Path

from lib.web import garbage
from tests.own_event_loop import run_async

CONFIG = Path(__file__).parents[2] / ".streamlit" / "config.toml"


class Node:
    """Refers to itself, so that only a collection frees it."""

    def __init__(self) -> None:
        self.own = self


def test_unreachable_objects_are_collected_in_time() -> None:
    async def collect() -> weakref.ref[Node]:
        lost = weakref.ref(Node())
        collecting = asyncio.create_task(garbage.collect_periodically(0.01))
        for _ in range(6000):
            if lost() is None:
                break
            await asyncio.sleep(0.01)
        collecting.cancel()
        return lost

    assert run_async(collect)() is None


def test_objects_from_start_up_are_excluded_from_collections() -> None:
    gc.unfreeze()  # `tests/conftest.py` has done the same for all tests
    assert gc.get_freeze_count() == 0
    garbage.freeze_loaded_objects()
    assert gc.get_freeze_count() > 10_000


def test_no_run_is_followed_by_a_collection_or_a_check_of_files() -> None:
    """Either takes longer than most pages and blocks all viewers."""
    config = tomllib.loads(CONFIG.read_text("utf-8"))
    assert not config["runner"]["postScriptGC"], "a collection of everything after each run"
    assert config["server"]["fileWatcherType"] == "none", "a look at every file after each run"
