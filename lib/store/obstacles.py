"""What is in the way of a Delta table, in a folder that others write to as well: it is set aside,
never overwritten, and the log says so."""

from __future__ import annotations

import logging
import os
import re

from lib.store.place import Place, StoreError, store_error

log = logging.getLogger(__name__)

LOG = "_delta_log"
"""Folder of a table's log."""

_LOG_FILE = re.compile(
    r"\d{20}\.(json|crc|checkpoint(\..*)?\.(parquet|json)|\d{20}\.compacted\.json)"
    r"|_last_checkpoint"
)
_EVERYDAY_NAME = re.compile(r"[\w.#=-]+", re.ASCII)
"""Libraries fail on other names."""


_MISREAD = re.compile(r"%[0-9A-Fa-f]{2}" if os.sep == "\\" else r"%[0-9A-Fa-f]{2}|[\\\t\r\n]")


def check_path(table: Place) -> None:
    """Raise StoreError if deltalake (1.6.6) would write to another folder, as it takes a%20b for
    the folder "a b"."""
    if table.is_folder and _MISREAD.search(os.path.realpath(table.root)):
        raise StoreError(
            "the path of its folder holds a % before two digits or letters, a backslash or a line "
            "break: choose a folder without them"
        )


def clear_log(table: Place) -> None:
    """Set aside entries that obstruct the log: opening a pipe would block, for example."""
    clear_folders(table)
    if not table.is_folder:
        return
    log_place = table.below(LOG)
    for entry in log_place.entries():
        if entry.leads_nowhere:  # deltalake fails at it, under whatever name
            log.warning("A link in the log in %s leads nowhere.", log_place.root)
            log_place.remove(entry.name)
            continue
        known = _LOG_FILE.fullmatch(entry.name) is not None
        is_odd = not _EVERYDAY_NAME.fullmatch(entry.name)
        looks_known = entry.name.endswith((".json", ".parquet"))
        if is_odd or (not entry.is_plain if known else looks_known):
            log.warning("A part of the log in %s is set aside.", log_place.root)
            log_place.set_aside(entry.name)


def clear_folders(table: Place) -> None:
    """Set aside files where the table's folders should be."""
    if not table.is_folder:
        return
    for place, name in ((table.above, table.name), (table, LOG)):
        path = place.path(name)
        try:
            is_in_the_way = os.path.lexists(path) and not path.is_dir()
        except OSError as error:  # the parent folder is not accessible
            raise store_error(error, place) from None
        if is_in_the_way:
            log.warning("%s is not a folder and is set aside.", path)
            place.set_aside(name)


def set_newest_aside(table: Place) -> bool:
    """Set aside the newest log file; returns whether there was one."""
    log_place = table.below(LOG)
    names = sorted(e.name for e in log_place.entries() if _LOG_FILE.fullmatch(e.name))
    if not names:
        return False
    log.warning("The log of %s cannot be read: %s is set aside.", table.root, names[-1])
    log_place.set_aside(names[-1])
    return True


def set_all_aside(table: Place) -> None:
    """Set all log files aside."""
    log_place = table.below(LOG)
    for entry in log_place.entries():
        if _LOG_FILE.fullmatch(entry.name):
            log_place.set_aside(entry.name)
