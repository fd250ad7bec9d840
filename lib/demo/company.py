"""Casa Aurora, a fictitious home-goods retailer: its inboxes, agents, tags and customers.

All people are made up. Addresses are under example.com and example.org, and phone numbers are drawn
from a narrow part of each country's numbering plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from lib.demo.times import DAY, as_texts, as_times

ID_STEP = 64  # leaves room between two contacts for the ids of what belongs to them

WORKSPACE_ID = "2640118873205145600"


@dataclass(frozen=True)
class Company:
    """The entities that contacts refer to, encoded as JSON once, since all contacts share them."""

    tags: tuple[msgspec.Raw, ...]
    inboxes: tuple[msgspec.Raw, ...]
    agents: tuple[msgspec.Raw, ...]
    teams: tuple[msgspec.Raw, ...]


def raw_company(now: int) -> Company:
    def before(days: int) -> str:
        return str(as_texts(as_times(np.array([now - days * DAY])))[0])

    def raw(id_: str, made: int, changed: int | None = None, **details: Any) -> msgspec.Raw:
        """Encode an entity that was `made` and last `changed` so many days ago."""
        times = {"createdAt": before(made), "updatedAt": before(changed or made)}
        entity = {"id": id_, **times, **details}
        return msgspec.Raw(msgspec.json.encode(entity))

    return Company(
        tags=tuple(
            raw(
                id_of("tag", number),
                720 - 30 * number,
                tag.deleted,
                name=tag.name,
                deletedAt=before(tag.deleted) if tag.deleted else None,
                folderId=None,
                workspaceId=WORKSPACE_ID,
            )
            for number, tag in enumerate(TAGS)
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
            for id_, inbox in zip(INBOX_IDS, INBOXES, strict=True)
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
            for number, (id_, agent) in enumerate(zip(AGENT_IDS, AGENTS, strict=True), 1)
        ),
        teams=tuple(
            raw(id_, 740, workspaceId=WORKSPACE_ID, name=name)
            for id_, name in zip(TEAM_IDS, _TEAMS, strict=True)
        ),
    )


def id_of(kind: str, number: int) -> str:
    kinds = ("custom field", "tag", "inbox", "agent", "team")
    return str(int(WORKSPACE_ID) + (kinds.index(kind) + 1) * 10_000_000 + number * ID_STEP)


@dataclass(frozen=True)
class _Channel:
    """A channel, its share of new contacts, and how often its contacts have each field."""

    name: str
    share: float
    phone: float
    mail: float
    zone: float
    locale: float
    region: float  # share of the locales that include a region
    broadcast: float
    career: tuple[float, float] = (1, 1)  # factor on the share at the start and at the end
    leaning: tuple[tuple[str, float], ...] = ()  # countries that use it more or less
    sources: tuple[tuple[str, float], ...] = (("inboundMessage", 1),)  # how people come in


CHANNELS = (
    _Channel(
        "whatsapp",
        51,
        1,
        0.24,
        0,
        0,
        0,
        0.69,
        leaning=(("US", 0.5), ("VN", 0.1)),
        sources=(("inboundMessage", 5), ("ads", 3), ("botLink", 1.5), ("direct", 0.5)),
    ),
    _Channel(
        "instagram",
        17,
        0.3,
        0.14,
        0.35,
        0.8,
        0.94,
        0.4,
        (0.7, 1.3),
        sources=(("inboundMessage", 4), ("comments", 3), ("ads", 3)),
    ),
    _Channel(
        "messenger",
        10.5,
        0.2,
        0.1,
        0.6,
        0.93,
        0.96,
        0.44,
        (1.3, 0.9),
        sources=(("inboundMessage", 4), ("ads", 4), ("comments", 2)),
    ),
    _Channel(
        "webchat",
        8.5,
        0.15,
        0.25,
        0.88,
        0.9,
        0.8,
        0.14,
        leaning=(("US", 2), ("PT", 1.3)),
        sources=(("webchat", 6), ("chatPlugin", 4)),
    ),
    _Channel(
        "telegram",
        3.6,
        0.35,
        0.05,
        0.2,
        0.9,
        0.7,
        0.5,
        (1.2, 0.8),
        (("MX", 1.6), ("AO", 3)),
        sources=(("botLink", 7), ("inboundMessage", 3)),
    ),
    _Channel(
        "tiktok",
        2.8,
        0.1,
        0,
        0,
        0.9,
        0.9,
        0.4,
        leaning=(("MX", 1.6), ("VN", 3)),
        sources=(("ads", 7), ("inboundMessage", 3)),
    ),
    _Channel(
        "smtp",
        3.4,
        0.3,
        1,
        0.3,
        0.5,
        1,
        0.3,
        (1.4, 0.7),
        (("PT", 1.8), ("DE", 2)),
        sources=(("api", 5), ("direct", 5)),
    ),
    _Channel("zalo", 3.2, 0.6, 0.05, 0, 0.8, 1, 0.6, (0.3, 1.5), (("VN", 2000),)),
    _Channel("", 0, 0, 0.8, 0, 0, 0, 0),
)

SOURCES = (
    "inboundMessage",
    "ads",
    "webchat",
    "botLink",
    "chatPlugin",
    "comments",
    "imported",
    "api",
    "direct",
)

(
    WHATSAPP,
    INSTAGRAM,
    MESSENGER,
    WEBCHAT,
    _TELEGRAM,
    TIKTOK,
    SMTP,
    _ZALO,
    NONE,  # imported, without an inbox
) = range(len(CHANNELS))


@dataclass(frozen=True)
class _Inbox:
    channel: str
    name: str
    source: str
    status: str = "connected"


INBOXES = (  # the first inbox of each channel, in the order of the channels
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

WHATSAPP_MEXICO = len(INBOXES) - 1

INBOX_IDS = tuple(id_of("inbox", number) for number in range(len(INBOXES)))

# With one more element for an empty slot, whose inbox is -1 and thus indexes the last element.
CHANNEL_OF_INBOX = np.array([*range(len(CHANNELS) - 1), WHATSAPP, -1])

_TEAMS = ("Customer care", "Sales", "Wholesale")

_CARE, _SALES, WHOLESALE = range(3)

TEAM_IDS = tuple(id_of("team", number) for number in range(len(_TEAMS)))


@dataclass(frozen=True)
class _Agent:
    name: str
    team: int
    open_share: float
    archived_share: float
    languages: tuple[str, ...] = ()


AGENTS = (
    _Agent("Helena Duarte", _CARE, 31, 16),
    _Agent("Marcos Lima", _CARE, 14, 14),
    _Agent("Emily Carter", _CARE, 12, 12),
    _Agent("Linh Nguyen", _CARE, 5, 6, ("vi",)),
    _Agent("Diego Torres", _SALES, 12, 13),
    _Agent("Carmen Ruiz", _SALES, 10, 12),
    _Agent("Samuel Okoye", _SALES, 0, 11),
    _Agent("Sofia Marques", WHOLESALE, 6, 7),
    _Agent("Thomas Weber", WHOLESALE, 4, 5),
)

OVERLOADED = 0

AGENT_IDS = tuple(id_of("agent", number) for number in range(len(AGENTS)))


@dataclass(frozen=True)
class _Tag:
    key: str
    broadcast: float = 0.0  # added to the probability of broadcast opt-in
    deleted: int | None = None  # days ago
    shown: str | None = None

    @property
    def name(self) -> str:
        return self.shown or self.key


TAGS = (
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

TAG_KEYS = tuple(tag.key for tag in TAGS)


@dataclass(frozen=True)
class _Country:
    code: str
    name: str
    share: float
    utc_offset: float
    zone: str
    locale: str
    phones: str  # number patterns separated by blanks, # for a random digit

    def phone(self, noise: int) -> str:
        beginnings = self.phones.split()
        beginning = beginnings[noise % len(beginnings)]
        digits = beginning.count("#")
        return f"{beginning[:-digits]}{(noise >> 8) % 10**digits:0{digits}d}"


COUNTRIES = (
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

COUNTRY_CODES = tuple(country.code for country in COUNTRIES)

NAMES = {  # by language: eight first and eight last names
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
