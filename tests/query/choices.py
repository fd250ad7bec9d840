"""A workspace's options, for tests of choices and of their links."""

from __future__ import annotations

from lib.query.options import Option, Options
from lib.store.dimensions import (
    MISSING,
)

OPTIONS = Options(
    {
        "channel": (
            Option("whatsapp", "WhatsApp", 5),
            Option("line", "line", 1),
            Option("none", "none", 1),
            Option(MISSING, "No channel", 1),
        ),
        "country": (
            Option("BR", "Brazil", 4),
            Option("VN", "Vietnam", 2),
            Option("unknown", "?", 1),
        ),
        "tag": (
            Option("601", "VIP", 3),
            Option("Ab", "upper", 2),
            Option("aB", "lower", 1),
            Option(MISSING, "Untagged", 1),
        ),
        "source": (Option("ads", "Ads", 3), Option("botLink", "Bot link", 1)),
        "team": (Option("201", "Sales", 2), Option("202", "Care", 1)),
        "agent": (Option("101", "Ana", 1), Option("102", "Bia", 3), Option(MISSING, "No agent", 2)),
    }
)
