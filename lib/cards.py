"""A number, a chart, a table with its help and its download; the banner and the foot of a page."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from lib import glossary, words
from lib.metrics import audience, opt_in
from lib.metrics.rates import Rate
from lib.refresh import Refresher, State
from lib.snapshot import Snapshot
from lib.view import View

_STYLE = """
<style>
.st-key-url-state { display: none; }
.st-key-headline h1 { padding-bottom: 0.25rem; }
/* Streamlit writes white on the light primary colour of the dark theme. */
button[data-testid="stBaseButton-primary"] { color: light-dark(#ffffff, #0e161b); }
.st-key-headline p { font-size: 1.1rem; line-height: 1.5; max-width: 62rem; }
</style>
"""

_CHART = {"displayModeBar": False, "topojsonURL": "app/static/"}
"""No tool bar; the outlines of the world from our own server, not from Plotly's."""


@dataclass(frozen=True)
class Number:
    """A card: a term of the glossary, which gives its name and help, and its value.

    Where `now` and `before` are given, the change stands under the value, welcome or not by
    `more_is`; else the `note`. `trend` is drawn as a small line.
    """

    term: str
    value: str
    now: int | None = None
    before: int | None = None
    more_is: Literal["good", "bad", "neither"] = "good"
    note: str | None = None
    trend: Sequence[float] | None = None
    name: str | None = None


def style() -> None:
    st.html(_STYLE)


def headline(question: str, sentence: str, view: View) -> None:
    """The head of a page: its question, the answer in one sentence, the filters in words.

    `sentence` is Markdown: names in it must have gone through `words.markdown`.
    """
    with st.container(key="headline"):
        st.title(question)
        st.markdown(sentence)
    filters = view.choice.in_words(view.options)
    period = f"{words.days(view.terms.period)} ({view.terms.timezone})"
    parts = [period, f"subscribed = {view.terms.basis}"]
    if filters:
        parts.append(f"only {filters}")
    st.caption(words.markdown(" · ".join(parts)))


def numbers(cards: Sequence[Number], view: View) -> None:
    """A row of numbers that wraps on small screens."""
    rows = -(-len(cards) // 4)
    with st.grid(-(-len(cards) // rows), min_column_width=150, gap="small"):
        for card in cards:
            _number(card, view)


def _number(card: Number, view: View) -> None:
    delta: str | int | None = None
    description = card.note
    if view.compares and card.now is not None and card.before is not None:
        change = words.change(card.now, card.before) or words.signed(card.now - card.before)
        # Streamlit reads the direction from the sign, and knows only the hyphen.
        delta = 0 if card.now == card.before else change.replace("−", "-")
        description = f"vs {words.number(card.before)}"
    st.metric(
        card.name or glossary.name(card.term),
        card.value,
        delta,
        delta_color=_DELTA_COLOURS[card.more_is],
        delta_description=description,
        help=glossary.meaning(card.term),
        border=True,
        height="stretch",
        chart_data=list(card.trend) if card.trend is not None else None,
    )


_DELTA_COLOURS: dict[str, Literal["normal", "inverse", "off"]] = {
    "good": "normal",
    "bad": "inverse",
    "neither": "off",
}


def chart(
    title: str,
    figure: go.Figure | None,
    table: pd.DataFrame | Callable[[], pd.DataFrame],
    *,
    key: str,
    alt: str,
    view: View,
    explanation: str | None = None,
    if_empty: str = "There is nothing to draw for this choice.",
) -> None:
    """A figure with its message as `alt`, and on demand the table that it draws, or what makes it;
    without a figure, the sentence `if_empty`."""
    with st.container(border=True, height="stretch"):
        st.subheader(title, help=explanation, anchor=False)
        if figure is None:
            st.caption(if_empty)
            return
        st.plotly_chart(figure, key=f"chart-{key}", config=_CHART, alt=alt)
        opened = st.expander("As a table", key=f"open-{key}", on_change="rerun")
        if opened.open:
            with opened:
                _table(table() if callable(table) else table, key=key, view=view)


def table(
    title: str,
    frame: pd.DataFrame,
    *,
    key: str,
    view: View,
    note: str | None = None,
    columns: Mapping[str, Any] | None = None,
) -> None:
    """A table with its download. `note` is Markdown."""
    with st.container(border=True, height="stretch"):
        st.subheader(title, anchor=False)
        if note:
            st.caption(note)
        _table(frame, key=key, view=view, columns=columns)


def _table(
    frame: pd.DataFrame, *, key: str, view: View, columns: Mapping[str, Any] | None = None
) -> None:
    if frame.empty:
        st.caption("Nothing to list here.")
        return
    shares = [column for column in frame.columns if _is_share(frame, column)]
    st.dataframe(
        frame.assign(**{column: frame[column] * 100 for column in shares}),
        key=f"table-{key}",
        hide_index=True,
        column_config={**_formats(frame), **(columns or {})},
        height="content" if len(frame) <= 12 else 460,
        placeholder=words.NOTHING,
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


def _is_share(frame: pd.DataFrame, column: str) -> bool:
    """Whether a column holds shares, from 0 to 1: the other fractions are hours, and named so."""
    return pd.api.types.is_float_dtype(frame[column]) and not column.endswith("(h)")


def _formats(frame: pd.DataFrame) -> dict[str, Any]:
    """Thousands separated, one decimal for percentages and hours."""
    formats: dict[str, Any] = {}
    for column in frame.columns:
        if _is_share(frame, column):
            formats[column] = st.column_config.NumberColumn(format="%.1f%%")
        elif pd.api.types.is_float_dtype(frame[column]):
            formats[column] = st.column_config.NumberColumn(format="%,.1f")
        elif pd.api.types.is_integer_dtype(frame[column]):
            formats[column] = st.column_config.NumberColumn(format="localized")
        elif pd.api.types.is_datetime64_any_dtype(frame[column]):
            formats[column] = st.column_config.DateColumn(format="D MMM YYYY")
    return formats


def csv(frame: pd.DataFrame, view: View) -> bytes:
    """UTF-8 with a mark, so that spreadsheets read it as such. Cells are defused; the last columns
    say what was chosen and as of when, in each row, so that a part of the file says it too."""
    safe = frame.copy()
    for column in safe.columns:
        if pd.api.types.is_datetime64_any_dtype(safe[column]):
            safe[column] = safe[column].dt.strftime("%Y-%m-%d")
        elif not pd.api.types.is_numeric_dtype(safe[column]):
            safe[column] = [
                words.spreadsheet(str(value)) if pd.notna(value) else "" for value in safe[column]
            ]
    safe.columns = [words.spreadsheet(str(column)) for column in safe.columns]
    safe["Period"] = words.days(view.terms.period)
    safe["Filters"] = words.spreadsheet(view.choice.in_words(view.options) or "none")
    safe["Time zone"] = view.terms.timezone
    safe["Data as of (UTC)"] = view.terms.as_of.strftime("%Y-%m-%d %H:%M:%S")
    buffer = io.StringIO()
    safe.to_csv(buffer, index=False)
    return b"\xef\xbb\xbf" + buffer.getvalue().encode()


def file_name(what: str, kind: str, view: View) -> str:
    period = view.terms.period
    return f"{what}_{period.start}_{period.end}.{kind}"


def breakdown(counted: pd.DataFrame, names: Sequence[str], what: str, view: View) -> pd.DataFrame:
    """A table of `audience.by_channel` and its like with the columns that people read."""
    contacts = view.see(audience.audience, view.terms).contacts
    rows = [opt_in.rates_of(row) for _, row in counted.iterrows()]
    frame = pd.DataFrame(
        {
            what: list(names),
            "Contacts": counted["contacts"].to_numpy(),
            "Share of contacts": (counted["contacts"] / max(1, contacts)).to_numpy(),
            "Active": counted["active"].to_numpy(),
            "Blocked": (counted["contacts"] - counted["active"]).to_numpy(),
            "New": counted["new"].to_numpy(),
        }
    )
    if view.compares:
        frame["New before"] = counted["new_previous"].to_numpy()
        frame["Change"] = [
            words.change(int(new), int(old)) or words.NOTHING
            for new, old in zip(counted["new"], counted["new_previous"], strict=True)
        ]
    frame["Broadcast opt-in"] = pd.Series([each.broadcast.rate for each in rows], dtype="float64")
    frame["Broadcast 95%"] = [words.interval(each.broadcast) for each in rows]
    frame["E-mail opt-in"] = pd.Series([each.email.rate for each in rows], dtype="float64")
    frame["E-mail 95%"] = [words.interval(each.email) for each in rows]
    return frame


def rate_number(term: str, rate: Rate) -> Number:
    """A rate as a card, with what it is of."""
    return Number(
        term,
        words.percent(rate.rate),
        note=f"{words.number(rate.numerator)} of {words.number(rate.denominator)}",
    )


def facts(title: str, values: Mapping[str, str], *, heads: tuple[str, str]) -> None:
    """Names and what is to be said of them, in full: a table whose text wraps. Plain text."""
    lines = [f"| {heads[0]} | {heads[1]} |", "|---|---|"]
    lines += [
        f"| {words.markdown(name)} | {words.markdown(text)} |" for name, text in values.items()
    ]
    with st.container(border=True, height="stretch"):
        st.subheader(title, anchor=False)
        st.markdown("\n".join(lines))


def demo_banner() -> None:
    st.info(
        "**Demo workspace.** These contacts are made up. To see your own, create a read-only token "
        "with the contacts scope in ChatbotX and set `CHATBOTX_TOKEN` in the secrets or the "
        "environment of this dashboard; then start it again.",
        icon=":material/science:",
    )


def first_fetch(state: State, refresher: Refresher) -> None:
    """Before there is anything to show: how far the first crawl is, or why there is none."""
    if state.failure is not None and not state.is_running:
        st.error(state.failure.reason, icon=":material/cloud_off:")
        st.button("Try again", on_click=refresher.refresh, type="primary")
        return
    with st.container(border=True):
        st.subheader("Fetching your contacts for the first time", anchor=False)
        progress(state)
        st.caption("This page fills by itself. Later visits start with what was fetched last.")


def progress(state: State) -> None:
    seen = state.progress
    if seen is None:
        st.progress(0.0, "Starting …")
        return
    text = words.counted(seen.contacts, "contact")
    if seen.expected:
        text += f" of about {words.number(max(seen.expected, seen.contacts))}"
    if seen.seconds_left is not None and seen.seconds > 2:
        left = seen.seconds_left
        text += (
            f", about {words.duration(left / 3600)} left" if left > 60 else ", less than 1 min left"
        )
    if seen.retries:
        text += f", {words.counted(seen.retries, 'retry', 'retries')}"
    st.progress(seen.share or 0.0, text)


@st.fragment(run_every=timedelta(seconds=2))
def foot(refresher: Refresher, snapshot: Snapshot, timezone: str) -> None:
    """As of when, how old, complete or not; the button, and the progress of a running refresh."""
    state = refresher.state
    age = words.now() - snapshot.as_of
    complete = "complete" if snapshot.verdict.complete else "**may be incomplete**"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"{words.counted(snapshot.contacts, 'contact')} as of "
            f"{words.markdown(words.moment(snapshot.as_of, timezone))}, {words.age(age)}, "
            f"{complete}."
        )
        if state.snapshot is not None and state.snapshot is not snapshot:
            if st.button("Show the new data", type="primary", icon=":material/update:"):
                st.rerun()
        elif not state.is_running:
            st.button("Refresh", on_click=refresher.refresh, icon=":material/refresh:")
    if state.is_running:
        progress(state)
    if state.failure is not None:
        since = words.markdown(words.moment(state.failure.since, timezone))
        st.warning(
            f"Refreshing has failed since {since}: {state.failure.reason} The "
            "numbers are those of the last good fetch.",
            icon=":material/cloud_off:",
        )
    for warning in snapshot.verdict.warnings:
        st.warning(words.markdown(warning), icon=":material/rule:")
    for note in state.notes:
        st.warning(words.markdown(note), icon=":material/save:")
