"""Coroutines in tests whose own thread may be running the loop of a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def concluded(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What `work` comes to, run to its end in a thread and a loop of its own."""
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(lambda: asyncio.run(work())).result()
