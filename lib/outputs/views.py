"""The view that a digest or an alert is about: named in the settings, without a browser."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from lib.query.choice import Choice
from lib.query.url import MANY, parameters, parse, spelled
from lib.query.view import View, options, view_of
from lib.reference.periods import Period
from lib.settings import Settings
from lib.store.snapshot import Snapshot

DEFAULT = "period=7d"

WORKSPACE = "workspace"
"""The parameter of the URL that names one of several."""

_OF_BEFORE = {"recorded", "all"}
"""What links of before say of the source of countries."""

SavedViews = Callable[[str], str | None]
"""The query of the saved view of that name; None if there is none."""


def nothing_saved(name: str) -> str | None:
    return None


class ViewGone(Exception):
    """The view cannot be shown as it was meant, and without its filters it would show what it is
    not to show. The text is a sentence."""


@dataclass(frozen=True)
class Named:
    """A view, and what has to be said about the reading of its name."""

    view: View
    notes: tuple[str, ...]


def view_named(
    text: str, snapshot: Snapshot, settings: Settings, saved: SavedViews = nothing_saved
) -> Named:
    """`text` is the query of a link, the name of a saved view, or empty for the whole workspace.
    Raises ViewGone."""
    query = text or DEFAULT
    if text and "=" not in text:
        found = saved(text)
        if found is None:
            raise ViewGone(f"There is no saved view “{text}”: choose another one.")
        query = found.removeprefix("?")
    given = parse_qs(query, keep_blank_values=False)
    choice, notes = parse(given, options(snapshot))
    read = parameters(choice)
    if any(set(given.get(name, ())) - _OF_BEFORE and not read[name] for name in MANY):
        raise ViewGone(" ".join(notes))
    return Named(view_of(snapshot, choice, settings), tuple(notes))


def address(
    dashboard: str | None,
    settings: Settings,
    choice: Choice,
    period: Period,
    page: str = "overview",
    narrow: tuple[tuple[str, str], ...] = (),
    queue: str | None = None,
) -> str | None:
    """Of a page that shows the same view on the same days, whenever it is opened, narrowed to what
    a finding or an alert is about; None where the operator has not said where the dashboard is."""
    if dashboard is None:
        return None
    query = {name: values for name, values in parameters(choice).items() if values}
    query.pop("period", None)
    query |= {"from": [period.start.isoformat()], "to": [period.end.isoformat()]}
    for name, key in narrow:
        query[name] = [spelled(key)]
    if queue is not None:
        query["queue"] = [queue]
    if settings.name:
        query[WORKSPACE] = [settings.name]
    path = "" if page == "overview" else page
    return f"{dashboard}/{path}?{urlencode(query, doseq=True)}"
