"""Reads environment and secrets into one configuration, or into all the mistakes in them.

One name means the same in both places; the environment wins. Several workspaces, who may see them,
how one signs in and the options of a bucket are tables, and stand in secrets only.
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

_OUTSIDE_OF_TABLES = checks.OF_A_WORKSPACE | checks.OF_THE_DASHBOARD
_IN_A_WORKSPACE = {"label": checks.LABEL} | checks.OF_A_WORKSPACE
_TABLES = ("workspaces", "access", "auth", "store", "notify")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)


def configuration() -> Configuration:
    """The configuration of this process, as it was when it was first asked for: an edit takes
    effect at the next start. Raises SettingsError with every mistake at once."""
    found = _at_start()
    if isinstance(found, Configuration):
        return found
    # A new one: an error that is raised again and again keeps the frames of every raise.
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
    """The secrets as they were read for `configuration`; none where they make no sense, of which
    pages tell. Raises SecretsOutOfReach."""
    try:
        return _read_at_start()
    except SecretsOutOfReach:
        raise
    except SettingsError:
        return {}


def read_again() -> None:
    """Forgets what was read at the start. For tests."""
    _at_start.cache_clear()
    _read_at_start.cache_clear()


def load_all(
    environment: Mapping[str, str] | None = None, secrets: Mapping[str, Any] | None = None
) -> Configuration:
    """Everything in `environment` (default: the process's) over `secrets` (default: the files that
    Streamlit reads). Raises SettingsError with every mistake at once."""
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
    """Settings of one workspace, from where `load_all` reads.

    `workspace` is the name of one of several; it may be left out where there is one. Mistakes about
    who may see it do not matter to whoever reads its settings. Raises SettingsError with every
    other mistake at once.
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
        if name in _OUTSIDE_OF_TABLES:
            values[name] = remarks.checked(key, _OUTSIDE_OF_TABLES[name], text)
        else:
            remarks.ignore(name, key, _OUTSIDE_OF_TABLES, _key)
    folder = values.pop("snapshot_dir", None)
    return {"store": folder} | values if folder else values


def _key(name: str) -> str:
    return PREFIX + name.upper()


def _workspaces(
    outside: dict[str, Any], secrets: Mapping[str, Any], remarks: Remarks
) -> tuple[Settings, ...]:
    """The one outside of tables, or those in `[workspaces]`."""
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
        if key not in _IN_A_WORKSPACE:
            own.ignore(key, f"{place} {key}", _IN_A_WORKSPACE)
        elif not isinstance(value, str | int | float):
            own.mistakes.append(f"{place} {key} must be a text or a number.")
        elif str(value).strip():
            values[key] = own.checked(f"{place} {key}", _IN_A_WORKSPACE[key], value)
    if values.get("token") is None and "token" not in _mistaken(own, place):
        own.mistakes.append(f"{place} token is missing: create one in ChatbotX.")
    remarks.mistakes += own.mistakes
    if own.mistakes:
        return None
    store = f"{values.get('store', Settings.store)}/workspace-{name}"
    whole = {"label": name} | values | {"name": name, "store": store}
    return Settings(**whole, notes=tuple(own.notes))


def _mistaken(remarks: Remarks, place: str) -> set[str]:
    """The keys in that place about which there is a mistake."""
    return {mistake.removeprefix(f"{place} ").split()[0] for mistake in remarks.mistakes}


def _check_unique(workspaces: tuple[Settings, ...], remarks: Remarks) -> None:
    """A token pasted twice would show one workspace to those who may see another."""
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
    """The options of `[store]`, as object_store spells them, like `aws_region`."""
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
    """Notes tables that are probably meant for us, and settings that slipped into one."""
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
