"""Read the environment and the secrets into a configuration, or report all mistakes in them.

A name means the same in both; the environment wins. Tables can only be in the secrets: several
workspaces, access, sign-in, notifications and the options of a bucket.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from lib.settings import checks
from lib.settings.model import Configuration, SecretsOutOfReach, Settings, SettingsError
from lib.settings.notify import read_notifications
from lib.settings.remarks import Remarks
from lib.settings.sign_in import read_access
from lib.settings.sources import PREFIX, prefixed, secrets_from_files

_TOP_LEVEL_KEYS = checks.WORKSPACE_SETTINGS | checks.DASHBOARD_SETTINGS
_WORKSPACE_KEYS = {"label": checks.LABEL} | checks.WORKSPACE_SETTINGS
_TABLES = ("workspaces", "access", "auth", "store", "notify")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)


def configuration() -> Configuration:
    """The configuration of this process, read on the first call; edits need a restart.

    Raises SettingsError with all mistakes at once.
    """
    found = _at_start()
    if isinstance(found, Configuration):
        return found
    # A new exception each time, as re-raising the same one would accumulate traceback frames.
    raise SettingsError(list(found))


@cache
def _at_start() -> Configuration | tuple[str, ...]:
    try:
        return load_all(secrets=_read_at_start())
    except SettingsError as error:
        return error.mistakes


@cache
def _read_at_start() -> dict[str, Any]:
    return secrets_from_files()


def secrets_in_use() -> Mapping[str, Any]:
    """The secrets as read for `configuration`; empty if they are invalid, which pages report.

    Raises SecretsOutOfReach.
    """
    try:
        return _read_at_start()
    except SecretsOutOfReach:
        raise
    except SettingsError:
        return {}


def read_again() -> None:
    """Forget what was read, for tests."""
    _at_start.cache_clear()
    _read_at_start.cache_clear()


def load_all(
    environment: Mapping[str, str] | None = None, secrets: Mapping[str, Any] | None = None
) -> Configuration:
    """The configuration in `environment` (default: the process's) and `secrets` (default: the files
    that Streamlit reads). Raises SettingsError with all mistakes at once."""
    secrets = secrets_from_files() if secrets is None else secrets
    remarks = Remarks()
    outside = _outside_of_tables(prefixed(environment, secrets), remarks)
    is_open, key = outside.pop("open_access", None), outside.pop("access_key", None)
    ancestors = outside.pop("frame_ancestors", None) or Configuration.frame_ancestors
    results_mb = outside.pop("results_mb", Configuration.results_mb)
    crawls_at_once = outside.pop("crawls_at_once", Configuration.crawls_at_once)
    workspaces = _workspaces(outside, secrets, remarks)
    names = tuple(each.name for each in workspaces)
    access = read_access(secrets, is_open, key, names, remarks)
    notifications = read_notifications(secrets, names, remarks)
    _note_misplaced(secrets, remarks)
    remarks.raise_mistakes()
    return Configuration(
        workspaces,
        access,
        ancestors,
        outside.get("store", Configuration.store),
        notifications,
        results_mb,
        crawls_at_once,
        tuple(remarks.notes),
    )


def load(
    environment: Mapping[str, str] | None = None,
    secrets: Mapping[str, Any] | None = None,
    workspace: str | None = None,
) -> Settings:
    """The settings of one workspace, for commands; reads the same sources as `load_all`.

    `workspace` is its name, which can be omitted if there is only one. Mistakes about access and
    notifications are irrelevant here and ignored. Raises SettingsError with all others at once.
    """
    secrets = secrets_from_files() if secrets is None else secrets
    remarks = Remarks()
    outside = _outside_of_tables(prefixed(environment, secrets), remarks)
    for name in ("open_access", "access_key", "frame_ancestors", "results_mb", "crawls_at_once"):
        outside.pop(name, None)
    found = _workspaces(outside, secrets, remarks)
    remarks.raise_mistakes()
    if workspace is not None:
        found = tuple(each for each in found if each.name == workspace)
    if not found:
        raise SettingsError(["There is no workspace of that name in [workspaces]."])
    if len(found) > 1:
        raise SettingsError(["There are several [workspaces]: name one of them."])
    return replace(found[0], notes=(*remarks.notes, *found[0].notes))


def _outside_of_tables(given: Mapping[str, str], remarks: Remarks) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, text in given.items():
        key = _key(name)
        if name in _TOP_LEVEL_KEYS:
            values[name] = remarks.checked(key, _TOP_LEVEL_KEYS[name], text)
        else:
            remarks.ignore(name, key, _TOP_LEVEL_KEYS, _key)
    folder = values.pop("snapshot_dir", None)
    return {"store": folder} | values if folder else values


def _key(name: str) -> str:
    return PREFIX + name.upper()


def _workspaces(
    outside: dict[str, Any], secrets: Mapping[str, Any], remarks: Remarks
) -> tuple[Settings, ...]:
    """The workspaces in `[workspaces]`, or the single one configured outside tables."""
    outside = outside | {"store_options": _store_options(secrets.get("store", {}), remarks)}
    tables = secrets.get("workspaces")
    if tables is None:
        return () if remarks.mistakes else (Settings(**outside),)
    if not isinstance(tables, Mapping) or not tables:
        remarks.mistakes.append(
            "[workspaces] must hold a table for each workspace, like [workspaces.sales]."
        )
        return ()
    if outside.pop("token", None) is not None:
        remarks.mistakes.append(
            f"{PREFIX}TOKEN belongs to one workspace: write it into the table of one of "
            "[workspaces]."
        )
    found = [_workspace(name, table, outside, remarks) for name, table in tables.items()]
    workspaces = tuple(each for each in found if each is not None)
    _check_unique(workspaces, remarks)
    return workspaces


def _workspace(
    name: str, table: object, outside: dict[str, Any], remarks: Remarks
) -> Settings | None:
    place = f"[workspaces.{name}]"
    if not _NAME.fullmatch(name):
        remarks.mistakes.append(
            f"{place} must have a name of lower-case letters, digits, - and _: it is part of links."
        )
        return None
    if not isinstance(table, Mapping):
        remarks.mistakes.append(f"[workspaces] {name} must be a table, written {place}.")
        return None
    own = Remarks()
    values = dict(outside)
    for key, value in table.items():
        if key not in _WORKSPACE_KEYS:
            own.ignore(key, f"{place} {key}", _WORKSPACE_KEYS)
        elif not isinstance(value, str | int | float):
            own.mistakes.append(f"{place} {key} must be a text or a number.")
        elif str(value).strip():
            values[key] = own.checked(f"{place} {key}", _WORKSPACE_KEYS[key], value)
    if values.get("token") is None and "token" not in _mistaken(own, place):
        own.mistakes.append(f"{place} token is missing: create one in ChatbotX.")
    remarks.mistakes += own.mistakes
    if own.mistakes:
        return None
    store = f"{values.get('store', Settings.store)}/workspace-{name}"
    whole = {"label": name} | values | {"name": name, "store": store}
    return Settings(**whole, notes=tuple(own.notes))


def _mistaken(remarks: Remarks, place: str) -> set[str]:
    """The keys in the table `place` that have a mistake."""
    return {mistake.removeprefix(f"{place} ").split()[0] for mistake in remarks.mistakes}


def _check_unique(workspaces: tuple[Settings, ...], remarks: Remarks) -> None:
    """Note duplicate tokens and labels.

    A token pasted twice would show one workspace to people who may only see the other.
    """
    for number, later in enumerate(workspaces):
        for earlier in workspaces[:number]:
            places = f"[workspaces.{later.name}]", f"[workspaces.{earlier.name}]"
            if later.token == earlier.token:
                remarks.mistakes.append(
                    f"{places[0]} token is that of {places[1]}: each workspace has its own."
                )
            if later.label == earlier.label:
                remarks.mistakes.append(
                    f"{places[0]} label is that of {places[1]}: nobody could tell them apart."
                )


def _store_options(table: object, remarks: Remarks) -> tuple[tuple[str, str], ...]:
    """The options in `[store]`, which are passed to object_store, such as `aws_region`."""
    if not isinstance(table, Mapping):
        remarks.mistakes.append("[store] must be a table of options, like aws_region.")
        return ()
    for key, value in table.items():
        if not isinstance(value, str | int):
            remarks.mistakes.append(f"[store] {key} must be a text, a number, or true or false.")
    return tuple(
        (key, str(value).lower() if isinstance(value, bool) else str(value))
        for key, value in table.items()
    )


def _note_misplaced(secrets: Mapping[str, Any], remarks: Remarks) -> None:
    """Note tables whose names look like typos of ours, and settings misplaced inside a table."""
    for name, table in secrets.items():
        if not isinstance(table, Mapping):
            continue
        near = difflib.get_close_matches(name, _TABLES, n=1, cutoff=0.75)
        if near and name not in _TABLES:
            remarks.notes.append(
                f"[{name}] is not a setting and is ignored. Did you mean [{near[0]}]?"
            )
        if name != "access":
            remarks.notes += [
                f"[{name}] {key} is ignored there: write it above the first table."
                for key in table
                if key.startswith(PREFIX)
            ]
