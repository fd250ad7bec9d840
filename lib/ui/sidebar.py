"""The choice as widgets: URL ↔ widgets. What it means for the rows is `lib.query.choice`.

The URL is the state. Streamlit binds a widget to a parameter by the text of its options, but ours
show names and counts, which change; so each parameter is bound to a hidden widget that holds keys,
and the visible widgets are set from it before they are drawn and write to it when they are used.
Back and forward, deep links and links to colleagues follow from that.
"""

import time
from dataclasses import replace
from datetime import date
from math import inf
from urllib.parse import urlencode

import streamlit as st

from lib.query.choice import (
    DIMENSIONS,
    PARAMETERS,
    PRESETS,
    QUEUES,
    Choice,
    Dimension,
    Option,
    Options,
    Queue,
    parse,
)
from lib.reference import formatting
from lib.reference.periods import FIRST_DAY, LAST_DAY, Period
from lib.reference.timezones import timezones
from lib.settings import BASES, Settings

_LABELS: dict[Dimension, str] = {
    "channel": "Channels",
    "country": "Countries",
    "tag": "Tags",
    "team": "Teams",
    "agent": "Agents",
}

MOST_CHIPS = 12

_ANSWERED_AFTER = 1.0
"""Seconds after which the address in the browser is that of the last choice."""


def read(options: Options, page: str) -> tuple[Choice, list[str]]:
    """The choice that the URL makes, and notes on what in it could not be used. `page` is the name
    of the page that is shown."""
    _follow_link(page)
    given = {}
    with st.container(key="url-state"):
        for name in PARAMETERS:
            given[name] = st.multiselect(
                name,
                [],
                key=name,
                accept_new_options=True,
                bind="query-params",
                label_visibility="collapsed",
            )
    st.session_state["url-known"] = given
    return parse(given, options)


def _follow_link(page: str) -> None:
    """Takes over what a link to another page, or the way back to it, says of the choice: for
    Streamlit, widgets that are there already know better.

    A link adds to the parameters of the page that it is on, so the last one counts. A page that is
    asked for right after a choice may come with the address from before it.
    """
    is_new, st.session_state["page-known"] = st.session_state.get("page-known") != page, page
    known = st.session_state.get("url-known")
    if not is_new or known is None:
        return
    given = {name: list(dict.fromkeys(st.query_params.get_all(name))) for name in PARAMETERS}
    since_choice = time.monotonic() - st.session_state.get("chosen-at", -inf)
    if given == known or since_choice < _ANSWERED_AFTER:
        return
    for name, values in given.items():
        st.session_state[name] = values if name in DIMENSIONS else values[-1:]


def set_choice(choice: Choice) -> None:
    """Makes `choice` the one of this session and its URL. For callbacks, before widgets exist."""
    st.session_state["chosen-at"] = time.monotonic()
    for name, values in choice.parameters().items():
        st.session_state[name] = values


def chips(choice: Choice, options: Options) -> None:
    """A button for each limit in force, which takes it off."""
    limits = [
        (f"{dimension}-{key}", options.name(dimension, key), _without(choice, dimension, key))
        for dimension in DIMENSIONS
        for key in choice.keys(dimension)
    ]
    if choice.recorded_only:
        limits.append(("source", "Recorded countries", replace(choice, recorded_only=False)))
    if choice.preset == "dates" and choice.start and choice.end:
        days = formatting.span(choice.start, choice.end)
        limits.append(("dates", days, choice.on_days(choice.start, choice.end)))
    if not limits:
        return
    with st.container(horizontal=True, gap="small", key="chips"):
        for key, name, without in limits[:MOST_CHIPS]:
            label = formatting.markdown(formatting.shortened(name))
            st.button(
                label,
                key=f"chip-{key}",
                icon=":material/close:",
                help=f"Take off: {formatting.markdown(name)}",
                on_click=set_choice,
                args=(without,),
            )
        if len(limits) > MOST_CHIPS:
            st.caption(f"and {formatting.number(len(limits) - MOST_CHIPS)} more")


def _without(choice: Choice, dimension: Dimension, key: str) -> Choice:
    return choice.limited_to(dimension, tuple(k for k in choice.keys(dimension) if k != key))


def draw(choice: Choice, options: Options, settings: Settings, period: Period) -> None:
    """The sidebar's controls. `period` is the one in force."""
    st.session_state["pick-preset"] = choice.preset
    st.selectbox(
        "Period",
        list(PRESETS),
        format_func=PRESETS.__getitem__,
        key="pick-preset",
        on_change=_take_preset,
        args=(choice, period),
    )
    if choice.preset == "dates":
        _draw_dates(choice, period)
    else:
        st.caption(formatting.days(period))
    st.session_state["pick-compare"] = choice.compare
    st.toggle(
        "Compare with the period before",
        key="pick-compare",
        on_change=_take_compare,
        args=(choice,),
    )
    for dimension in DIMENSIONS:
        _draw_dimension(choice, dimension, options.of(dimension))
    definitions = st.expander("Definitions", key="definitions", on_change="rerun")
    # Closed it is left empty: the names of 600 time zones are most of what a page would send.
    if definitions.open:
        with definitions:
            _draw_definitions(choice, settings)
    with st.container(horizontal=True):
        st.button("Reset", on_click=set_choice, args=(Choice(),), icon=":material/restart_alt:")
        with st.popover("Copy link", icon=":material/link:"):
            st.caption("This link shows the same to a colleague.")
            st.code(link(choice), language=None, wrap_lines=True)


def pick_queue(choice: Choice) -> None:
    """Which conversations are listed."""
    st.session_state["pick-queue"] = choice.queue
    st.segmented_control(
        "Conversations",
        QUEUES,
        format_func=QUEUE_NAMES.__getitem__,
        key="pick-queue",
        required=True,
        on_change=_take_queue,
        args=(choice,),
        label_visibility="collapsed",
    )


QUEUE_NAMES: dict[Queue, str] = {
    "waiting": "Longest waiting",
    "orphaned": "Orphaned hand-offs",
    "unread": "Unread",
}


def _take_queue(choice: Choice) -> None:
    picked = _picked("queue")
    queue = next((known for known in QUEUES if known == picked), choice.queue)
    set_choice(replace(choice, queue=queue))


def link(choice: Choice) -> str:
    """The address of the page under this choice."""
    address = (st.context.url or "").split("?")[0]
    workspace = st.query_params.get_all("workspace")[-1:]
    query = urlencode({"workspace": workspace, **choice.parameters()}, doseq=True)
    return f"{address}?{query}" if query else address


def _draw_dates(choice: Choice, period: Period) -> None:
    # While the second day is not picked yet, the widget holds one: it must not be overwritten.
    if len(st.session_state.get("pick-dates", ())) != 1:
        st.session_state["pick-dates"] = (period.start, period.end)
    st.date_input(
        "First and last day",
        key="pick-dates",
        min_value=FIRST_DAY,
        max_value=LAST_DAY,
        on_change=_take_dates,
        args=(choice,),
    )


def _draw_dimension(choice: Choice, dimension: Dimension, options: tuple[Option, ...]) -> None:
    if not options:
        return
    labels = {
        option.key: f"{formatting.shortened(option.name)} · {formatting.number(option.contacts)}"
        for option in options
    }
    st.session_state[f"pick-{dimension}"] = list(choice.keys(dimension))
    st.multiselect(
        _LABELS[dimension],
        list(labels),
        format_func=labels.__getitem__,
        key=f"pick-{dimension}",
        placeholder="All",
        on_change=_take_dimension,
        args=(choice, dimension),
    )


def _draw_definitions(choice: Choice, settings: Settings) -> None:
    st.session_state["pick-tz"] = choice.timezone or settings.timezone
    st.selectbox(
        "Time zone",
        timezones(),
        key="pick-tz",
        help="Days, weeks, months and hours are counted in this zone.",
        on_change=_take_timezone,
        args=(choice, settings.timezone),
    )
    st.session_state["pick-basis"] = choice.basis or settings.basis
    st.selectbox(
        "Subscribed means",
        BASES,
        format_func={
            "auto": "chosen by the data",
            "createdAt": "first contact (createdAt)",
            "subscribedAt": "opted in (subscribedAt)",
        }.__getitem__,
        key="pick-basis",
        help="The time from which a contact counts. Chosen by the data: subscribedAt if at least "
        "half of the contacts carry it, else createdAt.",
        on_change=_take_basis,
        args=(choice, settings.basis),
    )
    st.session_state["pick-source"] = choice.recorded_only
    st.toggle(
        "Only recorded countries",
        key="pick-source",
        help="Leaves out contacts whose country was told by their phone number, time zone or "
        "language.",
        on_change=_take_source,
        args=(choice,),
    )


def _picked(name: str) -> object:
    return st.session_state.get(f"pick-{name}")


def _take_preset(choice: Choice, period: Period) -> None:
    preset = _picked("preset")
    if preset == "dates":
        set_choice(replace(choice, preset="dates", start=period.start, end=period.end))
    elif isinstance(preset, str) and preset in PRESETS:
        set_choice(replace(choice, preset=preset))


def _take_dates(choice: Choice) -> None:
    days = _picked("dates")
    if isinstance(days, tuple) and len(days) == 2 and all(isinstance(day, date) for day in days):
        set_choice(replace(choice, start=min(days), end=max(days)))


def _take_compare(choice: Choice) -> None:
    set_choice(replace(choice, compare=bool(_picked("compare"))))


def _take_dimension(choice: Choice, dimension: Dimension) -> None:
    keys = _picked(dimension)
    if isinstance(keys, list):
        set_choice(choice.limited_to(dimension, tuple(map(str, keys))))


def _take_timezone(choice: Choice, usual: str) -> None:
    zone = _picked("tz")
    if isinstance(zone, str) and zone in timezones():
        set_choice(replace(choice, timezone=zone if zone != usual else None))


def _take_basis(choice: Choice, usual: str) -> None:
    picked = _picked("basis")
    basis = next((known for known in BASES if known == picked), None)
    set_choice(replace(choice, basis=basis if basis != usual else None))


def _take_source(choice: Choice) -> None:
    set_choice(replace(choice, recorded_only=bool(_picked("source"))))


def clear_filters(choice: Choice) -> None:
    """A callback: all contacts again, in the same period."""
    set_choice(choice.unfiltered)
