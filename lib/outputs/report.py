"""Headless report: the dashboard's numbers as JSON (`python -m lib.report`).

The contents are specified in metrics.md, "The headless report". Exit status: 0 done; 2 invalid
argument or setting; 3 the workspace could not be fetched, or an engine gave no answer; 130
interrupted. On failure a sentence on standard error says why and what to do.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NoReturn

import pandas as pd

from lib import settings
from lib.chatbotx.errors import ChatbotXError
from lib.engines.chosen import engine_of, source_of
from lib.engines.errors import EngineError
from lib.engines.memory import MemoryEngine
from lib.engines.questions import Engine
from lib.history import outline
from lib.history.demo import demo_past
from lib.history.reading import Changes, changes
from lib.history.recorder import recorder_of
from lib.metrics import audience, cohorts, engagement, opt_in, workload
from lib.metrics.terms import Terms, choose_basis
from lib.reference import countries, json_values
from lib.reference.json_values import Json
from lib.reference.periods import FIRST_DAY, LAST_DAY, ONE_DAY, Period, day_of
from lib.reference.timezones import check_timezone
from lib.settings import Settings, SettingsError
from lib.store.place import StoreError, Unreadable
from lib.store.snapshot import Snapshot, save_tables
from lib.store.storage import store_of
from lib.store.workspace import connect, fetched

CLOCK_SKEW = timedelta(minutes=5)


def report(snapshot: Snapshot, terms: Terms, asked: Engine | None = None) -> Json:
    """Every number of the snapshot, or of the contacts that `asked` covers.

    Times are ISO 8601 in UTC; rates are fractions with six decimals, hours have two; a missing
    number is None; lists are ordered by contacts, descending, then by key.
    """
    terms = replace(terms, compared=None)  # the report has only the previous period
    asked, verdict = asked or MemoryEngine(snapshot.tables), snapshot.verdict
    total = audience.audience(asked, terms)
    overall = opt_in.opt_in(asked)
    told_by = audience.country_sources(asked)
    return {
        "workspace_id": snapshot.workspace_id,
        "as_of": json_values.time(terms.as_of),
        "timezone": terms.timezone,
        "period": _period(terms.period),
        "crawl": {
            "contacts": snapshot.contacts,
            "pages": verdict.pages,
            "duplicates": verdict.duplicates,
            "complete": verdict.complete,
            "warnings": list(verdict.warnings),
        },
        "subscription_basis": terms.basis,
        "audience": {
            "contacts": total.contacts,
            "active": total.active,
            "blocked": total.blocked,
            "new": total.new,
            "new_previous": total.new_previous,
            "new_previous_to_date": total.new_before,
            "lost": total.lost,
            "net": total.net,
        },
        "opt_in": {kind: json_values.rate(getattr(overall, kind)) for kind in opt_in.KINDS},
        "channels": [
            {"channel": str(key) or "none"} | _breakdown(row)
            for key, row in audience.by_channel(asked, terms).iterrows()
        ],
        "countries": [
            {"country": key} | _breakdown(row)
            for key, row in audience.by_country(asked, terms).iterrows()
        ],
        "country_sources": {source: int(told_by.get(source, 0)) for source in countries.SOURCES},
        "sources": [
            {"source": str(key) or "none"} | _breakdown(row)
            for key, row in audience.by_source(asked, terms).iterrows()
        ],
        "tags": [
            {"tag_id": key, "tag": _text(row["tag"])} | _breakdown(row)
            if key != audience.NONE
            else {"tag_id": None, "tag": "none"} | _breakdown(row)
            for key, row in audience.by_tag(asked, terms).iterrows()
        ],
        "workload": _workload(asked, terms),
        "engagement": asdict(engagement.engagement(asked, terms)),
        "new_by_day": [
            {"day": f"{day:%Y-%m-%d}", "new": int(row["new"]), "lost": int(row["lost"])}
            for day, row in audience.by_day(asked, terms).iterrows()
        ],
        "cohorts": [
            {"month": f"{month:%Y-%m}"} | {name: int(row[name]) for name in row.index}
            for month, row in cohorts.cohorts(asked, terms).iterrows()
        ],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    try:
        given = _parser().parse_args(arguments)
        configured = _settings(given)
        as_of = _moment_of(given)
        timezone = given.timezone or configured.timezone
        period = _chosen_period(given.start, given.end, as_of, timezone)
        _check_writable(given.out, given.save)
    except (SettingsError, ValueError) as error:
        return _fail(2, error)
    except OSError as error:
        return _fail(2, f"Cannot write to {error.filename}: {error.strerror}.")
    for note in configured.notes:
        print(note, file=sys.stderr)
    try:
        with connect(configured, as_of=as_of) as client:
            snapshot = fetched(configured, client, store_of(configured), began=as_of)
    except ChatbotXError as error:
        return _fail(3, error)
    except StoreError as error:
        return _fail(3, f"What was fetched could not be kept: {error}.")
    source = source_of(configured, lambda: snapshot, as_of, snapshot.contacts)
    asked = MemoryEngine(snapshot.tables) if source is None else engine_of(source)
    bot_answers = given.bot_answers == "yes" if given.bot_answers else configured.bot_answers
    try:
        basis = choose_basis(asked, given.basis or configured.basis)
        terms = Terms(as_of, period, basis, bot_answers)
        found = report(snapshot, terms, asked)
    except EngineError as error:
        return _fail(3, error)
    found |= _changes(configured, snapshot, terms, record=given.record)
    text = json.dumps(found, indent=1, ensure_ascii=False)
    place = given.save
    try:
        if given.save is not None:
            save_tables(asked.tables(), given.save)
        place = given.out or "standard output"
        if given.out is not None:
            given.out.write_text(text + "\n", encoding="utf-8")
        else:
            sys.stdout.buffer.write(text.encode() + b"\n")
            sys.stdout.buffer.flush()
    except OSError as error:
        return _fail(2, f"Cannot write to {place}: {error.strerror or error}.")
    return 0


def _moment_of(given: argparse.Namespace) -> datetime:
    """The time that counts as now. Raises ValueError for one to come that would be recorded: until
    then, nothing else could be."""
    now = datetime.now(UTC)
    if given.record and given.as_of is not None and given.as_of > now + CLOCK_SKEW:
        raise ValueError(
            "--record with a time to come: no change could be recorded until then. Leave out "
            "--record, or --as-of."
        )
    return given.as_of or now


def _changes(configured: Settings, snapshot: Snapshot, terms: Terms, *, record: bool) -> Json:
    """The report's `changes`, if any history exists, after recording the snapshot when `record` is
    set. Prints to standard error what could not be stored or read."""
    recorder = recorder_of(configured)
    if recorder is None:
        return _outline(changes(demo_past(snapshot), terms.period), terms)
    kept = recorder.save(snapshot) if record else recorder.open()
    notes = list(kept.notes)
    found = None
    try:
        if kept.history is not None:
            found = changes(kept.history, terms.period)
    except (StoreError, Unreadable) as why:
        notes.append(f"What was recorded before cannot be read: {why}.")
    except EngineError as why:
        notes.append(f"What changed is left out. {why}")
    for note in notes:
        print(note, file=sys.stderr)
    return _outline(found, terms)


def _outline(found: Changes | None, terms: Terms) -> Json:
    if found is None:
        return {}
    return {"changes": outline.of(found, bot_answers=terms.bot_answers)}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Report an invalid argument like an invalid setting."""
        raise SettingsError([message.removeprefix("argument ")])


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m lib.report",
        description="The numbers of the dashboard as JSON. CHATBOTX_TOKEN and CHATBOTX_BASE_URL, "
        "from the environment or .streamlit/secrets.toml, say which workspace.",
    )
    parser.add_argument("--demo", action="store_true", help="the demo workspace, without a token")
    parser.add_argument("--workspace", metavar="NAME", help="one of several in the settings")
    parser.add_argument("--as-of", type=_moment, help="ISO 8601 time that counts as now")
    parser.add_argument("--timezone", type=_zone, help="IANA zone in which days are counted")
    parser.add_argument("--from", dest="start", type=_day, help="first day, like 2026-06-01")
    parser.add_argument("--to", dest="end", type=_day, help="last day, included")
    parser.add_argument("--basis", choices=settings.BASES, help="what counts as subscribed")
    parser.add_argument(
        "--bot-answers",
        choices=("yes", "no"),
        help="whether a bot that is on may have answered where the server does not say",
    )
    parser.add_argument(
        "--engine",
        type=_engine,
        help="memory, duckdb, or the address of a Spark Connect server like sc://localhost:15002",
    )
    parser.add_argument("--out", type=Path, help="write there instead of to standard output")
    parser.add_argument(
        "--record", action="store_true", help="keep the snapshot, and record what has changed"
    )
    parser.add_argument("--save", type=Path, metavar="DIR", help="also save the tables as Parquet")
    return parser


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            "not a time: write it like 2026-07-01T00:00:00Z."
        ) from None
    if not FIRST_DAY.year <= moment.year <= LAST_DAY.year:
        raise argparse.ArgumentTypeError(f"not between {FIRST_DAY} and {LAST_DAY}.")
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("not a day: write it like 2026-06-01.") from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise argparse.ArgumentTypeError(f"not between {FIRST_DAY} and {LAST_DAY}.")
    return day


def _zone(text: str) -> str:
    try:
        return check_timezone(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _engine(text: str) -> str:
    try:
        return settings.check_engine(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _settings(given: argparse.Namespace) -> Settings:
    configured = _workspace(given)
    return replace(configured, engine=given.engine) if given.engine else configured


def _workspace(given: argparse.Namespace) -> Settings:
    if given.demo:
        first = settings.load_all().workspaces[0]
        return replace(first, token=None)
    configured = settings.load(workspace=given.workspace)
    if configured.is_demo:
        raise SettingsError(
            ["CHATBOTX_TOKEN is not set: set it, or see the demo workspace with --demo."]
        )
    return configured


def _chosen_period(start: date | None, end: date | None, as_of: datetime, timezone: str) -> Period:
    """The given days. Defaults to the last 30 days, or the 30 days up to the end if only that is
    given."""
    if start is None and end is None:
        return Period.last(30, as_of, timezone)
    if end is None:
        end = max(day_of(as_of, timezone), start or FIRST_DAY)
    if start is None:
        start = end - 29 * ONE_DAY
    if end < start:
        raise ValueError("--to is before --from: swap them.")
    return Period(start, end, timezone)


def _check_writable(out: Path | None, save: Path | None) -> None:
    """Fail with OSError now rather than after a long crawl."""
    if save is not None:
        save.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=save):
            pass
    if out is not None:
        existed = out.exists()
        with out.open("ab"):
            pass
        if not existed:
            out.unlink()


def _fail(status: int, reason: object) -> int:
    print(reason, file=sys.stderr)
    return status


def _breakdown(row: "pd.Series[Any]") -> Json:
    rates = opt_in.rates_of(row)
    return {
        **{name: int(row[name]) for name in ("contacts", "active", "new", "new_previous")},
        "broadcast": json_values.rate(rates.broadcast),
        "email": json_values.rate(rates.email),
    }


def _workload(asked: Engine, terms: Terms) -> Json:
    agents = workload.by_agent(asked, terms)
    balance = workload.balance([int(load) for load in agents["open"]])
    return {
        **asdict(workload.workload(asked, terms)),
        "agents": [_assignee("user_id", key, row) for key, row in agents.iterrows()],
        "teams": [
            _assignee("team_id", key, row)
            for key, row in workload.by_team(asked, terms).iterrows()
            if row["open"]
        ],
        "gini": json_values.rounded(balance.gini, 6),
        "top_share": json_values.rounded(balance.top_share, 6),
    }


def _assignee(id_name: str, key: object, row: "pd.Series[Any]") -> Json:
    counted = ("open", "awaiting_reply", "never_answered", "unread", "follow_up")
    return {
        id_name: str(key),
        "name": _text(row["name"]),
        **{name: int(row[name]) for name in counted},
        "oldest_wait_hours": json_values.rounded(row["oldest_wait_hours"], 2),
        "median_wait_hours": json_values.rounded(row["median_wait_hours"], 2),
    }


def _period(period: Period) -> Json:
    return {"start": period.start.isoformat(), "end": period.end.isoformat()}


def _text(name: object) -> str | None:
    return name if isinstance(name, str) else None
