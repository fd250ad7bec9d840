"""Metrics on a million filtered contacts, compared with bare counting in NumPy."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from statistics import median

import numpy as np
import pandas as pd

from benchmarks.table import Row
from lib.engines.memory import MemoryEngine
from lib.engines.results import RESULTS
from lib.metrics import audience, opt_in
from lib.metrics.terms import Terms
from lib.reference.periods import Period
from lib.store.builder import ALL_TIMES
from lib.store.tables import FLAGS, Tables

CONTACTS = 1_000_000
CHANNELS, SOURCES, COUNTRIES, TAGS, AGENTS, TEAMS = 10, 8, 60, 200, 40, 6
TAG_LINKS, CHANNEL_LINKS = 1.2, 1.1
"""Per contact."""

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
TERMS = Terms(AS_OF, Period.last(30, AS_OF, "America/Sao_Paulo"))
FILTERED_COUNTRIES = 8
"""The largest ones, with a little more than half of the contacts."""


def rows(rounds: int = 15) -> list[Row]:
    tables = synthetic_tables(CONTACTS)
    floor = Floor(tables)
    mask = floor.country < FILTERED_COUNTRIES
    found = []
    figures: dict[str, Callable[[], object]] = {
        "another filter": lambda: None,
        "a new snapshot": partial(RESULTS.forget, tables),
    }
    for figure, forget in figures.items():
        times: dict[str, list[float]] = {"floor": [], "metrics": []}
        for _ in range(rounds):
            forget()
            times["floor"].append(_seconds(partial(floor.counts, mask)))
            times["metrics"].append(_seconds(partial(metrics, tables, mask)))
        took = {name: median(each) for name, each in times.items()}
        found.append(
            Row.at_most(
                f"Six metrics of {CONTACTS:,} contacts under {figure} / filter and four bincounts",
                f"{took['metrics'] * 1e3:.0f} ms / {took['floor'] * 1e3:.0f} ms",
                took["metrics"] / took["floor"],
                4,
                " ×",
            )
        )
    return found


def metrics(tables: Tables, mask: np.ndarray) -> tuple[object, ...]:
    """What a page asks for: by channel, country, tag and day, with rates, changes and totals."""
    asked = MemoryEngine(tables.select(mask))
    return (
        audience.audience(asked, TERMS),
        audience.by_channel(asked, TERMS),
        audience.by_country(asked, TERMS),
        audience.by_tag(asked, TERMS),
        audience.by_day(asked, TERMS),
        opt_in.opt_in(asked),
    )


class Floor:
    """Count contacts by country, day, channel and tag, from columns that are already integers."""

    def __init__(self, tables: Tables) -> None:
        contacts, channels, tags = tables.contacts, tables.contact_channels, tables.contact_tags
        created = np.asarray(contacts["created"], dtype="datetime64[us]").astype("datetime64[D]")
        self.country = contacts["country"].cat.codes.to_numpy()
        self.day = (created - created.min()).astype("int16")
        self.channel, self.tag = (
            (links[name].cat.codes.to_numpy(), links["contact"].to_numpy())
            for links, name in ((channels, "channel"), (tags, "tag"))
        )

    def counts(self, mask: np.ndarray) -> list[np.ndarray]:
        by_link = [codes[mask[contact]] for codes, contact in (self.channel, self.tag)]
        return [np.bincount(each) for each in (self.country[mask], self.day[mask], *by_link)]


def synthetic_tables(contacts: int) -> Tables:
    """A two-year workspace with random columns."""
    random = np.random.default_rng(0)

    def times(share: float) -> pd.DatetimeIndex:
        ago = random.integers(0, 730 * 86_400_000_000, contacts).astype("timedelta64[us]")
        moments = np.datetime64(AS_OF.replace(tzinfo=None), "us") - ago
        moments[random.random(contacts) > share] = np.datetime64("NaT")
        return pd.DatetimeIndex(moments).tz_localize("UTC")

    def keys(number: int, missing: float = 0) -> pd.Categorical:
        shares = 1 / np.arange(1, number + 1)
        codes = random.choice(number, contacts, p=shares / shares.sum())
        codes[random.random(contacts) < missing] = -1
        return pd.Categorical.from_codes(codes, _names(number))

    def links(name: str, number: int, per_contact: float, at_least: int = 1) -> pd.DataFrame:
        shares = 1 / np.arange(1, number + 1)
        size = int(contacts * per_contact)
        others = random.integers(0, contacts, size - at_least * contacts)
        contact = np.append(np.repeat(np.arange(contacts), at_least), others)
        code = random.choice(number, size, p=shares / shares.sum())
        pair = np.unique(contact * number + code)
        categories = pd.Categorical.from_codes(pair % number, _names(number))
        return pd.DataFrame({"contact": (pair // number).astype(np.int32), name: categories})

    usual = {
        "created": 1,
        "updated": 1,
        "subscribed": 0.1,
        "blocked": 0.08,
        "archived_at": 0.05,
        "bot_resume": 0.1,
    }
    channel_links = links("channel", CHANNELS, CHANNEL_LINKS)
    inbox_links = links("inbox", CHANNELS, CHANNEL_LINKS)
    source_links = links("source", SOURCES, 1)
    tag_links = links("tag", TAGS, TAG_LINKS, at_least=0)
    columns: dict[str, object] = {"id": np.arange(contacts) + 10**18}
    for name in ALL_TIMES:
        columns[name] = times(usual.get(name, 0.6))
    for name in FLAGS:
        columns[name] = random.random(contacts) < 0.6
    for name, table in (
        ("channels", channel_links),
        ("inboxes", inbox_links),
        ("sources", source_links),
        ("tags", tag_links),
    ):
        columns[name] = np.bincount(table["contact"], minlength=contacts).astype(np.uint16)
    columns |= {
        "conversation": pd.array(np.arange(contacts), dtype="Int64"),
        "country": keys(COUNTRIES),
        "country_source": keys(5),
        "assignee": keys(AGENTS, missing=0.4),
        "team": keys(TEAMS, missing=0.5),
    }
    return Tables(
        contacts=pd.DataFrame(columns),
        contact_channels=channel_links,
        contact_inboxes=inbox_links,
        contact_sources=source_links,
        contact_tags=tag_links,
        tags=_named(TAGS),
        inboxes=_named(CHANNELS).assign(channel="whatsapp", status="connected"),
        agents=_named(AGENTS),
        teams=_named(TEAMS),
    )


def _names(number: int) -> pd.Index:
    return pd.Index([f"{each:03}" for each in range(number)], dtype="str")


def _named(number: int) -> pd.DataFrame:
    return pd.DataFrame({"id": _names(number), "name": _names(number)})


def _seconds(work: Callable[[], object]) -> float:
    """CPU time, so that other load on the machine does not count."""
    started = time.process_time()
    work()
    return time.process_time() - started
