"""A workspace to try the dashboard on: Casa Aurora, a home-goods retailer that does not exist.

The workspace is drawn from a seed, relative to one instant, and served as JSON through an httpx
transport. So the client, the crawl and everything behind them run as they do for a real one. All
people in it are made up: addresses lie under example.com and example.org, and phone numbers are
drawn from a narrow part of their country's numbering plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import compress
from typing import Any, Literal, NamedTuple

import httpx
import msgspec
import numpy as np
from numpy.typing import NDArray

BASE_URL = "https://demo.chatbotx.invalid/api"
TOKEN = "demo"
WORKSPACE_ID = "2640118873205145600"


class DemoTransport(httpx.BaseTransport):
    """Answers `GET /api/v1/contacts` as an October 2026 server would, without a network.

    The newest contact is some minutes older than `as_of`, and nothing happened after it. The same
    `as_of`, `contacts` and `seed` give the same workspace. May be used by several threads at once.

    Raises ValueError if `as_of` has no zone.
    """

    def __init__(self, as_of: datetime, contacts: int = 20_000, seed: int = 7) -> None:
        if as_of.tzinfo is None:
            raise ValueError("as_of needs a time zone")
        self._workspace = _draw_workspace(as_of, contacts, np.random.default_rng(seed))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET" or request.url.path != "/api/v1/contacts":
            return httpx.Response(404, text="Not found")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _refusal(401, "INVALID_CHATBOT_TOKEN", {})
        try:
            query = _read_query(request.url.params)
        except _BadParameter as bad:
            return _refusal(422, "invalidRequestData", {"data": {"issues": [{"path": bad.path}]}})
        return _page(self._workspace, query)


_LARGEST_PAGE = 500
_DEFAULT_PAGE = 20
_CONDITION = re.compile(r"contactFilter\[conditions\]\[(\d+)\]\[(field|operator|value)\]")


class _BadParameter(Exception):
    """A parameter that the server refuses; `path` is where it stands, as in the answer."""

    def __init__(self, *path: str | int) -> None:
        super().__init__(path)
        self.path = path


class _SortKey(msgspec.Struct, frozen=True):
    id: Literal["createdAt", "id"]
    desc: bool = False


_NEWEST_FIRST = (_SortKey("createdAt", True), _SortKey("id", True))


@dataclass(frozen=True)
class _Query:
    page: int
    per_page: int
    sort: tuple[_SortKey, ...]
    created: tuple[str, str] | None  # operator and value
    custom_fields: bool


def _read_query(params: httpx.QueryParams) -> _Query:
    return _Query(
        page=_positive(params, "page", 1),
        per_page=min(_positive(params, "perPage", _DEFAULT_PAGE), _LARGEST_PAGE),
        sort=_sort(params.get("sort")),
        created=_created_condition(params),
        custom_fields=not any(name.startswith("include[") for name in params),
    )


def _positive(params: httpx.QueryParams, name: str, default: int) -> int:
    text = params.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise _BadParameter(name)
    return int(text)


def _sort(text: str | None) -> tuple[_SortKey, ...]:
    """A sort that cannot be read is ignored without a word, as on the servers."""
    if text is None:
        return _NEWEST_FIRST
    try:
        return msgspec.json.decode(text, type=tuple[_SortKey, ...]) or _NEWEST_FIRST
    except msgspec.MsgspecError:
        return _NEWEST_FIRST


def _created_condition(params: httpx.QueryParams) -> tuple[str, str] | None:
    """The last condition on `contactCreatedAt`: of several on one field, only that one counts."""
    conditions: dict[int, dict[str, str]] = {}
    for name, text in params.multi_items():
        if part := _CONDITION.fullmatch(name):
            conditions.setdefault(int(part[1]), {})[part[2]] = text
    found = None
    for number, condition in sorted(conditions.items()):
        if condition.get("field") == "contactCreatedAt":
            operator = condition.get("operator", "")
            if operator not in ("gte", "gt", "lte", "lt"):
                raise _BadParameter("contactFilter", "conditions", number, "operator")
            found = operator, condition.get("value", "")
    return found


def _page(workspace: _Workspace, query: _Query) -> httpx.Response:
    first, end = _matching(workspace.created, query.created)
    rows = _ordered(workspace.created, first, end, query.sort)
    start = (query.page - 1) * query.per_page
    answer = {
        "data": workspace.contacts(rows[start : start + query.per_page], query.custom_fields),
        "pageCount": -(-len(rows) // query.per_page),
        "totalCount": len(rows),
        "totalCountCapped": False,
    }
    return httpx.Response(200, content=msgspec.json.encode(answer), headers=_JSON)


def _matching(created: _Ints, condition: tuple[str, str] | None) -> tuple[int, int]:
    """First row and the one after the last; rows are in the order of `created`."""
    if condition is None:
        return 0, len(created)
    operator, text = condition
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return 0, 0
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    bound = (instant - _EPOCH) / timedelta(milliseconds=1)
    edge = int(np.searchsorted(created, bound, "left" if operator in ("gte", "lt") else "right"))
    return (edge, len(created)) if operator in ("gte", "gt") else (0, edge)


def _ordered(created: _Ints, first: int, end: int, sort: tuple[_SortKey, ...]) -> _Ints:
    """The rows first..end as `sort` wants them. Ids rise with `createdAt` and break its ties."""
    rows = np.arange(first, end)
    by_created, *rest = sort
    if by_created.id == "id" or not rest or rest[0].desc == by_created.desc:
        return rows[::-1] if by_created.desc else rows
    times = created[first:end]
    return rows[np.lexsort((-rows, times) if rest[0].desc else (rows, -times))]


def _refusal(status: int, code: str, details: dict[str, Any]) -> httpx.Response:
    body = {"defined": False, "code": code, "status": status, "message": code, **details}
    return httpx.Response(status, content=msgspec.json.encode(body), headers=_JSON)


_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]
_Flags = NDArray[np.bool_]
_Times = NDArray[np.datetime64]
_Json = dict[str, Any]

_JSON = {"content-type": "application/json"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_NEVER = int(np.iinfo(np.int64).min)  # what numpy reads as "not a time"


@dataclass(frozen=True)
class _Workspace:
    """The drawn contacts as columns, ordered by `created` and id, made into JSON page by page.

    What is one of several (a country, an inbox, an agent) is its position in the tuple that lists
    them, or -1. While they are drawn, times are milliseconds since 1970, or `_NEVER`.
    """

    company: _Company
    created: _Ints
    ids: _Ints
    profiles: _Profiles
    consents: _Consents
    tags: _Flags  # contact by tag
    inboxes: _Ints  # contact by slot
    heard: _Times  # contact by slot: the last incoming message there
    conversations: _Conversations

    def contacts(self, rows: _Ints, custom_fields: bool) -> list[_Json]:
        """What the server sends for these contacts."""
        return [
            {
                "id": str(id_),
                "createdAt": created_at,
                "updatedAt": updated,
                **profile,
                **consent,
                "workspaceId": WORKSPACE_ID,
                **(
                    {"contactCustomFields": _custom_fields(id_, created_at)}
                    if custom_fields
                    else {}
                ),
                "tags": list(compress(self.company.tags, tags)),
                "contactInboxes": _contact_inboxes(self.company, id_, inboxes, heard),
                "conversation": _conversation(self.company, id_, created_at, *conversation),
            }
            for (
                id_,
                created_at,
                updated,
                profile,
                consent,
                tags,
                inboxes,
                heard,
                conversation,
            ) in zip(
                self.ids[rows].tolist(),
                _texts(_times(self.created[rows])),
                _texts(np.fmax(self.conversations.updated, self.consents.blocked)[rows]),
                map(_profile, *_lists(self.profiles, rows)),
                map(_consent, *_lists(self.consents, rows)),
                self.tags[rows].tolist(),
                self.inboxes[rows].tolist(),
                _texts(self.heard[rows]),
                zip(*_lists(self.conversations, rows), strict=True),
                strict=True,
            )
        ]


def _custom_fields(contact: int, created: str) -> list[_Json]:
    """The shop that a customer named as theirs, which one in eight did."""
    if contact // _ID_STEP % 8:
        return []
    return [
        {
            "id": str(contact + 10),
            "createdAt": created,
            "updatedAt": created,
            "value": ("São Paulo", "Lisboa", "Ciudad de México")[contact // _ID_STEP % 3],
            "contactId": str(contact),
            "customFieldId": _id_of("custom field", 0),
        }
    ]


def _draw_workspace(as_of: datetime, contacts: int, rng: np.random.Generator) -> _Workspace:
    now = (as_of - _EPOCH) // timedelta(milliseconds=1)
    arrivals = _draw_arrivals(now, contacts, rng)
    inboxes = _draw_inboxes(now, arrivals, rng)
    profiles = _draw_profiles(arrivals, inboxes, rng)
    tags = _draw_tags(now, arrivals, rng)
    blocked = _draw_blocked(now, arrivals.created, rng)
    conversations = _draw_conversations(now, arrivals, tags, blocked, rng)
    return _Workspace(
        company=_company(now),
        created=arrivals.created,
        ids=_ids(arrivals.created),
        profiles=profiles,
        consents=_draw_consents(now, arrivals, profiles, tags, blocked, rng),
        tags=tags,
        inboxes=inboxes,
        heard=_draw_heard(arrivals.created, inboxes, conversations, rng),
        conversations=conversations,
    )


_ID_STEP = 64  # leaves room between two contacts for the ids of what belongs to them


def _ids(created: _Ints) -> _Ints:
    """Ids as the platform makes them: milliseconds since 2004-02-01, then 22 bits of sequence."""
    epoch = (datetime(2004, 2, 1, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
    place_in_tie = np.arange(len(created)) - np.searchsorted(created, created)
    return ((created - epoch) << 22) + (place_in_tie + 1) * _ID_STEP


def _times(times: _Ints) -> _Times:
    return times.view("datetime64[ms]")


def _texts(times: _Times) -> list[Any]:
    """`2026-05-10T12:00:00.123Z`, None for no time; nested as the array is."""
    texts = np.full(times.shape, None, dtype=object)
    known = ~np.isnat(times)
    texts[known] = np.datetime_as_string(times[known], unit="ms", timezone="UTC")
    nested: list[Any] = texts.tolist()
    return nested


def _lists(columns: Iterable[NDArray[Any]], rows: _Ints) -> Iterator[list[Any]]:
    """The rows of each column, times as texts."""
    for column in columns:
        part = column[rows]
        yield _texts(part) if part.dtype.kind == "M" else part.tolist()


def _whole(numbers: _Floats) -> _Ints:
    return numbers.astype(np.int64)


def _choice(rng: np.random.Generator, weights: object, size: int) -> _Ints:
    """Positions in `weights`, drawn as often as those say."""
    steps = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.asarray(np.searchsorted(steps, rng.random(size) * steps[-1], "right"))


def _chosen(weights: _Floats, draws: _Floats) -> _Ints:
    """As `_choice`, with a row of weights for each draw in 0..1."""
    steps = np.cumsum(weights, axis=1)
    return np.asarray((draws[:, None] * steps[:, -1:] >= steps).sum(axis=1), dtype=np.int64)


@dataclass(frozen=True)
class _Arrivals:
    created: _Ints
    channel: _Ints
    country: _Ints
    imported: _Flags


_DAYS = 730
_IMPORT_SHARE = 0.06
_IMPORT_AGE = 425  # days
_DRY_DAYS = 21
_TIKTOK_DAYS = 150
_LAUNCH_AGE = 9  # days since the campaign that brought four times the usual


def _draw_arrivals(now: int, contacts: int, rng: np.random.Generator) -> _Arrivals:
    imports = round(contacts * _IMPORT_SHARE)
    walk_ins = contacts - imports
    newest = now - 4 * _MINUTE
    # The last day is not over, so some draws lie in the future and are left out.
    drawn = walk_ins + walk_ins // 20 + 64
    channel = _choice(rng, [channel.share for channel in _CHANNELS], drawn)
    country = _choice_by(rng, channel, _country_weights())
    created = _draw_created(now, channel, country, rng)
    kept = np.flatnonzero((created <= newest) & (created > newest - _DAYS * _DAY))[:walk_ins]

    channel = np.concatenate(
        [channel[kept], np.where(rng.random(imports) < 0.85, _WHATSAPP, _NONE)]
    )
    country = np.concatenate([country[kept], np.where(rng.random(imports) < 0.9, 0, 1)])
    import_time = (now // _DAY - _IMPORT_AGE) * _DAY + 13 * _HOUR + 4 * _MINUTE + 11_000
    created = np.concatenate([created[kept], np.full(imports, import_time)])
    order = np.argsort(created, kind="stable")
    created = created[order]
    created[-1:] = newest
    return _Arrivals(created, channel[order], country[order], order >= len(kept))


def _choice_by(rng: np.random.Generator, group: _Ints, weights: _Floats) -> _Ints:
    """As `_choice`, with the row of `weights` that belongs to each one's group."""
    found = np.zeros(len(group), dtype=np.int64)
    for number, row in enumerate(weights):
        members = group == number
        found[members] = _choice(rng, row, int(members.sum()))
    return found


def _country_weights() -> _Floats:
    """Channel by country."""
    weights = np.tile([country.share for country in _COUNTRIES], (len(_CHANNELS), 1))
    for row, channel in zip(weights, _CHANNELS, strict=True):
        for code, factor in channel.leaning:
            row[_COUNTRY_CODES.index(code)] *= factor
    return weights


def _draw_created(now: int, channel: _Ints, country: _Ints, rng: np.random.Generator) -> _Ints:
    """Times over two years: growth, weeks, campaigns, and waking hours where the person lives."""
    today = now // _DAY
    arrivals_a_day = _daily_arrivals(today, rng)
    day = today - _DAYS + _choice_by(rng, channel, arrivals_a_day * _channel_careers())
    offset = np.array([country.utc_offset for country in _COUNTRIES])[country]
    hour = _choice_by(rng, np.digitize(offset, [-2.5, 4]), _HOURS) + rng.random(len(day))
    return day * _DAY + _whole((hour - offset) * _HOUR)


def _daily_arrivals(today: int, rng: np.random.Generator) -> _Floats:
    days = np.arange(today - _DAYS, today + 1)
    weekday = (days + 3) % 7  # 1970-01-01 was a Thursday
    arrivals: _Floats = (
        np.linspace(0.4, 1, len(days))
        * np.array([1.08, 1.05, 1.02, 1.0, 1.06, 0.72, 0.58])[weekday]
        * rng.lognormal(0, 0.1, len(days))
    )
    for black_friday in _black_fridays(today):
        for day, factor in enumerate((1.8, 4.5, 2.4, 1.9, 2.6, 1.4), black_friday - 1):
            arrivals[days == day] *= factor
    launch = len(days) - 1 - _LAUNCH_AGE
    arrivals[launch] = 5.2 * arrivals[launch - 28 : launch].mean()  # some of it falls past midnight
    return arrivals


def _black_fridays(today: int) -> list[int]:
    """Those of the last three years, as days since 1970."""
    year = (_EPOCH + timedelta(days=today)).year
    novembers = [date(y, 11, 1) for y in range(year - 2, year + 1)]
    return [(first - _EPOCH.date()).days + (3 - first.weekday()) % 7 + 22 for first in novembers]


def _channel_careers() -> _Floats:
    """Channel by day: how the channel did against the rest."""
    careers = np.array([np.linspace(*channel.career, _DAYS + 1) for channel in _CHANNELS])
    age = np.arange(_DAYS, -1, -1)
    careers[_MESSENGER, age < _DRY_DAYS] *= 0.04
    careers[_TIKTOK] *= np.clip(1 - age / _TIKTOK_DAYS, 0, 1) ** 1.1
    return careers


_HOURS = np.array(
    [  # local hours 0..23 in the Americas, in Europe and Africa, in Asia
        [2, 1, 1, 0.5, 0.5, 1, 2, 4, 7, 10, 12, 12, 11, 10, 10, 10, 10, 10, 11, 13, 14, 12, 8, 4],
        [2, 1, 0.5, 0.5, 0.5, 0.5, 1, 3, 6, 10, 12, 12, 10, 8, 8, 9, 11, 12, 13, 12, 11, 12, 9, 5],
        [1, 0.5, 0.5, 0.5, 1, 2, 5, 8, 11, 12, 11, 9, 7, 8, 9, 9, 9, 8, 9, 13, 15, 12, 6, 2],
    ]
)


class _Profiles(NamedTuple):
    country: _Ints
    phone: _Flags
    mail: _Flags
    guest: _Flags  # came through the web chat, which writes an opaque id into `email`
    zone: _Ints  # 1 a zone's name, 2 hours from UTC
    locale: _Ints  # 1 with the region, 2 without
    recorded: _Ints  # how the country is written, see `_profile`
    noise: _Ints  # for whatever looks arbitrary


def _profile(
    number: int,
    phone: bool,
    mail: bool,
    guest: bool,
    zone: int,
    locale: int,
    recorded: int,
    noise: int,
) -> _Json:
    country = _COUNTRIES[number]
    language = country.locale[:2]
    first_names, last_names = _NAMES.get(language, _NAMES["en"])
    first_name = first_names[noise % 8]
    last_name = last_names[(noise >> 3) % 8]
    email = None
    if mail:
        email = f"customer{noise % 10**9}@example.{'com' if noise & 1 else 'org'}"
    elif guest:
        email = f"guest_{noise:032x}"
        first_name, last_name = "Guest", f"{noise & 0xFFFFFFFF:08x}"
    return {
        "avatar": None,
        "phoneNumber": country.phone(noise) if phone else None,
        "email": email,
        "firstName": first_name,
        "lastName": last_name,
        "fullName": f"{first_name} {last_name}",
        "gender": "unknown",
        "lastReadAt": None,
        "ref": "spring-catalogue" if noise % 17 == 0 else None,
        "country": (None, country.code, country.code.lower(), country.name, "unknown")[recorded],
        "state": None,
        "city": None,
        "location": None,
        "locale": (None, country.locale, language)[locale],
        "timezone": (None, country.zone, f"{country.utc_offset:g}")[zone],
    }


def _draw_profiles(arrivals: _Arrivals, inboxes: _Ints, rng: np.random.Generator) -> _Profiles:
    channel = arrivals.channel
    size = len(channel)

    def happens(chance: str) -> _Flags:
        return rng.random(size) < np.array([getattr(c, chance) for c in _CHANNELS])[channel]

    return _Profiles(
        country=arrivals.country,
        phone=happens("phone") | _reached(inboxes, _WHATSAPP) | arrivals.imported,
        mail=happens("mail") | _reached(inboxes, _SMTP),
        guest=channel == _WEBCHAT,
        zone=np.where(happens("zone"), np.where(channel == _MESSENGER, 2, 1), 0),
        locale=np.where(happens("locale"), np.where(happens("region"), 1, 2), 0),
        recorded=_choice(rng, [0.895, 0.04, 0.03, 0.03, 0.005], size),
        noise=rng.integers(1 << 62, size=size),
    )


def _contact_inboxes(
    company: _Company, contact: int, inboxes: list[int], heard: list[str | None]
) -> list[_Json]:
    return [
        {
            "id": str(contact + 1 + slot),
            "contactId": str(contact),
            "inboxId": _INBOX_IDS[inbox],
            "channel": _INBOXES[inbox].channel,
            "lastIncomingMessageAt": heard_at,
            "contactLastReadAt": None,
            "inbox": company.inboxes[inbox],
        }
        for slot, (inbox, heard_at) in enumerate(zip(inboxes, heard, strict=True))
        if inbox >= 0
    ]


def _draw_inboxes(now: int, arrivals: _Arrivals, rng: np.random.Generator) -> _Ints:
    """Contact by slot: the one they came through first; one in twelve has more than that."""
    channel, size = arrivals.channel, len(arrivals.channel)
    age = now - arrivals.created

    mexican = arrivals.country == _COUNTRY_CODES.index("MX")
    first = np.where(
        (channel == _WHATSAPP) & mexican & (age > 12 * _DAY) & (rng.random(size) < 0.8),
        _WHATSAPP_MEXICO,
        np.where(channel == _NONE, -1, channel),
    )
    second_weights = np.zeros((size, len(_CHANNELS)))
    second_weights[:, [_WHATSAPP, _INSTAGRAM, _WEBCHAT, _SMTP]] = 3, 2, 1.5, 1
    second_weights[:, _MESSENGER] = np.where(age > _DRY_DAYS * _DAY, 0.8, 0)
    second_weights[np.arange(size), channel] = 0
    second = _chosen(second_weights, rng.random(size))
    second_weights[np.arange(size), second] = 0
    third = _chosen(second_weights, rng.random(size))

    several = rng.random(size)
    reached = first >= 0
    return np.column_stack(
        [
            first,
            np.where(reached & (several < 0.085), second, -1),
            np.where(reached & (several < 0.008), third, -1),
        ]
    )


def _reached(inboxes: _Ints, channel: int) -> _Flags:
    """Whether the contact has an inbox of the channel, in whatever slot."""
    return np.asarray((_CHANNEL_OF_INBOX[inboxes] == channel).any(axis=1))


def _draw_heard(
    created: _Ints, inboxes: _Ints, conversations: _Conversations, rng: np.random.Generator
) -> _Times:
    """The last message came to the first inbox; the others heard of the contact earlier."""
    last = conversations.contact_replied.view(np.int64)[:, None]
    earliness = rng.random(inboxes.shape) * [0, *[1] * (inboxes.shape[1] - 1)]
    since_first = np.where(last == _NEVER, 0, last - created[:, None])
    return _times(last - _whole(earliness * since_first))


def _draw_tags(now: int, arrivals: _Arrivals, rng: np.random.Generator) -> _Flags:
    created, channel = arrivals.created, arrivals.channel
    size = len(created)

    def some(chance: float) -> _Flags:
        return rng.random(size) < chance

    day = created // _DAY
    on_black_friday = np.isin(
        day, [b + d for b in _black_fridays(now // _DAY) for d in range(-1, 5)]
    )
    old = now - created > 365 * _DAY
    bought_again = some(0.13)
    vip = bought_again & some(0.3)
    drawn = {
        "VIP": vip,
        "Loyalty": (vip & some(0.7)) | (bought_again & some(0.3)) | some(0.04),
        "Repeat customer": bought_again,
        "First order": ~bought_again & some(0.3),
        "Newsletter": np.where(channel == _SMTP, some(0.6), some(0.26)),
        "Black Friday": np.where(on_black_friday, some(0.8), some(0.05)),
        "Wholesale": np.where(channel == _SMTP, some(0.2), some(0.025)),
        "Returned item": some(0.05),
        "Complaint": some(0.025),
        "Abandoned cart": some(0.13),
        "Gift card": some(0.035),
        "Kitchen": some(0.16),
        "Bedroom": some(0.12),
        "Garden": some(0.07),
        "Showroom visit": some(0.03),
        "Lead": np.isin(channel, [_INSTAGRAM, _TIKTOK]) & some(0.35),
        "Lead, from the form": (channel == _WEBCHAT) & some(0.45),
        "Old catalogue": old & some(0.12),
    }
    tags = np.column_stack([drawn[tag.key] for tag in _TAGS])
    return tags & some(0.79)[:, None]


class _Consents(NamedTuple):
    email: _Flags
    email_verified: _Flags
    broadcast: _Times
    blocked: _Times


def _consent(email: bool, verified: bool, broadcast: str | None, blocked: str | None) -> _Json:
    return {
        "emailVerified": verified,
        "emailOptIn": email,
        "subscribedAt": None,
        "broadcastSubscribedAt": broadcast,
        "blockedAt": blocked,
    }


def _draw_consents(
    now: int,
    arrivals: _Arrivals,
    profiles: _Profiles,
    tags: _Flags,
    blocked: _Ints,
    rng: np.random.Generator,
) -> _Consents:
    created, channel = arrivals.created, arrivals.channel
    size = len(created)
    age = now - created
    end = np.where(blocked == _NEVER, now, blocked)
    chance = (
        np.array([channel.broadcast for channel in _CHANNELS])[channel]
        + tags @ np.array([tag.broadcast for tag in _TAGS])
        - 0.08 * (age / (_DAYS * _DAY) - 0.4)
    )
    delay = (rng.lognormal(np.log(10 * _MINUTE), 2.5, size)).clip(max=(end - created) / 2)
    asked = (channel != _NONE) & (rng.random(size) < chance)
    return _Consents(
        # True is the platform's default, so only those with an address ever had it taken off.
        email=~profiles.mail | (rng.random(size) < 0.83),
        email_verified=profiles.mail & (rng.random(size) < np.where(channel == _SMTP, 0.7, 0.4)),
        broadcast=_times(np.where(asked, created + _whole(delay), _NEVER)),
        blocked=_times(blocked),
    )


def _draw_blocked(now: int, created: _Ints, rng: np.random.Generator) -> _Ints:
    """Some any day, and more in the days after a campaign has written to everyone."""
    size = len(created)
    blocked = created + _whole(rng.exponential(10_500, size) * _DAY)
    today = now // _DAY
    campaigns = [*((day, 0.007) for day in _black_fridays(today)), (today - _LAUNCH_AGE, 0.0015)]
    for campaign, chance in campaigns:
        annoyed = rng.random(size) < chance
        then = campaign * _DAY + _whole(rng.exponential(2.5, size) * _DAY) + 14 * _HOUR
        blocked = np.where(annoyed & (created < then), np.minimum(blocked, then), blocked)
    return np.where(blocked < now, blocked, _NEVER)


class _Conversations(NamedTuple):
    present: _Flags
    bot: _Flags
    followed: _Flags
    agent: _Ints
    team: _Ints
    updated: _Times
    archived: _Times
    last_activity: _Times
    admin_replied: _Times
    contact_replied: _Times
    agent_read: _Times
    contact_read: _Times


def _conversation(
    company: _Company,
    contact: int,
    created: str,
    present: bool,
    bot: bool,
    followed: bool,
    agent: int,
    team: int,
    updated: str,
    archived: str | None,
    last_activity: str | None,
    admin_replied: str | None,
    contact_replied: str | None,
    agent_read: str | None,
    contact_read: str | None,
) -> _Json | None:
    if not present:
        return None
    return {
        "id": str(contact + 20),
        "createdAt": created,
        "updatedAt": updated,
        "botEnabled": bot,
        "botResumeAt": None,
        "archivedAt": archived,
        "additionalAttributes": None,
        "contactLastReadAt": contact_read,
        "agentLastReadAt": agent_read,
        "aiContextLastMessageId": None,
        "lastActivityAt": last_activity,
        "followed": followed,
        "assignedUserId": _AGENT_IDS[agent] if agent >= 0 else None,
        "assignedInboxTeamId": _TEAM_IDS[team] if team >= 0 else None,
        "workspaceId": WORKSPACE_ID,
        "contactId": str(contact),
        "sourceId": None,
        "adminRepliedAt": admin_replied,
        "contactRepliedAt": contact_replied,
        "assignedUser": company.agents[agent] if agent >= 0 else None,
        "assignedInboxTeam": company.teams[team] if team >= 0 else None,
    }


def _draw_conversations(
    now: int, arrivals: _Arrivals, tags: _Flags, blocked: _Ints, rng: np.random.Generator
) -> _Conversations:
    created = arrivals.created
    size = len(created)
    end = np.where(blocked == _NEVER, now, blocked)
    last_visit = _draw_last_visits(end, arrivals, rng)

    days_quiet = (now - last_visit) / _DAY
    is_open = (
        rng.random(size) < 0.4 * np.exp(-days_quiet / 6) + 0.17 * np.exp(-days_quiet / 60) + 0.008
    )
    is_open &= (blocked == _NEVER) | (rng.random(size) < 0.2)
    bot = rng.random(size) < np.where(is_open, 0.42, 0.6)
    agent, team = _draw_assignment(is_open, bot, arrivals, tags, rng)

    overlooked = (agent == _OVERLOADED) | (~bot & (agent < 0) & (team < 0))
    may_wait = is_open & (blocked == _NEVER)
    waits, unanswered, last_message = _draw_waiting(
        now, may_wait, overlooked, bot, created, last_visit, rng
    )
    never_answered = unanswered | (~is_open & (rng.random(size) < 0.03))
    admin_replied = np.where(
        never_answered, _NEVER, _draw_answers(created, last_message, end, waits, bot, rng)
    )
    present = rng.random(size) < np.where(arrivals.imported, 0.35, 0.96)
    present &= arrivals.channel != _NONE
    wrote_nothing = ~waits & (rng.random(size) < np.where(arrivals.imported, 0.5, 0.03))
    wrote_nothing |= arrivals.imported & ~present
    contact_replied = np.where(wrote_nothing, _NEVER, last_message)

    last_activity = np.maximum(contact_replied, admin_replied)
    last_activity = np.where(last_activity == _NEVER, last_visit, last_activity)
    quiet = end - last_activity
    archived_after = np.minimum(rng.lognormal(np.log(2 * _DAY), 1.2, size), quiet * 0.9)
    archived = np.where(is_open, _NEVER, last_activity + _whole(archived_after))

    read_after = np.minimum(rng.lognormal(np.log(10 * _MINUTE), 1, size), quiet * 0.5)
    up_to_date = rng.random(size) < np.where(waits, 0.35, 0.93)
    agent_read = np.where(up_to_date, last_activity + _whole(read_after), admin_replied)
    nobody_looked = (agent < 0) & (rng.random(size) < np.where(bot, 0.5, 0.2))
    agent_read = np.where(nobody_looked, _NEVER, agent_read)
    contact_read = np.where(rng.random(size) < 0.6, last_activity + _whole(read_after), _NEVER)

    vip = tags[:, _TAG_KEYS.index("VIP")]
    return _Conversations(
        present=present,
        bot=bot,
        followed=rng.random(size) < np.where(vip, 0.12, 0.016),
        agent=agent,
        team=team,
        updated=_times(np.maximum(last_activity, archived)),
        archived=_times(archived),
        last_activity=_times(last_activity),
        admin_replied=_times(admin_replied),
        contact_replied=_times(contact_replied),
        agent_read=_times(agent_read),
        contact_read=_times(contact_read),
    )


def _draw_last_visits(end: _Ints, arrivals: _Arrivals, rng: np.random.Generator) -> _Ints:
    """Nearly half spoke once, at first contact; the others came back, more of them of late."""
    size = len(end)
    life = end - arrivals.created
    talk = np.minimum(rng.lognormal(np.log(12 * _MINUTE), 1.2, size), life * 0.8)
    came_back = arrivals.imported | (rng.random(size) < 0.55)
    since = np.where(came_back, life * rng.random(size) ** 1.5, life - talk)
    return end - _whole(since)


def _draw_assignment(
    is_open: _Flags, bot: _Flags, arrivals: _Arrivals, tags: _Flags, rng: np.random.Generator
) -> tuple[_Ints, _Ints]:
    """Agent and team. A bot that has handed over mostly knows to whom."""
    size = len(is_open)
    weights = np.where(
        is_open[:, None],
        [agent.open_share for agent in _AGENTS],
        [agent.archived_share for agent in _AGENTS],
    )
    wholesale = tags[:, _TAG_KEYS.index("Wholesale")]
    weights[wholesale] *= [8 if agent.team == _WHOLESALE else 1 for agent in _AGENTS]
    vietnamese = arrivals.country == _COUNTRY_CODES.index("VN")
    weights[vietnamese] *= [12 if "vi" in agent.languages else 1 for agent in _AGENTS]
    agent = _chosen(weights, rng.random(size))
    team = np.array([agent.team for agent in _AGENTS])[agent]

    kind = rng.random(size)
    with_agent = kind < np.where(bot, 0.22, 0.74)
    with_team = kind < np.where(bot, 0.34, 0.92)
    agent_has_team = with_agent & (rng.random(size) < 0.9)
    return (
        np.where(with_agent, agent, -1),
        np.where(agent_has_team | (with_team & ~with_agent), team, -1),
    )


def _draw_waiting(
    now: int,
    may_wait: _Flags,
    overlooked: _Flags,
    bot: _Flags,
    created: _Ints,
    last_visit: _Ints,
    rng: np.random.Generator,
) -> tuple[_Flags, _Flags, _Ints]:
    """Who waits for a reply, who of them never had one, and when everyone last wrote."""
    size = len(may_wait)
    chance = np.where(bot, 0.03, 0.14) * np.where(overlooked, 1.8, 1)
    waits = may_wait & (rng.random(size) < chance)
    life = now - created
    hours = rng.lognormal(np.log(np.where(overlooked, 9, 4)), 1.5, size).clip(0.05, 20 * 24)
    wait = _whole(np.minimum(hours * _HOUR, life * 0.95))
    new = life - wait < 2 * _DAY
    unanswered = waits & (rng.random(size) < np.where(new, 0.6, np.where(overlooked, 0.3, 0.1)))
    return waits, unanswered, np.where(waits, now - wait, last_visit)


def _draw_answers(
    created: _Ints,
    last_message: _Ints,
    end: _Ints,
    waits: _Flags,
    bot: _Flags,
    rng: np.random.Generator,
) -> _Ints:
    """Bots answer in minutes, people within the hour; those who wait had theirs earlier."""
    size = len(created)
    delay = rng.lognormal(np.log(np.where(bot, 2, 35) * _MINUTE), 1.2, size)
    after = last_message + _whole(np.minimum(delay, (end - last_message) * 0.9))
    before = created + _whole((last_message - created) * rng.random(size))
    return np.where(waits, before, after)


@dataclass(frozen=True)
class _Company:
    """What contacts refer to, as JSON already: it is the same in each of them."""

    tags: tuple[msgspec.Raw, ...]
    inboxes: tuple[msgspec.Raw, ...]
    agents: tuple[msgspec.Raw, ...]
    teams: tuple[msgspec.Raw, ...]


def _company(now: int) -> _Company:
    def before(days: int) -> str:
        return str(_texts(_times(np.array([now - days * _DAY])))[0])

    def raw(id_: str, made: int, changed: int | None = None, **details: Any) -> msgspec.Raw:
        """`made` and `changed`: days ago."""
        times = {"createdAt": before(made), "updatedAt": before(changed or made)}
        entity = {"id": id_, **times, **details}
        return msgspec.Raw(msgspec.json.encode(entity))

    return _Company(
        tags=tuple(
            raw(
                _id_of("tag", number),
                720 - 30 * number,
                tag.deleted,
                name=tag.name,
                deletedAt=before(tag.deleted) if tag.deleted else None,
                folderId=None,
                workspaceId=WORKSPACE_ID,
            )
            for number, tag in enumerate(_TAGS)
        ),
        inboxes=tuple(
            raw(
                id_,
                735,
                name=inbox.name,
                channel=inbox.channel,
                sourceId=inbox.source,
                workspaceId=WORKSPACE_ID,
                status=inbox.status,
            )
            for id_, inbox in zip(_INBOX_IDS, _INBOXES, strict=True)
        ),
        agents=tuple(
            raw(
                id_,
                740,
                name=agent.name,
                email=f"agent{number}@example.com",
                emailVerified=True,
                image=None,
                isAnonymous=False,
                mustChangePassword=False,
                tenantId="1",
            )
            for number, (id_, agent) in enumerate(zip(_AGENT_IDS, _AGENTS, strict=True), 1)
        ),
        teams=tuple(
            raw(id_, 740, workspaceId=WORKSPACE_ID, name=name)
            for id_, name in zip(_TEAM_IDS, _TEAMS, strict=True)
        ),
    )


def _id_of(kind: str, number: int) -> str:
    kinds = ("custom field", "tag", "inbox", "agent", "team")
    return str(int(WORKSPACE_ID) + (kinds.index(kind) + 1) * 10_000_000 + number * _ID_STEP)


@dataclass(frozen=True)
class _Channel:
    """A channel, its share of new contacts and how often it brings something."""

    name: str
    share: float
    phone: float
    mail: float
    zone: float
    locale: float
    region: float  # of the locales, those that name one
    broadcast: float
    career: tuple[float, float] = (1, 1)  # against the others, at the beginning and at the end
    leaning: tuple[tuple[str, float], ...] = ()  # countries that use it more or less


_CHANNELS = (
    _Channel("whatsapp", 51, 1, 0.24, 0, 0, 0, 0.69, leaning=(("US", 0.5), ("VN", 0.1))),
    _Channel("instagram", 17, 0.3, 0.14, 0.35, 0.8, 0.94, 0.4, (0.7, 1.3)),
    _Channel("messenger", 10.5, 0.2, 0.1, 0.6, 0.93, 0.96, 0.44, (1.3, 0.9)),
    _Channel("webchat", 8.5, 0.15, 0.25, 0.88, 0.9, 0.8, 0.14, leaning=(("US", 2), ("PT", 1.3))),
    _Channel("telegram", 3.6, 0.35, 0.05, 0.2, 0.9, 0.7, 0.5, (1.2, 0.8), (("MX", 1.6), ("AO", 3))),
    _Channel("tiktok", 2.8, 0.1, 0, 0, 0.9, 0.9, 0.4, leaning=(("MX", 1.6), ("VN", 3))),
    _Channel("smtp", 3.4, 0.3, 1, 0.3, 0.5, 1, 0.3, (1.4, 0.7), (("PT", 1.8), ("DE", 2))),
    _Channel("zalo", 3.2, 0.6, 0.05, 0, 0.8, 1, 0.6, (0.3, 1.5), (("VN", 2000),)),
    _Channel("", 0, 0, 0.8, 0, 0, 0, 0),
)
(
    _WHATSAPP,
    _INSTAGRAM,
    _MESSENGER,
    _WEBCHAT,
    _TELEGRAM,
    _TIKTOK,
    _SMTP,
    _ZALO,
    _NONE,  # imported, never written to
) = range(len(_CHANNELS))


@dataclass(frozen=True)
class _Inbox:
    channel: str
    name: str
    source: str
    status: str = "connected"


_INBOXES = (  # the first of each channel in the order of the channels
    _Inbox("whatsapp", "WhatsApp +55", "5511900000001"),
    _Inbox("instagram", "casaaurora", "17840000000001"),
    _Inbox("messenger", "Casa Aurora", "100000000000001"),
    _Inbox("webchat", "Shop chat", "wc-casaaurora"),
    _Inbox("telegram", "Casa Aurora bot", "7000000001"),
    _Inbox("tiktok", "casaaurora", "tt-casaaurora"),
    _Inbox("smtp", "Customer mail", "hello@example.com"),
    _Inbox("zalo", "Casa Aurora Việt Nam", "zl-1000001"),
    _Inbox("whatsapp", "WhatsApp México +52", "525510000001", status="disconnected"),
)
_WHATSAPP_MEXICO = len(_INBOXES) - 1
_INBOX_IDS = tuple(_id_of("inbox", number) for number in range(len(_INBOXES)))
# One more, for an empty slot: numpy takes -1 for the last.
_CHANNEL_OF_INBOX = np.array([*range(len(_CHANNELS) - 1), _WHATSAPP, -1])

_TEAMS = ("Customer care", "Sales", "Wholesale")
_CARE, _SALES, _WHOLESALE = range(3)
_TEAM_IDS = tuple(_id_of("team", number) for number in range(len(_TEAMS)))


@dataclass(frozen=True)
class _Agent:
    name: str
    team: int
    open_share: float
    archived_share: float
    languages: tuple[str, ...] = ()


_AGENTS = (
    _Agent("Helena Duarte", _CARE, 31, 16),
    _Agent("Marcos Lima", _CARE, 14, 14),
    _Agent("Emily Carter", _CARE, 12, 12),
    _Agent("Linh Nguyen", _CARE, 5, 6, ("vi",)),
    _Agent("Diego Torres", _SALES, 12, 13),
    _Agent("Carmen Ruiz", _SALES, 10, 12),
    _Agent("Samuel Okoye", _SALES, 0, 11),
    _Agent("Sofia Marques", _WHOLESALE, 6, 7),
    _Agent("Thomas Weber", _WHOLESALE, 4, 5),
)
_OVERLOADED = 0
_AGENT_IDS = tuple(_id_of("agent", number) for number in range(len(_AGENTS)))


@dataclass(frozen=True)
class _Tag:
    key: str
    broadcast: float = 0.0  # what it adds to the chance of an opt-in
    deleted: int | None = None  # days ago
    shown: str | None = None

    @property
    def name(self) -> str:
        return self.shown or self.key


_TAGS = (
    _Tag("Newsletter", 0.14),
    _Tag("VIP", 0.1),
    _Tag("First order"),
    _Tag("Repeat customer", 0.06),
    _Tag("Loyalty", 0.1),
    _Tag("Wholesale"),
    _Tag("Returned item", -0.14),
    _Tag("Complaint", -0.22),
    _Tag("Old catalogue", deleted=45),
    _Tag("Kitchen", 0.02),
    _Tag("Bedroom"),
    _Tag("Garden"),
    _Tag("Black Friday", 0.07),
    _Tag("Lead"),
    _Tag("Abandoned cart", -0.04),
    _Tag("Gift card"),
    _Tag("Showroom visit", 0.05),
    _Tag("Lead, from the form", shown="Lead"),
)
_TAG_KEYS = tuple(tag.key for tag in _TAGS)


@dataclass(frozen=True)
class _Country:
    code: str
    name: str
    share: float
    utc_offset: float
    zone: str
    locale: str
    phones: str  # beginnings of numbers, a # for each further digit

    def phone(self, noise: int) -> str:
        beginnings = self.phones.split()
        beginning = beginnings[noise % len(beginnings)]
        digits = beginning.count("#")
        return f"{beginning[:-digits]}{(noise >> 8) % 10**digits:0{digits}d}"


_COUNTRIES = (
    _Country("BR", "Brasil", 58, -3, "America/Sao_Paulo", "pt_BR", "+5511900###### +5521900######"),
    _Country("PT", "Portugal", 10.5, 0, "Europe/Lisbon", "pt_PT", "+3519100##### +3519600#####"),
    _Country("MX", "México", 8, -6, "America/Mexico_City", "es_MX", "+525510###### +523310######"),
    _Country("VN", "Việt Nam", 2, 7, "Asia/Ho_Chi_Minh", "vi_VN", "+84900###### +84980######"),
    _Country("US", "United States", 5, -5, "America/New_York", "en_US", "+1212555####"),
    _Country("ES", "España", 4, 1, "Europe/Madrid", "es_ES", "+34600###### +34690######"),
    _Country("AR", "Argentina", 3.4, -3, "America/Buenos_Aires", "es_AR", "+5491150######"),
    _Country("CO", "Colombia", 2.6, -5, "America/Bogota", "es_CO", "+573000###### +573100######"),
    _Country("CL", "Chile", 0.7, -4, "America/Santiago", "es_CL", "+56990######"),
    _Country("PE", "Perú", 0.6, -5, "America/Lima", "es_PE", "+51900######"),
    _Country("UY", "Uruguay", 0.4, -3, "America/Montevideo", "es_UY", "+59899000###"),
    _Country("PY", "Paraguay", 0.3, -3, "America/Asuncion", "es_PY", "+59598100####"),
    _Country("EC", "Ecuador", 0.25, -5, "America/Guayaquil", "es_EC", "+5939900#####"),
    _Country("BO", "Bolivia", 0.2, -4, "America/La_Paz", "es_BO", "+5917000####"),
    _Country("CR", "Costa Rica", 0.15, -6, "America/Costa_Rica", "es_CR", "+5068300####"),
    _Country(
        "DO", "Dominican Republic", 0.12, -4, "America/Santo_Domingo", "es_DO", "+1809555####"
    ),
    _Country("PA", "Panama", 0.1, -5, "America/Panama", "es_PA", "+5076000####"),
    _Country("GT", "Guatemala", 0.1, -6, "America/Guatemala", "es_GT", "+5025000####"),
    _Country("AO", "Angola", 0.45, 1, "Africa/Luanda", "pt_AO", "+2449230#####"),
    _Country("MZ", "Mozambique", 0.25, 2, "Africa/Maputo", "pt_MZ", "+2588400#####"),
    _Country("CV", "Cape Verde", 0.15, -1, "Atlantic/Cape_Verde", "pt_CV", "+2389900###"),
    _Country("FR", "France", 0.4, 1, "Europe/Paris", "fr_FR", "+3361000####"),
    _Country("DE", "Germany", 0.4, 1, "Europe/Berlin", "de_DE", "+4915100000###"),
    _Country("IT", "Italy", 0.3, 1, "Europe/Rome", "it_IT", "+393200######"),
    _Country("GB", "United Kingdom", 0.35, 0, "Europe/London", "en_GB", "+447400######"),
    _Country("IE", "Ireland", 0.15, 0, "Europe/Dublin", "en_IE", "+353850######"),
    _Country("NL", "Netherlands", 0.12, 1, "Europe/Amsterdam", "nl_NL", "+3161000####"),
    _Country("CH", "Switzerland", 0.15, 1, "Europe/Zurich", "de_CH", "+41760000###"),
    _Country("BE", "Belgium", 0.08, 1, "Europe/Brussels", "nl_BE", "+324700#####"),
    _Country("LU", "Luxembourg", 0.08, 1, "Europe/Luxembourg", "fr_LU", "+352621000###"),
    _Country("PL", "Poland", 0.06, 1, "Europe/Warsaw", "pl_PL", "+4850000####"),
    _Country("SE", "Sweden", 0.05, 1, "Europe/Stockholm", "sv_SE", "+4670174####"),
    _Country("CA", "Canada", 0.3, -5, "America/Toronto", "en_CA", "+141655501## +160455501##"),
    _Country("AU", "Australia", 0.1, 10, "Australia/Sydney", "en_AU", "+6149157####"),
    _Country("JP", "Japan", 0.15, 9, "Asia/Tokyo", "ja_JP", "+819010######"),
    _Country("TH", "Thailand", 0.06, 7, "Asia/Bangkok", "th_TH", "+668100#####"),
)
_COUNTRY_CODES = tuple(country.code for country in _COUNTRIES)

_NAMES = {  # by language: first and last, eight each
    "pt": (
        ("Ana", "João", "Maria", "Pedro", "Beatriz", "Lucas", "Camila", "Rafael"),
        ("Silva", "Santos", "Oliveira", "Souza", "Pereira", "Costa", "Almeida", "Araújo"),
    ),
    "es": (
        ("Lucía", "Diego", "Elena", "José", "Valentina", "Mateo", "Carla", "Andrés"),
        ("García", "Martínez", "López", "Hernández", "Pérez", "Ramírez", "Flores", "Díaz"),
    ),
    "vi": (
        ("Lan", "Minh", "Thảo", "Hùng", "Ngọc", "Dũng", "Hương", "Tuấn"),
        ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Vũ", "Đặng"),
    ),
    "en": (
        ("Alice", "Adam", "Clara", "Ben", "Hannah", "James", "Nina", "Oscar"),
        ("Baker", "Cooper", "Evans", "Green", "Harris", "Miller", "Taylor", "Young"),
    ),
}
