"""Generated histories: successive states of a small workspace, and questions about them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import hypothesis.strategies as st

from lib.chatbotx.crawl import Range
from lib.engines.questions import Filter
from lib.reference.periods import Period
from lib.store.dimensions import MISSING
from tests.history.states import contact, on, tagged, talk

Json = dict[str, Any]

FIRST = datetime(2026, 3, 26, 12, tzinfo=UTC)
"""A few days before Berlin's clocks are set forward."""

ZONES = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Kiritimati", "Asia/Kathmandu"]


def text(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z" if moment else None


moments = st.integers(-2, 9).map(lambda number: FIRST + timedelta(hours=20 * number))
"""Few, so that times sometimes coincide, also with those of snapshots."""
perhaps = st.none() | moments.map(text)


@st.composite
def conversations(draw: st.DrawFn) -> Json:
    return talk(
        draw(st.integers(1, 2)),
        archivedAt=draw(st.none() | st.none() | perhaps),
        assignedUserId=draw(st.sampled_from([None, "101", "102"])),
        assignedInboxTeamId=draw(st.sampled_from([None, "201"])),
        contactRepliedAt=draw(perhaps),
        adminRepliedAt=draw(perhaps),
    )


@st.composite
def contacts(draw: st.DrawFn, number: int) -> Json:
    channels = draw(st.sets(st.sampled_from(["whatsapp", "telegram", "none"])))
    return contact(
        number,
        # It stays the same, whatever else about the contact changes.
        createdAt=text(FIRST + timedelta(hours=20 * (number - 2))),
        blockedAt=draw(st.none() | st.none() | perhaps),
        broadcastSubscribedAt=draw(perhaps),
        email=draw(st.sampled_from([None, "a@b.cd", "guest"])),
        emailOptIn=draw(st.booleans()),
        country=draw(st.sampled_from(["BR", "VN", None])),
        tags=tagged(*sorted(draw(st.sets(st.sampled_from(["601", "602"]))))),
        contactInboxes=[
            on(channel, source=draw(st.sampled_from([None, "ads"])), wrote=draw(perhaps))
            for channel in sorted(channels)
        ],
        conversation=draw(st.none() | conversations() | conversations()),
    )


@st.composite
def workspaces(draw: st.DrawFn) -> list[tuple[datetime, list[Json], tuple[Range, ...]]]:
    """Successive states of a workspace. Most contacts stay the same."""
    states: list[tuple[datetime, list[Json], tuple[Range, ...]]] = []
    now: dict[int, Json] = {}
    moment = FIRST
    for _ in range(draw(st.integers(1, 5))):
        for number in range(6):
            match draw(st.sampled_from(["stays", "changes", "changes", "goes"])):
                case "changes":
                    anew = draw(contacts(number))
                    names = draw(st.sets(st.sampled_from(sorted(anew)), min_size=1, max_size=3))
                    now[number] = now.get(number, anew) | {name: anew[name] for name in names}
                case "goes":
                    now.pop(number, None)
        low, high = sorted(draw(st.tuples(moments, moments)))
        doubtful = (Range(low, high),) if draw(st.integers(0, 3)) == 0 else ()
        states.append((moment, [dict(each) for each in now.values()], doubtful))
        moment += timedelta(hours=draw(st.sampled_from([1, 20, 40])))
    return states


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    keys = {
        "channel": ["whatsapp", "telegram", "none", MISSING],
        "country": ["BR", "VN", "unknown"],
        "tag": ["601", "602", MISSING],
        "source": ["ads", MISSING],
        "team": ["201", MISSING],
        "agent": ["101", "102", MISSING],
    }
    asked = draw(st.sets(st.sampled_from(sorted(keys)), max_size=2))
    wanted = {
        name: draw(st.sets(st.sampled_from(keys[name]), min_size=1)) for name in sorted(asked)
    }
    return Filter.to({name: sorted(values) for name, values in wanted.items()})


periods = st.builds(
    lambda start, days, zone: Period(start, start + timedelta(days), zone),
    st.integers(-3, 9).map(lambda day: date(2026, 3, 26) + timedelta(day)),
    st.integers(0, 12),
    st.sampled_from(ZONES),
)
