"""Reading history where a page can do without it: the page of changes says that it cannot be read,
the log says why."""

import logging
from collections.abc import Callable
from typing import TypeVar

from lib.engines.errors import EngineError
from lib.store.place import StoreError, Unreadable

log = logging.getLogger(__name__)

Result = TypeVar("Result")


def unless_unreadable(read: Callable[[], Result], otherwise: Result) -> Result:
    """`read()`, or `otherwise` if the store cannot be read or the engine gives no answer."""
    try:
        return read()
    except (StoreError, Unreadable, EngineError) as why:
        log.warning("Recorded history cannot be read: %s", why)
        return otherwise
