"""The view that a digest or an alert is about, as named in the settings."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from lib.history.reading import History
from lib.query.choice import Choice
from lib.query.url import (
    LEGACY_SOURCES,
    MANY,
    PARAMETERS,
    WORKSPACE,
    parameters,
    parse,
    spelled,
)
from lib.query.view import View, options, view_of
from lib.reference.periods import Period
from lib.settings import Settings
from lib.store.snapshot import Snapshot

DEFAULT = "period=7d"

SavedViews = Callable[[str], str | None]
"""Function that returns the query of the saved view of that name; None if there is none."""


def nothing_saved(name: str) -> str | None:
    return None


class ViewGone(Exception):
    """The view cannot be shown as intended; without its filters it would show other contacts. The
    message is a sentence."""


@dataclass(frozen=True)
class Named:
    """A view, and notes about how its name was read."""

    view: View
    notes: tuple[str, ...]


def view_named(
    text: str,
    snapshot: Snapshot,
    settings: Settings,
    saved: SavedViews = nothing_saved,
    history: History | None = None,
) -> Named:
    """The view that `text` names: the query of a link, a saved view, or empty for the whole
    workspace. `history` is what was recorded of the workspace. Raises ViewGone."""
    given = parse_qs(_query(text, saved), keep_blank_values=False)
    unknown = next((name for name in given if name not in (*PARAMETERS, WORKSPACE)), None)
    if unknown is not None:
        raise ViewGone(f"No link of this dashboard has “{unknown}”: copy the link again.")
    workspace = {name.strip().casefold() for name in given.get(WORKSPACE, ())}
    if settings.name and workspace - {settings.name.casefold()}:
        raise ViewGone("The link is of another workspace: copy one of this workspace.")
    choice, notes = parse(given, options(snapshot, settings, history))
    read = parameters(choice)
    if any(set(given.get(name, ())) - LEGACY_SOURCES and not read[name] for name in MANY):
        raise ViewGone(" ".join(notes))
    return Named(view_of(snapshot, choice, settings, history), tuple(notes))


def _query(text: str, saved: SavedViews) -> str:
    """The query that `text` is or names. Raises ViewGone."""
    if not text:
        return DEFAULT
    found = saved(text)
    if found is None and "=" not in text:
        raise ViewGone(f"There is no saved view “{text}”: choose another one.")
    return (text if found is None else found).removeprefix("?")


def address(
    dashboard: str | None,
    settings: Settings,
    choice: Choice,
    period: Period,
    page: str = "overview",
    narrow: tuple[tuple[str, str], ...] = (),
    queue: str | None = None,
    wait: str | None = None,
) -> str | None:
    """URL of a page that shows the same view on the same days whenever it is opened, narrowed to
    the subject of a finding or an alert (with `queue`, to that list of conversations, of those who
    `wait` that long); None if the dashboard's URL is not configured."""
    if dashboard is None:
        return None
    query = {name: values for name, values in parameters(choice).items() if values}
    query.pop("period", None)
    query |= {"from": [period.start.isoformat()], "to": [period.end.isoformat()]}
    for name, key in narrow:
        query[name] = [spelled(key)]
    if queue is not None:
        query["queue"] = [queue]
        query.pop("wait", None)
    if wait is not None:
        query["wait"] = [wait]
    if settings.name:
        query[WORKSPACE] = [settings.name]
    path = "" if page == "overview" else page
    return f"{dashboard}/{path}?{urlencode(query, doseq=True)}"
