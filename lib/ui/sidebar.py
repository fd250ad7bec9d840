"""The choice as widgets. Its meaning is defined in `lib.query`.

The URL is the state (`lib.ui.address`): widgets are set from it before they are drawn, and write to
it when used. Back and forward, deep links and shared links all follow from that.
"""

from dataclasses import replace
from datetime import date
from urllib.parse import urlencode

import streamlit as st

from lib.engines.errors import EngineError
from lib.metrics.workload import Queue
from lib.query import presets, url
from lib.query.choice import QUEUES, Choice
from lib.query.options import Options
from lib.query.presets import COMPARISONS
from lib.query.view import View
from lib.reference import escaping, formatting
from lib.reference.periods import FIRST_DAY, LAST_DAY, Period
from lib.reference.timezones import timezones
from lib.settings import BASES, Settings
from lib.store.dimensions import DIMENSIONS, Dimension
from lib.ui import address, rights, style


def read(options: Options) -> tuple[Choice, list[str]]:
    """The choice in the URL, and notes on what could not be used."""
    return url.parse(address.values(), options)


def set_choice(choice: Choice) -> None:
    """Set the choice of this session and its URL. For callbacks."""
    address.change(url.parameters(choice))


def revise(was: Choice, choice: Choice) -> None:
    """Set only what differs between the two: since a widget was drawn for `was`, another may have
    set something else. For callbacks."""
    before = url.parameters(was)
    address.change(
        {name: given for name, given in url.parameters(choice).items() if given != before[name]}
    )


def draw(view: View, settings: Settings) -> None:
    """Draw the sidebar's controls."""
    choice, period = view.choice, view.terms.period
    style.name_filters(sum(len(choice.keys(each)) for each in DIMENSIONS) + choice.recorded_only)
    place("pick-preset", choice.preset)
    st.selectbox(
        "Period",
        list(presets.LABELS),
        format_func=presets.LABELS.__getitem__,
        key="pick-preset",
        on_change=rights.callback(_take_preset),
        args=(choice, period),
    )
    if choice.preset == "dates":
        _draw_dates(choice, period)
    else:
        # A German date would begin a numbered list.
        st.caption(escaping.markdown(formatting.days(period)))
    place("pick-against", choice.against)
    st.selectbox(
        "Compare with",
        list(COMPARISONS),
        format_func=COMPARISONS.__getitem__,
        key="pick-against",
        help="An unfinished period is compared with the same part of the one before: up to the "
        "same day and time.",
        on_change=rights.callback(_take_against),
        args=(choice,),
    )
    counts = _counts(view)
    for dimension in DIMENSIONS:
        _draw_dimension(choice, dimension, view.options, counts.get(dimension.key, {}))
    expander = st.expander("Settings", key="definitions", on_change="rerun")
    # Left empty while closed: the 600 time zone names are most of what a page would send.
    if expander.open:
        with expander:
            _draw_settings(choice, settings)
    st.button(
        "Reset",
        on_click=rights.callback(set_choice),
        args=(Choice(),),
        icon=":material/restart_alt:",
    )


def period_menu(view: View) -> None:
    """Draw the period in the page's head as a menu of the others, for phones, where the sidebar is
    closed. The style shows it only there. A range of dates is picked in the sidebar."""
    choice = view.choice
    st.menu_button(
        escaping.markdown(period_in_words(view)),
        [preset for preset in presets.LABELS if preset != "dates"],
        format_func=presets.LABELS.__getitem__,
        key="period-menu",
        on_click=rights.callback(_take_from_menu),
        args=(choice,),
        wrap=True,
    )


def period_in_words(view: View) -> str:
    """Its days and their zone, as plain text: "1 Jun 2026 to 30 Jun 2026 (UTC)"."""
    return f"{formatting.days(view.terms.period)} ({view.terms.timezone})"


def place(key: str, value: object) -> None:
    """Set the value of a widget, unless it has it: a browser draws a widget anew if it is told a
    value."""
    if st.session_state.get(key) != value:
        st.session_state[_replaced(key)] = st.session_state.get(key)
        st.session_state[key] = value
    else:
        st.session_state.pop(_replaced(key), None)


def _replaced(key: str) -> str:
    """Session key of the value that a widget had in the browser before `place` set another."""
    return f"replaced-{key}"


def pick_queue(choice: Choice) -> None:
    """Draw the switch between lists of conversations."""
    place("pick-queue", choice.queue)
    st.segmented_control(
        "Conversations",
        QUEUES,
        format_func=QUEUE_NAMES.__getitem__,
        key="pick-queue",
        required=True,
        on_change=rights.callback(_take_queue),
        args=(choice,),
        label_visibility="collapsed",
    )


QUEUE_NAMES: dict[Queue, str] = {
    "waiting": "Longest waiting",
    "orphaned": "Handed over, nobody took it",
    "unread": "Unread",
}


def _take_queue(choice: Choice) -> None:
    picked = _picked("queue")
    queue = next((known for known in QUEUES if known == picked), choice.queue)
    revise(choice, choice.listing(queue))


def link(choice: Choice) -> str:
    """URL of the page under this choice."""
    here = (st.context.url or "").split("?")[0]
    given = {**address.values(), **url.parameters(choice)}
    query = urlencode({name: given[name] for name in address.NAMES if given.get(name)}, doseq=True)
    return f"{here}?{query}" if query else here


def _draw_dates(choice: Choice, period: Period) -> None:
    """Typed in the operator's order. The weeks of its calendar start as the locale of the browser
    says: Streamlit has no option for them (documented under `st.date_input`)."""
    # Do not overwrite a range whose second day has not been picked yet.
    if len(st.session_state.get("pick-dates", ())) != 1:
        place("pick-dates", (period.start, period.end))
    st.date_input(
        "First and last day",
        key="pick-dates",
        format=formatting.date_box(),
        min_value=FIRST_DAY,
        max_value=LAST_DAY,
        on_change=rights.callback(_take_dates),
        args=(choice,),
    )


def _counts(view: View) -> dict[str, dict[str, int]]:
    """The counts beside filter values; empty if an engine has no answer: the page says why, and
    filters can still be changed."""
    try:
        return view.counts
    except EngineError:
        return {}


def _draw_dimension(
    choice: Choice, dimension: Dimension, options: Options, counts: dict[str, int]
) -> None:
    labels = {
        option.key: f"{option.label} · {formatting.number(counts[option.key])}"
        if counts
        else option.label
        for option in options.of(dimension)
    }
    if not labels:
        return
    key, picked = f"pick-{dimension.key}", list(choice.keys(dimension))
    place(key, picked)
    if picked:  # always, because the browser keeps the labels, and their counts change
        st.session_state[key] = picked
    st.multiselect(
        dimension.label,
        list(labels),
        format_func=labels.__getitem__,
        key=key,
        placeholder="All",
        on_change=rights.callback(_take_dimension),
        args=(choice, dimension),
    )


def _draw_settings(choice: Choice, settings: Settings) -> None:
    place("pick-tz", choice.timezone or settings.timezone)
    st.selectbox(
        "Time zone",
        timezones(),
        key="pick-tz",
        help="Days, weeks, months and hours are counted in this zone.",
        on_change=rights.callback(_take_timezone),
        args=(choice, settings.timezone),
    )
    place("pick-basis", choice.basis or settings.basis)
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
        on_change=rights.callback(_take_basis),
        args=(choice, settings.basis),
    )
    usual = settings.bot_answers
    place("pick-bot", usual if choice.bot_answers is None else choice.bot_answers)
    st.toggle(
        "The bot answers by itself",
        key="pick-bot",
        help="On: where the bot has a conversation and the server does not tell whether it "
        "answered, the contact is left to the bot. Off: everybody who wrote last is waiting for a "
        "person.",
        on_change=rights.callback(_take_bot),
        args=(choice, usual),
    )
    place("pick-countries", choice.recorded_only)
    st.toggle(
        "Only recorded countries",
        key="pick-countries",
        help="Leaves out contacts whose country was guessed from their phone number, time zone or "
        "language.",
        on_change=rights.callback(_take_countries),
        args=(choice,),
    )


def _picked(name: str) -> object:
    """The value that the viewer picked, or None if they used something else.

    The browser sends the values of all widgets. Where a click on a chart has just set this one, and
    the browser did not know of it yet, it sends the value of before.
    """
    key = f"pick-{name}"
    value, old = st.session_state.get(key), _replaced(key)
    is_old = old in st.session_state and st.session_state[old] == value
    return None if is_old and address.is_ahead() else value


def _take_preset(choice: Choice, period: Period) -> None:
    preset = _picked("preset")
    if preset == "dates":
        revise(choice, replace(choice, preset="dates", start=period.start, end=period.end))
    elif isinstance(preset, str) and preset in presets.LABELS:
        revise(choice, replace(choice, preset=preset, start=None, end=None))


def _take_from_menu(choice: Choice) -> None:
    preset = st.session_state.get("period-menu")
    if isinstance(preset, str) and preset in presets.LABELS and preset != "dates":
        revise(choice, replace(choice, preset=preset, start=None, end=None))


def _take_dates(choice: Choice) -> None:
    days = _picked("dates")
    if isinstance(days, tuple) and len(days) == 2 and all(isinstance(day, date) for day in days):
        revise(choice, replace(choice, start=min(days), end=max(days)))


def _take_against(choice: Choice) -> None:
    picked = _picked("against")
    against = next((known for known in COMPARISONS if known == picked), choice.against)
    revise(choice, replace(choice, against=against))


def _take_dimension(choice: Choice, dimension: Dimension) -> None:
    keys = _picked(dimension.key)
    if isinstance(keys, list):
        revise(choice, choice.limited_to(dimension, tuple(map(str, keys))))


def _take_timezone(choice: Choice, usual: str) -> None:
    zone = _picked("tz")
    if isinstance(zone, str) and zone in timezones():
        revise(choice, replace(choice, timezone=zone if zone != usual else None))


def _take_basis(choice: Choice, usual: str) -> None:
    picked = _picked("basis")
    basis = next((known for known in BASES if known == picked), None)
    if basis is not None:
        revise(choice, replace(choice, basis=basis if basis != usual else None))


def _take_bot(choice: Choice, usual: bool) -> None:
    answers = _picked("bot")
    if isinstance(answers, bool):
        revise(choice, replace(choice, bot_answers=answers if answers != usual else None))


def _take_countries(choice: Choice) -> None:
    recorded_only = _picked("countries")
    if isinstance(recorded_only, bool):
        revise(choice, replace(choice, recorded_only=recorded_only))


def clear_filters(choice: Choice) -> None:
    """Callback: remove all filters, keeping the period."""
    set_choice(choice.unfiltered)
