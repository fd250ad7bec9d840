"""A number, a chart, a table with its help and its download.

What a page shows is noted as it is drawn, so that the whole page can be saved as a file. A click on
a mark of a chart, or on a row of a table, makes the choice that goes with it.
"""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, TypeVar

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from lib.charts import figures
from lib.metrics import audience, opt_in, workload
from lib.outputs import page_file
from lib.outputs.page_file import (
    FactsShown,
    FigureShown,
    NumberShown,
    NumbersShown,
    PointsShown,
    TableShown,
)
from lib.query.choice import Choice
from lib.query.view import View
from lib.reference import formatting, glossary
from lib.reference.periods import ONE_DAY
from lib.reference.rates import SMALL_SAMPLE, Rate
from lib.store.dimensions import BY_KEY, Dimension
from lib.ui import deferred, sidebar

_STYLE = """
<style>
.st-key-headline h1 { padding-bottom: 0.25rem; }
.st-key-headline p { font-size: 1.1rem; line-height: 1.5; max-width: 62rem; }
/* Streamlit writes white on the light primary colour of the dark theme. */
button[data-testid="stBaseButton-primary"] { color: light-dark(#ffffff, #0e161b); }
/* Ours defuses formulas and says what was chosen. */
[data-testid="stElementToolbar"] button[aria-label="Download as CSV"] { display: none; }
.st-key-chips button { border-radius: 1rem; min-height: 0; padding: 0.1rem 0.75rem; }
/* Whole words on small screens: nothing of a card is cut off. */
[data-testid="stMetricLabel"] p, [data-testid="stMetricDeltaDescription"],
[data-testid="stMetricDeltaDescription"] * {
  white-space: normal !important; overflow: visible !important; text-overflow: clip !important;
}
[data-testid="stMetric"] :has(> [data-testid="stMetricDelta"]) { flex-wrap: wrap; }
/* A figure keeps the colour of its text from the theme that it was drawn in. */
.stPlotlyChart .main-svg text:not([style*="rgb(255, 255, 255)"]) {
  fill: currentcolor !important;
}
@media (max-width: 40rem) {
  [class*="st-key-facts-"] :is(table, tbody, tr, td) { display: block; }
  [class*="st-key-facts-"] thead { display: none; }
  [class*="st-key-facts-"] td:first-child { border-bottom: 0; font-weight: 600; }
  [class*="st-key-facts-"] td:last-child { border-top: 0; padding-top: 0; }
}
.st-key-worth-a-look [data-testid="stPageLink"] * { white-space: normal; }
.st-key-worth-a-look .stButton button { padding-left: 0.5rem; }
.sparkline { display: block; width: 100%; height: 1.75rem; }
@media print {
  [data-testid="stSidebar"], [data-testid="stHeader"], [data-testid="stToolbar"],
  [data-testid="stPageLink"], [data-testid="stExpander"], [data-testid="stElementToolbar"],
  .stButton, .stDownloadButton, .st-key-chips { display: none !important; }
  [data-testid="stMain"], [data-testid="stAppViewContainer"] { overflow: visible !important; }
  [data-testid="stVerticalBlock"] > div { break-inside: avoid; }
}
</style>
"""

_CHART = {"displayModeBar": False, "topojsonURL": "app/static/"}
"""No tool bar; the outlines of the world from our own server, not from Plotly's."""


T = TypeVar("T")

Clicks = Sequence[Choice | None]
"""The choice that a click on each mark, or on each row, makes; None where it makes none."""


@dataclass(frozen=True)
class Number:
    """A card: a term of the glossary, which gives its name and help, and its value.

    Where `now` and `before` are given, the change stands under the value, welcome or not by
    `more_is`; else `change`, a text that begins with its sign, and the `note`. `trend` is drawn as
    a small line, of which `say` tells the values.
    """

    term: str
    value: str
    now: int | None = None
    before: int | None = None
    more_is: Literal["good", "bad", "neither"] = "good"
    change: str | None = None
    note: str | None = None
    trend: Sequence[float] | None = None
    say: Callable[[float], str] = formatting.number
    name: str | None = None


def style() -> None:
    st.html(_STYLE)


def headline(question: str, sentence: str, view: View) -> None:
    """The head of a page: its question, the answer in one sentence, the filters in words.

    `sentence` is Markdown: names in it must have gone through `formatting.markdown`.
    """
    with st.container(key="headline"):
        st.title(question)
        st.markdown(sentence)
    limits = view.choice.in_words(view.options)
    period = f"{formatting.days(view.terms.period)} ({view.terms.timezone})"
    parts = [period, f"subscribed = {view.terms.basis}"]
    if limits:
        parts.append(f"only {limits}")
    st.caption(formatting.markdown(" · ".join(parts)))
    sidebar.chips(view.choice, view.options)
    context = {
        "Period": formatting.days(view.terms.period),
        "Filters": limits or "none",
        "Time zone": view.terms.timezone,
        "Subscribed means": view.terms.basis,
        "Data as of": formatting.moment(view.terms.as_of, view.terms.timezone),
        "Workspace": "demo, made up"
        if view.snapshot.is_demo
        else view.snapshot.workspace_id or formatting.NOTHING,
    }
    if not view.snapshot.verdict.complete:
        context["Complete"] = "perhaps not: " + " ".join(view.snapshot.verdict.warnings)
    _shown.set(page_file.Page(question, sentence, tuple(context.items()), ()))


# Of this run alone: what a session keeps, lives as long as its tab.
_shown: ContextVar[page_file.Page | None] = ContextVar("page shown", default=None)


def _note(item: page_file.Item) -> None:
    """Remembers what the page shows."""
    page = _shown.get()
    if page is not None:
        _shown.set(replace(page, items=(*page.items, item)))


def save_page(view: View, name: str) -> None:
    """A button that saves what the page has shown so far as one file."""
    page = _shown.get()
    if page is None:
        return
    st.download_button(
        "Save this page as a file",
        data=lambda: page_file.page_html(page),
        file_name=file_name(name, "html", view),
        mime="text/html",
        key="save-page",
        icon=":material/article:",
        type="tertiary",
        on_click="ignore",
        help="One file with the numbers, figures and tables of this page, to be mailed or printed. "
        "It opens without a network.",
    )


def numbers(cards: Sequence[Number], view: View) -> None:
    """A row of numbers that wraps on small screens."""
    rows = -(-len(cards) // 4)
    with st.grid(-(-len(cards) // rows), min_column_width=150, gap="small"):
        shown = tuple(_number(card, view) for card in cards)
    _note(NumbersShown(shown))


def _number(card: Number, view: View) -> NumberShown:
    change, description = card.change, card.note
    if view.compares and card.now is not None and card.before is not None:
        change = formatting.change(card.now, card.before) or formatting.signed(
            card.now - card.before
        )
        description = f"vs {formatting.number(card.before)}"
    name, meaning = card.name or glossary.name(card.term), glossary.meaning(card.term)
    is_same = change is not None and not change.startswith(("+", "−"))
    with st.container(border=True, height="stretch", gap="xxsmall"):
        st.metric(
            name,
            card.value,
            # Streamlit reads the direction from the sign, and knows only the hyphen.
            change.replace("−", "-") if change else None,
            delta_color="off" if is_same else _DELTA_COLOURS[card.more_is],
            delta_arrow="off" if is_same else "auto",
            delta_description=description,
            help=meaning,
        )
        if card.trend is not None and len(card.trend) > 1:
            st.html(figures.sparkline(card.trend, say=card.say))
    return NumberShown(name, card.value, change, description, meaning)


_DELTA_COLOURS: dict[str, Literal["normal", "inverse", "off"]] = {
    "good": "normal",
    "bad": "inverse",
    "neither": "off",
}


def headed(title: str) -> None:
    """Begins a part of the page that has controls of its own."""
    st.header(title, anchor=False)


def chart(
    title: str,
    figure: go.Figure | None,
    table: pd.DataFrame | Callable[[], pd.DataFrame],
    *,
    key: str,
    alt: str,
    view: View,
    clicks: Sequence[Clicks] = (),
    explanation: str | None = None,
    if_empty: str = "There is nothing to draw for this choice.",
) -> None:
    """A figure with its message as `alt`, and on demand the table that it draws, or what makes it;
    without a figure, the sentence `if_empty`. `clicks` has a row for each trace."""

    def rows() -> pd.DataFrame:
        return table() if callable(table) else table

    _note(FigureShown(title, figure, alt if figure else if_empty, explanation, rows))
    with st.container(border=True, height="stretch"):
        st.header(title, help=explanation, anchor=False)
        if figure is None:
            st.caption(if_empty)
            return
        # Made anew in another theme: a figure gets the colours of a theme only once.
        widget = f"chart-{key}-{_times_clicked(key)}-{_theme()}"
        config = _CHART | formatting.plotly_locale()
        taking: dict[str, Any] = {}
        if clicks:
            taking = {
                "on_select": lambda: _take_mark(key, widget, clicks),
                "selection_mode": "points",
            }
        deferred.at_last(
            partial(st.plotly_chart, figure, key=widget, config=config, alt=alt, **taking),
            height=figure.layout.height,
        )
        opened = st.expander("As a table", key=f"open-{key}", on_change="rerun")
        if opened.open:
            with opened:
                _table(rows(), key=key, view=view)


def table(
    title: str,
    frame: pd.DataFrame,
    *,
    key: str,
    view: View,
    note: str | None = None,
    columns: Mapping[str, Any] | None = None,
    clicks: Clicks = (),
    muted: Mapping[str, Sequence[bool]] | None = None,
) -> None:
    """A table with its download. `note` is Markdown; `muted` says for a column which of its cells
    rest on few contacts."""
    _note(TableShown(title, frame, note))
    with st.container(border=True, height="stretch"):
        st.header(title, anchor=False)
        if note:
            st.caption(note)
        _table(frame, key=key, view=view, columns=columns, clicks=clicks, muted=muted or {})


def _table(
    frame: pd.DataFrame,
    *,
    key: str,
    view: View,
    columns: Mapping[str, Any] | None = None,
    clicks: Clicks = (),
    muted: Mapping[str, Sequence[bool]] | None = None,
) -> None:
    if frame.empty:
        st.caption("Nothing to list here.")
        return
    widget = f"table-{key}-{_times_clicked(key)}"
    selection: dict[str, Any] = {}
    if any(clicks):
        selection = {
            "on_select": lambda: _take_row(key, widget, clicks),
            "selection_mode": "single-row",
        }
    st.dataframe(
        _styled(frame, muted or {}),
        key=widget,
        hide_index=True,
        column_config={**_formats(frame), **(columns or {})},
        height="content" if len(frame) <= 12 else 460,
        placeholder=formatting.NOTHING,
        **selection,
    )
    st.download_button(
        "Download CSV",
        data=lambda: csv(frame, view),
        file_name=file_name(key, "csv", view),
        mime="text/csv",
        key=f"csv-{key}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


def _theme() -> Literal["light", "dark"]:
    """That of the viewer's browser; in tests without one, light."""
    return st.context.theme.type or "light"


# After a click the widget is made anew: what it holds as selected says nothing of the choice.
def _times_clicked(key: str) -> int:
    return int(st.session_state.get(f"clicked-{key}", 0))


def _take_mark(key: str, widget: str, clicks: Sequence[Clicks]) -> None:
    point = _selected(widget, "points")
    if isinstance(point, Mapping):
        _take(key, _at(clicks, point.get("curve_number")) or (), point.get("point_index"))


def _take_row(key: str, widget: str, clicks: Clicks) -> None:
    _take(key, clicks, _selected(widget, "rows"))


def _take(key: str, clicks: Clicks, place: object) -> None:
    """Makes the choice at that place."""
    chosen = _at(clicks, place)
    if chosen is not None:
        sidebar.set_choice(chosen)
        st.session_state[f"clicked-{key}"] = _times_clicked(key) + 1


# What a browser sends may be anything.
def _selected(widget: str, kind: str) -> object:
    """The first of the marks or rows that are selected."""
    state = st.session_state.get(widget)
    selection = state.get("selection") if isinstance(state, Mapping) else None
    selected = selection.get(kind) if isinstance(selection, Mapping) else None
    return selected[0] if isinstance(selected, list) and selected else None


def _at(items: Sequence[T], place: object) -> T | None:
    if isinstance(place, int) and not isinstance(place, bool) and 0 <= place < len(items):
        return items[place]
    return None


def clicks_on_steps(starts: pd.Index, step: figures.Step, view: View) -> Clicks:
    """For each day, week or month that begins then: the dashboard on its days alone, of those in
    the period."""
    period = view.terms.period
    days = [max(start.date(), period.start) for start in pd.DatetimeIndex(starts)]
    ends = [*(day - ONE_DAY for day in days[1:]), period.end] if step != "D" else days
    return [view.choice.on_days(day, end) for day, end in zip(days, ends, strict=True)]


def clicks_on(dimension: Dimension, keys: Iterable[object], view: View) -> Clicks:
    """For each key: the whole dashboard limited to it, or no longer so."""
    return [view.choice.toggled(dimension, str(key)) for key in keys]


_MUTED = {"light": "color: #66737F", "dark": "color: #8D9AA5"}
"""Paler than other text on the page, with AA contrast."""


def _styled(frame: pd.DataFrame, muted: Mapping[str, Sequence[bool]]) -> Any:
    """The frame as the page writes it, which sorts by its numbers; in grey what rests on few
    contacts."""
    writers = {column: page_file.writer(column, frame[column]) for column in frame.columns}
    ours: dict[Any, Any] = {
        column: write for column, write in writers.items() if write and not _format(write)
    }
    shown = frame.copy()
    for column, write in writers.items():
        if write is formatting.percent and column not in ours:
            shown[column] = frame[column] * 100
    if not ours and not any(any(rows) for rows in muted.values()):
        return shown
    styler = shown.style.format(ours, na_rep=formatting.NOTHING, subset=list(ours))
    for column, rows in muted.items():
        looks = [_MUTED[_theme()] if is_muted else "" for is_muted in rows]
        styler = styler.apply(lambda _, looks=looks: looks, subset=[column])
    return styler


def _format(write: Callable[[Any], str]) -> str | None:
    """How Streamlit's tables write the same, where they can, which takes them less time."""
    return _ENGLISH.get(write) if formatting.language().startswith("en") else None


_ENGLISH = {formatting.number: "%,d", formatting.percent: "%.1f%%", formatting.day: "D MMM YYYY"}


def _formats(frame: pd.DataFrame) -> dict[str, Any]:
    """What `_styled` leaves to Streamlit."""
    formats: dict[str, Any] = {}
    for column in frame.columns:
        write = page_file.writer(column, frame[column])
        if write is formatting.day:
            formats[column] = st.column_config.DateColumn(format=_format(write))
        elif write is not None:
            name = page_file.heading(column)
            formats[column] = st.column_config.NumberColumn(name, format=_format(write))
        elif column == TREND:
            formats[column] = st.column_config.LineChartColumn(y_min=0)
    return formats


TREND = "Trend"
"""A column of lists: new contacts by day, week or month."""


def csv(frame: pd.DataFrame, view: View) -> bytes:
    """UTF-8 with a mark, so that spreadsheets read it as such. Cells are defused; the last columns
    say what was chosen and as of when, in each row, so that a part of the file says it too."""
    safe = frame.drop(columns=TREND, errors="ignore")
    for column in safe.columns:
        if pd.api.types.is_datetime64_any_dtype(safe[column]):
            safe[column] = safe[column].dt.strftime("%Y-%m-%d")
        elif not pd.api.types.is_numeric_dtype(safe[column]):
            safe[column] = [
                formatting.spreadsheet(str(value)) if pd.notna(value) else ""
                for value in safe[column]
            ]
    safe.columns = [formatting.spreadsheet(str(column)) for column in safe.columns]
    safe["Period"] = formatting.days(view.terms.period)
    safe["Filters"] = formatting.spreadsheet(view.choice.in_words(view.options) or "none")
    safe["Time zone"] = view.terms.timezone
    safe["Data as of (UTC)"] = view.terms.as_of.strftime("%Y-%m-%d %H:%M:%S")
    buffer = io.StringIO()
    safe.to_csv(buffer, index=False)
    return b"\xef\xbb\xbf" + buffer.getvalue().encode()


def file_name(what: str, kind: str, view: View) -> str:
    period = view.terms.period
    return f"{what}_{period.start}_{period.end}.{kind}"


def breakdown(
    counted: pd.DataFrame, dimension: audience.Key, what: str, view: View
) -> pd.DataFrame:
    """A table of `audience.by_channel` and its like with the columns that people read."""
    contacts = view.compute(audience.audience, view.terms).contacts
    waiting = view.compute(workload.awaiting_by, view.terms, dimension)
    daily = view.compute(audience.new_by_day_and, view.terms, dimension)
    trends = figures.stepped(daily, figures.step_for(view.terms.period.number_of_days))
    rows = [opt_in.rates_of(row) for _, row in counted.iterrows()]
    frame = pd.DataFrame(
        {
            what: view.names(BY_KEY[dimension], counted),
            "Contacts": counted["contacts"].to_numpy(),
            "Share of contacts": (counted["contacts"] / max(1, contacts)).to_numpy(),
            "New": counted["new"].to_numpy(),
        }
    )
    if view.compares:
        frame["New before"] = counted["new_before"].to_numpy()
        before = counted["new_before"].where(counted["new_before"] > 0)
        frame[CHANGE] = (counted["new"] / before - 1).to_numpy(dtype="float64")
    if len(trends) > 1:
        frame[TREND] = [
            trends[key].tolist() if key in trends else [0] * len(trends) for key in counted.index
        ]
    frame[BROADCAST] = pd.Series([each.broadcast.rate for each in rows], dtype="float64")
    frame["Broadcast 95%"] = [formatting.interval(each.broadcast) for each in rows]
    frame[EMAIL] = pd.Series([each.email.rate for each in rows], dtype="float64")
    frame["E-mail 95%"] = [formatting.interval(each.email) for each in rows]
    frame["Active"] = counted["active"].to_numpy()
    frame["Blocked"] = (counted["contacts"] - counted["active"]).to_numpy()
    frame["Awaiting reply"] = waiting.reindex(counted.index, fill_value=0).to_numpy()
    return frame


CHANGE = "Change"
BROADCAST, EMAIL = "Broadcast opt-in", "E-mail opt-in"


def breakdown_table(
    title: str,
    counted: pd.DataFrame,
    dimension: audience.Key,
    *,
    key: str,
    view: View,
    note: str,
) -> None:
    """The table of a breakdown. A click on a row limits the dashboard to it."""
    few = {
        BROADCAST: (counted["on_channel"] < SMALL_SAMPLE).tolist(),
        EMAIL: (counted["with_email"] < SMALL_SAMPLE).tolist(),
    }
    table(
        title,
        breakdown(counted, dimension, dimension.capitalize(), view),
        key=key,
        view=view,
        note=note + " Grey rates rest on fewer than 30 contacts.",
        clicks=clicks_on(BY_KEY[dimension], counted.index, view),
        muted=few | {"Broadcast 95%": few[BROADCAST], "E-mail 95%": few[EMAIL]},
    )


def rate_number(
    term: str, rate: Rate, trend: "pd.Series[float] | None" = None, *, compares: bool = True
) -> Number:
    """A rate as a card, with what it is of. `trend` begins with the rate as the period began."""
    change = None
    if compares and trend is not None and rate.rate is not None and not pd.isna(trend.iloc[0]):
        change = formatting.points(rate.rate - float(trend.iloc[0]))
    return Number(
        term,
        formatting.percent(rate.rate),
        change=change,
        note=f"{formatting.number(rate.numerator)} of {formatting.number(rate.denominator)}",
        trend=None if trend is None else trend.dropna().tolist(),
        say=formatting.percent,
    )


def facts(title: str, values: Mapping[str, str], *, heads: tuple[str, str]) -> None:
    """Names and what is to be said of them, in full: a table whose text wraps. Plain text."""
    _note(FactsShown(title, values, heads))
    lines = [f"| {heads[0]} | {heads[1]} |", "|---|---|"]
    lines += [
        f"| {formatting.markdown(name)} | {formatting.markdown(text)} |"
        for name, text in values.items()
    ]
    key = f"facts-{title.lower().replace(' ', '-')}"
    with st.container(border=True, height="stretch", key=key):
        st.header(title, anchor=False)
        st.markdown("\n".join(lines))


def note_points(title: str, sentences: Sequence[str]) -> None:
    """What the page shows in its own way, as a list of sentences in Markdown for its file."""
    if sentences:
        _note(PointsShown(title, tuple(sentences)))


def points(title: str, sentences: Sequence[str]) -> None:
    """A list of sentences, in Markdown."""
    note_points(title, sentences)
    with st.container(border=True, height="stretch"):
        st.header(title, anchor=False)
        st.markdown("\n".join(f"- {sentence}" for sentence in sentences))
